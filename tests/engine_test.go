package tests

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// TestDockerEngine runs the example of the README through Docker Engine 20.10,
// whose BuildKit has no source policies and no warnings: `docker buildx build`,
// the frontend image on the syntax line, the login in config.json.
func TestDockerEngine(t *testing.T) {
	e := harness.T(t)
	require.NoError(t, e.Tools.Need(harness.ToolEngine))
	shared.Reset()
	d, err := e.StartDockerd(t.Context())
	require.NoError(t, err)
	harness.LogOnFailure(t, d.Process)
	build := func(t *testing.T, text string, cfg *harness.DockerConfig, args ...string) *harness.Output {
		t.Helper()
		shared.Reset()
		args = append([]string{"build", "--progress=plain", "--network=host", "--no-cache"}, args...)
		out, err := d.Buildx(t.Context(), harness.CommandOpt{
			Args: append(args, "."), DockerConfig: cfg, Env: []string{"NO_COLOR=1"},
			Files: world.Dockerfile("# syntax=" + shared.Pullsafe + "\n" + text),
		})
		require.NoError(t, err)
		require.Empty(t, e.Network.Refused())
		return out
	}

	t.Run("public image, login refused", func(t *testing.T) {
		out := build(t, world.UVDockerfile, world.Stale(t, e), "-t", "example")
		require.Zero(t, out.Code, out.Stderr)
		require.Contains(t, out.Stderr, "[pullsafe] ghcr.io rejected the stored credentials (\"denied\"). Run: docker logout ghcr.io. Resolved ghcr.io/astral-sh/uv:0.7.1 without them",
			"the engine shows no warnings: the step has to say it")
		require.Contains(t, out.Stderr, "COPY --from=ghcr.io/astral-sh/uv:0.7.1 /uv /uvx /bin/", "the name stays in the progress")
		world.RequireAnonymousPull(t, shared.GHCR, "astral-sh/uv", "GHCR.IO:443")
		out, err := d.Docker(t.Context(), harness.CommandOpt{Args: []string{"run", "--rm", "--network=host", "example", "cat", "/version"}})
		require.NoError(t, err)
		require.Equal(t, "uv 0.7.1\n", out.Stdout, out.Stderr)
	})
	t.Run("private image, login refused", func(t *testing.T) {
		out := build(t, "FROM ghcr.io/acme/private-base:1\n", world.Stale(t, e))
		require.NotZero(t, out.Code)
		require.Contains(t, out.Stderr, "docker logout ghcr.io")
		require.Contains(t, out.Stderr, "ghcr.io rejected the stored credentials")
	})
	t.Run("login good", func(t *testing.T) {
		out := build(t, "FROM ghcr.io/acme/private-base:1\nCOPY --from=ghcr.io/acme/tools:2 /etc/passwd /x\nRUN true\n", world.Good(t, e))
		require.Zero(t, out.Code, out.Stderr)
		require.Equal(t, []string{"ghcr.io"}, shared.GHCR.Requests().Hosts())
	})
	t.Run("an image of the engine's own store", func(t *testing.T) {
		out := build(t, "FROM example\nRUN cat /version\n", world.Stale(t, e))
		require.Zero(t, out.Code, out.Stderr)
		require.Contains(t, out.Stderr, "uv 0.7.1")
	})
	t.Run("named context", func(t *testing.T) {
		out := build(t, "FROM base\nRUN true\n", world.Stale(t, e), "--build-context", "base=docker-image://ghcr.io/acme/base:1")
		require.Zero(t, out.Code, out.Stderr)
		world.RequireAnonymousPull(t, shared.GHCR, "acme/base", "GHCR.IO:443")
	})
}
