package llb

import (
	"math/rand/v2"
	"testing"

	"github.com/moby/buildkit/solver/pb"
	"github.com/stretchr/testify/require"
)

// FuzzRewrite takes any bytes as a definition. Bytes alone hardly ever make
// inputs that are the digests of other ops, so the ops are also linked: each to
// the ones before it that its bytes pick.
func FuzzRewrite(f *testing.F) {
	add := func(def *pb.Definition) {
		dt, err := def.Marshal()
		require.NoError(f, err)
		f.Add(dt)
	}
	add(build(f, func(ref string) string { return ref }))
	add(definitionOf(f, alpineSource, toolsSource, alpineOther, "local://x", "docker-image://alpine:3"))
	add(randomDefinition(f, rand.New(rand.NewPCG(5, 6)), 12))
	add(&pb.Definition{Def: [][]byte{{0xff}, nil}, Metadata: map[string]*pb.OpMetadata{"": nil}, Source: &pb.Source{Locations: map[string]*pb.Locations{"x": nil}}})
	f.Add([]byte{})

	f.Fuzz(func(t *testing.T, dt []byte) {
		var def pb.Definition
		if def.Unmarshal(dt) != nil {
			return
		}
		fuzzRewrite(t, &def)
		if link(&def) {
			fuzzRewrite(t, &def)
		}
	})
}

func fuzzRewrite(t *testing.T, def *pb.Definition) {
	before := def.CloneVT()
	names := testNames()
	got, err := names.Rewrite(def)
	require.True(t, before.EqualVT(def), "the definition was changed")
	pol, polErr := names.Policy(def)
	if err != nil {
		return
	}
	require.NoError(t, polErr)
	if pol == nil {
		require.Same(t, def, got)
		return
	}
	require.NotEmpty(t, pol.Rules)
	requireSameGraph(t, names, def, got)
	for i, dt := range def.Def {
		v := find(t, names, def, sum(got.Def[i]))
		// Two ops become one when both names of an image were written.
		require.Contains(t, []string{sum(dt), sum(got.Def[i])}, v.Digest().String())
		v.Sources()
		if i == 0 {
			require.Equal(t, def.Def, v.IgnoreCache().Def)
			require.Equal(t, def.Def, names.IgnoreCache(def).Def)
		}
	}

	after, err := names.Policy(got)
	require.NoError(t, err)
	require.Nil(t, after, "an image was left")
}

// link points the inputs of each op at ops before it.
func link(def *pb.Definition) bool {
	var digests []string
	for i, dt := range def.Def {
		var op pb.Op
		if op.Unmarshal(dt) != nil {
			return false
		}
		if i == 0 {
			op.Inputs = nil
		}
		for j, input := range op.Inputs {
			input.Digest = digests[(len(input.Digest)+j+int(uint16(input.Index)))%len(digests)]
		}
		dt, err := op.Marshal()
		if err != nil {
			return false
		}
		def.Def[i] = dt
		digests = append(digests, sum(dt))
	}
	return len(digests) > 0
}
