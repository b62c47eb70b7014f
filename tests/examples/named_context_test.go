package examples

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// layoutCommand writes the frontend image into a folder.
var layoutCommand = regexp.MustCompile(`(?m)^    echo '(.*)' \| docker buildx (build .* -)$`)

// contextCommand builds with a context named on the command line.
var contextCommand = regexp.MustCompile(`(?m)^    docker buildx (build --build-context .* \.)$`)

// buildNamedContext: the frontend image comes from a folder or from a registry of
// the closed network, never from the one that the syntax line names.
func buildNamedContext(t *testing.T, s *stage) {
	files := map[string]string{}
	for _, name := range []string{"Dockerfile", "docker-bake.hcl", "pyproject.toml", "app.py"} {
		files[name] = s.read(t, name)
	}
	dir := s.writeDir(t, files)

	// Outside, where Docker Hub can be reached, with the line of the README.
	m := layoutCommand.FindStringSubmatch(s.read(t, "README.md"))
	require.NotNil(t, m)
	outside := s.buildxWith(t, harness.CommandOpt{Dir: dir, DockerConfig: s.stale, Stdin: m[1] + "\n", Args: strings.Fields(m[2])})
	require.Zero(t, outside.Code, outside.Stderr)
	require.FileExists(t, filepath.Join(dir, "pullsafe", "index.json"))

	ghcr, hub, home := s.registries["ghcr.io"], s.registries["docker.io"], s.registries[mirror]
	for _, reg := range []*harness.Registry{ghcr, hub} {
		reg.ResetRequests()
	}
	e := harness.T(t)
	line := contextCommand.FindStringSubmatch(s.read(t, "README.md"))
	require.NotNil(t, line)
	good := world.GoodLogin(t, e, mirror)
	for _, run := range []struct {
		name, command string
		login         *harness.DockerConfig
	}{
		// The only registry refuses the login, and still the frontend starts.
		{"from-layout", "bake from-layout", s.stale},
		{"from-layout, without a bake file", line[1], good},
		{"from-registry", "bake from-registry", good},
	} {
		home.ResetRequests()
		args := append(strings.Fields(run.command), "--progress=plain", "--no-cache")
		out := s.buildxWith(t, harness.CommandOpt{Dir: dir, DockerConfig: run.login, Args: args})
		require.Zero(t, out.Code, "%s: %s", run.name, out.Stderr)
		require.Contains(t, out.Stderr, "uv (stand-in): sync")
		require.Empty(t, hub.Requests(), "%s", hub.Requests())
		require.Empty(t, ghcr.Requests(), "%s", ghcr.Requests())
		if run.login == s.stale {
			s.requireAnonymous(t, mirror, "mirror/python", "REGISTRY.EXAMPLE.COM")
			s.requireAnonymous(t, mirror, "mirror/uv", "REGISTRY.EXAMPLE.COM")
		}
	}
}
