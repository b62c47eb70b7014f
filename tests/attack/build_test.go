package attack

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// TestBuildFrontend: `docker pullsafe build` takes no image for its own because of
// its path, and replaces none that is pinned by digest; what builds instead of
// pullsafe is never silent.
func TestBuildFrontend(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	const evil = "evil.test/org/pullsafe:1"
	other, err := e.StartRegistry(t.Context(), harness.RegistryOpt{Hosts: []string{"evil.test"}, Mode: harness.ModeOpen})
	require.NoError(t, err)
	_, err = e.PushUpstreamFrontend(t.Context(), other, "org/pullsafe:1")
	require.NoError(t, err)
	digest, err := e.PushUpstreamFrontend(t.Context(), shared.Hub, "docker/dockerfile:1")
	require.NoError(t, err)

	for name, tc := range map[string]struct {
		syntax, named string
		note          string // what is said of the syntax line, "" for nothing
	}{
		"the path on another host": {syntax: evil, named: shared.Pullsafe, note: "asks for"},
		"the same, by default":     {syntax: evil, note: "asks for"},
		"pinned by digest":         {syntax: "docker/dockerfile:1@" + digest, named: shared.Pullsafe, note: "pins"},
		"by its tag":               {syntax: "docker/dockerfile:1", named: shared.Pullsafe},
	} {
		t.Run(name, func(t *testing.T) {
			shared.Reset()
			opt := harness.CommandOpt{
				Files: world.Dockerfile("# syntax=" + tc.syntax + "\nFROM alpine:3.23\n"),
				Args:  []string{"build", "--progress=plain", "."},
				Env:   []string{"BUILDX_BUILDER=" + builder(t, d), "NO_COLOR=1"},
			}
			if tc.named != "" {
				opt.Env = append(opt.Env, "PULLSAFE_FRONTEND="+tc.named)
			}
			out := plugin(t, e, opt)
			require.Zero(t, out.Code, out.Stderr)
			said := strings.Count(out.Stderr, "pullsafe: ")
			if tc.note == "" {
				require.Zero(t, said, out.Stderr)
				require.Empty(t, shared.Hub.Requests().Manifests("docker/dockerfile"))
				return
			}
			require.Equal(t, 1, said, out.Stderr)
			require.Contains(t, out.Stderr, "pullsafe: the Dockerfile "+tc.note+" the frontend "+tc.syntax+" (line 1); building with that one instead of ")
			require.Contains(t, out.Stderr, "; to replace it: --build-arg BUILDKIT_SYNTAX=")
			require.Contains(t, out.Stderr, "resolve image config for docker-image://")
			require.NotContains(t, out.Stderr, "docker-image://"+shared.Pullsafe)

			// What the note says works.
			opt.Args = []string{"build", "--progress=plain", "--build-arg", "BUILDKIT_SYNTAX=" + shared.Pullsafe, "."}
			out = plugin(t, e, opt)
			require.Zero(t, out.Code, out.Stderr)
			require.Contains(t, out.Stderr, "docker-image://"+shared.Pullsafe)
		})
	}
}

// builder makes the daemon a builder of buildx.
func builder(t *testing.T, d *harness.Buildkitd) string {
	t.Helper()
	_, err := d.Buildx(t.Context(), harness.CommandOpt{Args: []string{"version"}})
	require.NoError(t, err)
	return d.Name
}

// plugin runs the plugin by its own name.
func plugin(t *testing.T, e *harness.Env, opt harness.CommandOpt) *harness.Output {
	t.Helper()
	out, err := e.Run(t.Context(), pluginProgram(t, e), opt)
	require.NoError(t, err)
	return out
}
