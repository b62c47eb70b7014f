package tests

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// TestBuildctl runs BuildKit's own client: the frontend image is named as an
// option, and the login comes from config.json.
func TestBuildctl(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	require.NoError(t, e.Tools.Need(harness.ToolBuildctl))
	build := func(text string) *harness.Output {
		out, err := e.Run(t.Context(), e.Tools.Path(harness.ToolBuildctl), harness.CommandOpt{
			Args: []string{
				"--addr=" + d.Addr, "build", "--progress=plain", "--frontend=gateway.v0", "--opt=source=" + shared.Pullsafe,
				"--local=context=.", "--local=dockerfile=.",
			},
			Files: world.Dockerfile(text), DockerConfig: world.Stale(t, e),
		})
		require.NoError(t, err)
		return out
	}
	out := build(world.UVDockerfile)
	require.Zero(t, out.Code, out.Stderr)
	require.Contains(t, out.Stderr, "[pullsafe] ghcr.io rejected the stored credentials (\"denied\"). Run: docker logout ghcr.io. Resolved ghcr.io/astral-sh/uv:0.7.1 without them")
	world.RequireAnonymousPull(t, shared.GHCR, "astral-sh/uv", "GHCR.IO:443")

	out = build("FROM ghcr.io/acme/private-base:1\n")
	require.Equal(t, 1, out.Code)
	require.Contains(t, out.Stderr, "error: failed to solve: the image could not be resolved\n\nghcr.io rejected the stored credentials (\"denied\"); the anonymous fallback was denied")
	require.Contains(t, out.Stderr, "docker logout ghcr.io")
}
