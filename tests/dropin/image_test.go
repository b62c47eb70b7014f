package dropin

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend"
	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

const (
	labelCaps    = "moby.buildkit.frontend.caps"
	labelNetwork = "moby.buildkit.frontend.network.none"
	labelVersion = "io.github.org.pullsafe.dockerfile.version"
)

// upstreamCaps are all capabilities that a frontend was ever asked for; the image
// must list those that the linked builder has, and no other.
var upstreamCaps = []string{
	"moby.buildkit.frontend.inputs",
	"moby.buildkit.frontend.subrequests",
	"moby.buildkit.frontend.contexts",
	"moby.buildkit.frontend.gitquerystring",
	"moby.buildkit.frontend.contexts.zstd",
}

// askCap asks the frontend for a capability, as buildx does, and returns its
// refusal. A request that it does not know is enough: it comes after the caps.
func askCap(t *testing.T, name string) error {
	t.Helper()
	e, c := world.Fresh(t)
	res := world.Solve(t, e, c, harness.SolveInput{
		Frontend: harness.Frontend{Func: frontend.Build},
		Files:    world.Dockerfile("FROM scratch\n"),
		Opts:     map[string]string{"frontend.caps": name, "requestid": "frontend.subrequests.describe"},
	})
	return res.Err
}

// TestCapsLabel holds the label of the image together with the linked builder.
func TestCapsLabel(t *testing.T) {
	target, err := harness.CheckoutTarget(harness.ChannelMainline)
	require.NoError(t, err)
	require.Equal(t, "true", target.Labels[labelNetwork])
	listed := strings.Split(target.Labels[labelCaps], ",")
	for _, name := range append(slices.Clone(listed), upstreamCaps...) {
		err := askCap(t, name)
		if slices.Contains(listed, name) {
			require.NoError(t, err, "the image lists %s, the builder has it not", name)
		} else {
			require.Error(t, err, "the builder has %s, the image does not list it", name)
		}
	}
	require.ErrorContains(t, askCap(t, "moby.buildkit.frontend.nonsense"), "unsupported frontend capability")
}

// TestVersionFlag tells the channels apart as upstream's tags do, and says of the
// Dockerfile frontend what the image's label says.
func TestVersionFlag(t *testing.T) {
	for channel, suffix := range map[string]string{harness.ChannelMainline: "", harness.ChannelLabs: "-labs"} {
		t.Run(channel, func(t *testing.T) {
			binary, err := harness.T(t).BuildFrontend(t.Context(), channel)
			require.NoError(t, err)
			out, err := exec.CommandContext(t.Context(), binary, "-version").Output()
			require.NoError(t, err)
			require.Regexp(t, `^pullsafe-frontend v\d+\.\d+\.\d+\S* \S+ \(docker/dockerfile 1\.\d+\.\d+`+suffix+`, BuildKit v\d+\.\d+\.\d+\)\n$`, string(out))
			target, err := harness.CheckoutTarget(channel)
			require.NoError(t, err)
			require.Contains(t, string(out), "(docker/dockerfile "+target.Labels[labelVersion]+", ")
		})
	}
}

// TestLabsImage is the reported case with the image of the other channel; "make
// conformance" compares that with upstream's.
func TestLabsImage(t *testing.T) {
	e, c := world.Fresh(t)
	target, err := harness.CheckoutTarget(harness.ChannelLabs)
	require.NoError(t, err)
	binary, err := e.BuildFrontend(t.Context(), harness.ChannelLabs)
	require.NoError(t, err)
	_, err = shared.Local.PushBinary(t.Context(), "org/pullsafe:labs", binary, target)
	require.NoError(t, err)
	res := world.Solve(t, e, c, harness.SolveInput{
		Frontend:     harness.Frontend{Image: shared.Local.Addr + "/org/pullsafe:labs"},
		Files:        world.Dockerfile(world.UVDockerfile),
		DockerConfig: world.Stale(t, e),
	})
	require.NoError(t, res.Err)
	require.Len(t, world.RefusedWarnings(res), 1)
	world.RequireAnonymousPull(t, shared.GHCR, "astral-sh/uv", "GHCR.IO:443")
}
