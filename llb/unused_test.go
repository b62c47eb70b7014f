package llb

import (
	"maps"
	"slices"
	"testing"

	bkllb "github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

// TestUnused: the image is in the definition, and nothing of the result needs it.
func TestUnused(t *testing.T) {
	ref := parse(t, "ghcr.io/acme/base:1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
	for _, platform := range []*ocispecs.Platform{nil, {OS: "linux", Architecture: "arm64"}} {
		def, err := Unused(t.Context(), ref, platform, "check")
		require.NoError(t, err)
		sources, err := ImageSources(def)
		require.NoError(t, err)
		require.Len(t, sources, 1)
		require.Equal(t, ref.String(), sources[0].Ref.String())
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
