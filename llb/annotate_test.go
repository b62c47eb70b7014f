package llb

import (
	"testing"

	"github.com/moby/buildkit/solver/pb"
	"github.com/stretchr/testify/require"
)

// TestAnnotate: the ops stay, and what is said of an op is also where a daemon
// that has converted its sources looks for it.
func TestAnnotate(t *testing.T) {
	names := testNames()
	def := build(t, func(ref string) string { return ref })
	before := def.CloneVT()
	converted := requireRewrite(t, names, def)
	ordered, err := rewrite(def, names.edit, marshalInOrder)
	require.NoError(t, err)
	require.NotEqual(t, converted.Def, ordered.Def)

	got := names.Annotate(def)
	require.True(t, before.EqualVT(def), "the original is not changed")
	require.Equal(t, def.Def, got.Def)
	for _, want := range []*pb.Definition{def, converted, ordered} {
		for dgst, meta := range want.Metadata {
			require.True(t, meta.EqualVT(got.Metadata[dgst]))
		}
		for dgst, locations := range want.Source.Locations {
			require.True(t, locations.EqualVT(got.Source.Locations[dgst]))
		}
	}

	require.Same(t, def, Names{"ghcr.io/x": "GHCR.IO/x"}.Annotate(def), "nothing to convert")
	broken := &pb.Definition{Def: [][]byte{{0xff}}}
	require.Same(t, broken, names.Annotate(broken), "the daemon says what is wrong")
	require.Nil(t, names.Annotate(nil))
}

// TestMarshalInOrder: other bytes for the same op.
func TestMarshalInOrder(t *testing.T) {
	op := &pb.Op{
		Inputs:      []*pb.Input{{Digest: "sha256:1", Index: 1}},
		Op:          &pb.Op_Source{Source: &pb.SourceOp{Identifier: toolsSource, Attrs: map[string]string{"b": "2", "a": "1"}}},
		Platform:    &pb.Platform{OS: "linux", Architecture: "amd64"},
		Constraints: &pb.WorkerConstraints{Filter: []string{"x"}},
	}
	dt, err := marshalInOrder(op)
	require.NoError(t, err)
	var got pb.Op
	require.NoError(t, got.Unmarshal(dt))
	require.True(t, op.EqualVT(&got))
	// The key of a field is its number and wire type, here that of bytes.
	var fields []byte
	for rest := dt; len(rest) > 0; rest = rest[2+int(rest[1]):] {
		require.Less(t, rest[1], byte(0x80), "a length of one byte")
		fields = append(fields, rest[0]>>3)
	}
	require.Equal(t, []byte{1, 3, 10, 11}, fields)
}
