package clients

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// engineKind is a version of Docker Engine.
type engineKind struct {
	name, tool string
	start      func(*harness.Env, context.Context, ...string) (*harness.Dockerd, error)
	// says is where the user learns of the fallback: 20.10 knows no warnings.
	says string
}

var (
	engine20 = engineKind{"Engine 20.10", harness.ToolEngine, (*harness.Env).StartDockerd, "[pullsafe] ghcr.io rejected the stored credentials ("}
	engine29 = engineKind{"Engine 29", harness.ToolEngine29, (*harness.Env).StartEngine29, "RegistryCredentialsRejected: ghcr.io rejected"}
)

// engine starts a Docker Engine that has seen nothing.
func engine(t *testing.T, kind engineKind, args ...string) *harness.Dockerd {
	t.Helper()
	e := harness.T(t)
	require.NoError(t, e.Tools.Need(kind.tool))
	d, err := kind.start(e, t.Context(), args...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Stop(context.WithoutCancel(t.Context()))) })
	harness.LogOnFailure(t, d.Process)
	return d
}

// docker runs the engine's own client, which has buildx as a plugin.
func docker(t *testing.T, d *harness.Dockerd, opt harness.CommandOpt, args ...string) *harness.Output {
	t.Helper()
	opt.Args, opt.Env = args, append(opt.Env, "NO_COLOR=1")
	out, err := d.Docker(t.Context(), opt)
	require.NoError(t, err)
	require.Zero(t, out.Code, "docker %v:\n%s", args, out.Stderr)
	return out
}

// engineTrials are the programs that build through an engine.
var engineTrials = []struct {
	name          string
	kind          engineKind
	client, tried string
	env           []string
	args          []string // before "build"
	buildx        bool     // the program is buildx, not docker
}{
	{name: "20 buildx", kind: engine20, client: "buildx, docker", tried: "`docker buildx build`, into the engine's store", buildx: true},
	{name: "20 plugin", kind: engine20, client: "docker", tried: "`docker buildx build`, buildx as a plugin of the engine's own client", args: []string{"buildx"}},
	{name: "20 built in", kind: engine20, client: "docker", tried: "`docker build` with `DOCKER_BUILDKIT=1`, without buildx", env: []string{"DOCKER_BUILDKIT=1"}},
	{name: "29 buildx", kind: engine29, client: "buildx, docker", tried: "`docker buildx build`, into the containerd image store", buildx: true},
}

func TestEngine(t *testing.T) {
	slow(t)
	for _, c := range engineTrials {
		t.Run(c.name, func(t *testing.T) {
			tr := trial{
				client: c.client + " (" + c.kind.name + ")", tried: c.tried, repositories: uvRepositories, concurrent: true,
				run: func(t *testing.T, _ *trial, s side) facts {
					d := engine(t, c.kind)
					run := d.Docker
					if c.buildx {
						run = d.Buildx
					}
					out, err := run(t.Context(), harness.CommandOpt{
						Args:  append(c.args, "build", "--progress=plain", "--network=host", "-t", "example", "--iidfile="+filepath.Join(t.TempDir(), "iid"), "."),
						Files: world.Dockerfile("# syntax=" + s.image + "\n" + uvRun), DockerConfig: s.login(t, harness.T(t)), Env: append(c.env, "NO_COLOR=1"),
					})
					require.NoError(t, err)
					require.Zero(t, out.Code, "%s:\n%s", s.name, out.Stderr)
					require.Equal(t, s.refused, strings.Contains(out.Stderr, c.kind.says), out.Stderr)
					return engineFacts(t, d, "example")
				},
			}
			tr.compare(t)
		})
	}
}

// engineFacts are what of an image does not depend on when it was built.
func engineFacts(t *testing.T, d *harness.Dockerd, image string) facts {
	t.Helper()
	inspect := func(format string) string {
		return strings.TrimSpace(docker(t, d, harness.CommandOpt{}, "inspect", "--format="+format, image).Stdout)
	}
	run := docker(t, d, harness.CommandOpt{}, "run", "--rm", "--network=host", image, "cat", "/version", "/etc/image").Stdout
	return facts{
		"`docker run`": strings.Join(strings.Fields(run), " "),
		"base layer":   strings.Fields(inspect("{{range .RootFS.Layers}}{{.}} {{end}}"))[0],
		"layers":       inspect("{{len .RootFS.Layers}}"),
	}
}

// compose is a project of three services: two with an image each, one of which is
// the context of the third. None runs a command: Compose asks for no entitlement to
// the host's network, and the engine of the tests has no other.
const compose = `
services:
  base:
    image: example-base
    build: &build
      dockerfile_inline: |
        FROM ghcr.io/acme/base:1
        COPY --from=ghcr.io/acme/base:1 /etc/image /base
      args: {BUILDKIT_SYNTAX: "${SYNTAX}"}
  example:
    image: example
    build:
      <<: *build
      additional_contexts: {base: "service:base"}
      dockerfile_inline: |
        FROM base
        COPY --from=ghcr.io/astral-sh/uv:0.7.1 /uv /bin/uv
        COPY --from=base /base /version
  other:
    image: example-other
    build:
      <<: *build
      dockerfile_inline: |
        FROM ghcr.io/acme/base:2
        COPY --from=ghcr.io/acme/base:2 /etc/image /version
`

// TestCompose: Compose hands its services to buildx as a bake file.
func TestCompose(t *testing.T) {
	slow(t)
	e := harness.T(t)
	require.NoError(t, e.Tools.Need(harness.ToolCompose))
	tr := trial{
		client: "docker compose (" + engine29.name + ")", tried: "`docker compose build`, three services, one the context of another",
		repositories: uvRepositories, concurrent: true,
		run: func(t *testing.T, _ *trial, s side) facts {
			d := engine(t, engine29)
			out, err := e.Run(t.Context(), e.Tools.Path(harness.ToolCompose), harness.CommandOpt{
				Args: []string{"--progress=plain", "build"}, Files: map[string]string{"compose.yaml": compose},
				DockerConfig: s.login(t, e), Env: []string{"NO_COLOR=1", "SYNTAX=" + s.image, "DOCKER_HOST=" + d.Host},
			})
			require.NoError(t, err)
			require.Zero(t, out.Code, "%s:\n%s%s", s.name, out.Stdout, out.Stderr)
			// Compose prints the steps of a build and none of its warnings.
			require.Equal(t, s.refused, strings.Contains(out.Stdout+out.Stderr, "pullsafe] ghcr.io rejected the stored credentials (\"denied\"). Run: docker logout ghcr.io."), "%s\n%s", out.Stdout, out.Stderr)
			return facts{
				"example": engineFacts(t, d, "example")["`docker run`"], "other": engineFacts(t, d, "example-other")["`docker run`"],
			}
		},
	}
	tr.compare(t)
}
