package frontend

import (
	"maps"
	"testing"

	bkllb "github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/llb"
)

// states are definitions as other targets of a bake file make them.
func states() map[string]bkllb.State {
	return map[string]bkllb.State{
		"second": bkllb.Image("reg.test/by/tag:1", bkllb.LinuxArm64),
		"first": bkllb.Image("reg.test/pinned:1@"+string(testDigest), bkllb.LinuxAmd64).
			File(bkllb.Copy(bkllb.Image("reg.test/digest@"+string(testDigest), bkllb.LinuxAmd64), "/", "/")).
			File(bkllb.Copy(bkllb.Local("context"), "/", "/")),
		"third": bkllb.Scratch(),
	}
}

func inputSession(t *testing.T, opts map[string]string) (*session, *fakeClient) {
	t.Helper()
	s, gw := newSession(t, "FROM first\nCOPY --from=second / /\n", defaults(), nil)
	maps.Copy(gw.opts, opts)
	gw.inputs = states()
	return s, gw
}

func TestInputReferences(t *testing.T) {
	s, _ := inputSession(t, map[string]string{"context:first": "input:first", "context:second": "input:second"})
	var got []string
	for _, r := range s.inputReferences(t.Context()) {
		require.False(t, r.Needed)
		require.Equal(t, r.Name, r.Written)
		got = append(got, r.LogName+" "+references.PlatformString(r.Platform))
	}
	require.Equal(t, []string{
		"[context first] load metadata for reg.test/pinned:1 linux/amd64",
		"[context second] load metadata for reg.test/by/tag:1 linux/arm64",
	}, got)
}

// TestNoInputs: without such a context the client is not asked at all.
func TestNoInputs(t *testing.T) {
	s, gw := inputSession(t, map[string]string{"context:first": "docker-image://reg.test/a:1", "context:second": "local:second"})
	gw.inputs = nil
	require.Empty(t, s.inputReferences(t.Context()))
	require.False(t, s.hasInputs())
}

// TestInputsAreConverted: an image of an input that was refused is
// converted when the build solves it, though the builder never asks for it.
func TestInputsAreConverted(t *testing.T) {
	s, gw := inputSession(t, map[string]string{"context:first": "input:first", "context:second": "input:second"})
	gw.registry = newFake(t, map[string][]string{
		"reg.test/pinned:1": {refused}, "REG.TEST/pinned:1": {""},
		"reg.test/by/tag:1": {"reg.test/by/tag:1: not found"},
	}).registry
	s.preflight(t.Context())()
	require.Equal(t, llb.Names{"reg.test/pinned": "REG.TEST/pinned"}, s.client.resolver.names())
	require.ElementsMatch(t, []string{"reg.test/pinned:1", "REG.TEST/pinned:1", "reg.test/by/tag:1"}, gw.asked())
}

func TestByTag(t *testing.T) {
	for _, tc := range []struct{ name, identifier, want string }{
		{"tag", "docker-image://reg.test/a:1", "reg.test/a:1"},
		{"tag and digest", "docker-image://reg.test/a:1@" + string(testDigest), "reg.test/a:1"},
		{"digest only", "docker-image://reg.test/a@" + string(testDigest), ""},
		{"no tag", "docker-image://reg.test/a", "reg.test/a:latest"},
		{"port", "docker-image://reg.test:5000/a/b:1@" + string(testDigest), "reg.test:5000/a/b:1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			named, ok := llb.ParseImageSource(tc.identifier)
			require.True(t, ok)
			got, ok := byTag(named)
			require.Equal(t, tc.want, got)
			require.Equal(t, tc.want != "", ok)
		})
	}
}

func TestOCIPlatform(t *testing.T) {
	require.Nil(t, ociPlatform(nil))
	got := ociPlatform(&pb.Platform{OS: "windows", Architecture: "arm", Variant: "v7", OSVersion: "10", OSFeatures: []string{"x"}})
	require.Equal(t, &platform{OS: "windows", Architecture: "arm", Variant: "v7", OSVersion: "10", OSFeatures: []string{"x"}}, got)
}
