package install

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// TestPull: with the stored credentials, and where they are rejected, without.
func TestPull(t *testing.T) {
	each(t, func(t *testing.T, m *machine) {
		before := m.config()
		const image = "ghcr.io/astral-sh/uv:0.7.1"
		require.NotZero(t, m.with(harness.CommandOpt{}, "pull", image).Code, "the login is refused")
		shared.Reset()
		out := m.docker(harness.CommandOpt{}, "pullsafe", "pull", "-q", "--platform=linux/arm64", image, "alpine:3.23")
		require.Equal(t, image+"\ndocker.io/library/alpine:3.23\n", out.Stdout)
		require.Equal(t, "pullsafe: ghcr.io rejected the stored credentials; resolved "+image+" without them. Run: docker logout ghcr.io\n", out.Stderr)
		require.Empty(t, shared.GHCR.Requests().Blobs("astral-sh/uv").WithCredentials())
		require.NotEmpty(t, shared.GHCR.Requests().Blobs("astral-sh/uv"))
		inspect := []string{"image", "inspect", "--format={{.Architecture}}", image}
		if m.kind.tool == harness.ToolEngine29 {
			inspect = append(inspect, "--platform=linux/arm64")
		}
		require.Contains(t, m.docker(harness.CommandOpt{}, inspect...).Stdout, "arm64")
		require.Equal(t, before, m.config())

		m.docker(harness.CommandOpt{}, "pullsafe", "pull", "-q", "-a", "ghcr.io/acme/base")
		tags := m.docker(harness.CommandOpt{}, "image", "ls", "--format={{.Tag}}", "ghcr.io/acme/base").Stdout
		require.Contains(t, tags, "1")
		require.Contains(t, tags, "2")

		out = m.with(harness.CommandOpt{}, "pullsafe", "pull", "ghcr.io/acme/private-base:1", "alpine:3.23")
		require.Equal(t, 1, out.Code)
		require.Contains(t, out.Stderr, "Error response from daemon", "docker's own words")
		require.Contains(t, out.Stderr, "the anonymous fallback was denied: private or missing")
		require.Contains(t, out.Stderr, "docker login ghcr.io")
		require.Contains(t, out.Stdout, "alpine:3.23", "the others are pulled")

		out = m.with(harness.CommandOpt{}, "pullsafe", "pull", "alpine:missing")
		require.Equal(t, 1, out.Code)
		require.Contains(t, out.Stderr, "not found")
		out = m.with(harness.CommandOpt{}, "pullsafe", "pull")
		require.Equal(t, 2, out.Code)
	})
}

// TestHintAfterComposePull: Docker Compose tells nobody why it failed; the hook asks the
// registries.
func TestHintAfterComposePull(t *testing.T) {
	if !world.Full() {
		t.Skip("Compose is a tool of make compat")
	}
	m := newMachine(t, kinds[0])
	require.NoError(t, m.e.Tools.Need(harness.ToolCompose))
	require.NoError(t, os.Symlink(m.e.Tools.Path(harness.ToolCompose), filepath.Join(m.cfg.Dir, "cli-plugins", "docker-compose")))
	m.docker(harness.CommandOpt{}, "pullsafe", "install", "--hooks", "--yes")
	out, err := m.e.RunTerminal(t.Context(), filepath.Join(filepath.Dir(m.e.Tools.Path(m.kind.tool)), "docker"), harness.CommandOpt{
		Args: []string{"compose", "pull"}, DockerConfig: m.cfg, Env: append(m.env, "DOCKER_HOST="+m.d.Host),
		Files: map[string]string{"compose.yaml": "services:\n  uv:\n    image: ghcr.io/astral-sh/uv:0.7.1\n"},
	}, 140, 40)
	require.NoError(t, err)
	require.NotZero(t, out.Code)
	_, next, ok := strings.Cut(string(out.Stream), "What's next:")
	require.True(t, ok, string(out.Stream))
	require.Contains(t, next, "ghcr.io rejected the stored credentials; the image may not need any. Find out: docker pullsafe check -f compose.yaml")
}
