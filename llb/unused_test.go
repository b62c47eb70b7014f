package llb

import (
	"maps"
	"slices"
	"testing"

	"github.com/distribution/reference"
	bkllb "github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

// TestUnused: the images are in the definition, and nothing of the result needs them.
func TestUnused(t *testing.T) {
	ref, other := parse(t, "ghcr.io/acme/base:1@"+testDigest), parse(t, "GHCR.IO/acme/base:1@"+testDigest)
	for _, platform := range []*ocispecs.Platform{nil, {OS: "linux", Architecture: "arm64"}} {
		def, err := Unused(t.Context(), []reference.Named{ref, other}, platform, digest.FromString("id"), "check")
		require.NoError(t, err)
		sources, err := ImageSources(def)
		require.NoError(t, err)
		require.Len(t, sources, 2)
		require.Equal(t, ref.String(), sources[0].Ref.String())
		require.Equal(t, other.String(), sources[1].Ref.String())
		if platform != nil {
			require.Equal(t, "arm64", sources[0].Platform.Architecture)
		}

		op, err := bkllb.NewDefinitionOp(def)
		require.NoError(t, err)
		again, err := bkllb.NewState(op.Output()).Marshal(t.Context())
		require.NoError(t, err)
		used, err := ImageSources(again.ToPB())
		require.NoError(t, err)
		require.Empty(t, used)
		require.True(t, slices.ContainsFunc(slices.Collect(maps.Values(def.Metadata)), func(m *pb.OpMetadata) bool {
			return m.Description["llb.customname"] == "check"
		}), "the step has the name")
	}
}

// TestUnusedIDs: BuildKit names a step after the first op of its digest, so that two
// steps with different names have to be different ops; the same id gives the same.
func TestUnusedIDs(t *testing.T) {
	ref := parse(t, "ghcr.io/acme/base:1@"+testDigest)
	step := func(id, name string) string {
		def, err := Unused(t.Context(), []reference.Named{ref}, nil, digest.FromString(id), name)
		require.NoError(t, err)
		for dgst, meta := range def.Metadata {
			if meta.Description["llb.customname"] == name {
				return dgst
			}
		}
		require.Fail(t, "no step")
		return ""
	}
	require.Equal(t, step("a", "one"), step("a", "two"))
	require.NotEqual(t, step("a", "one"), step("b", "one"))
}
