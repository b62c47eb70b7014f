package llb

import (
	"math/rand/v2"
	"testing"

	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
)

func sum(dt []byte) string {
	return digest.FromBytes(dt).String()
}

func benchDefinition(b testing.TB) *pb.Definition {
	b.Helper()
	return randomDefinition(b, rand.New(rand.NewPCG(7, 8)), 10_000)
}

func BenchmarkRewrite(b *testing.B) {
	def, names := benchDefinition(b), testNames()
	b.ReportAllocs()
	for b.Loop() {
		got, err := names.Rewrite(def)
		require.NoError(b, err)
		require.NotSame(b, def, got)
	}
}

func BenchmarkRewriteAsIs(b *testing.B) {
	def, names := benchDefinition(b), Names{"ghcr.io/none": "GHCR.IO/none"}
	b.ReportAllocs()
	for b.Loop() {
		got, err := names.Rewrite(def)
		require.NoError(b, err)
		require.Same(b, def, got)
	}
}

func BenchmarkPolicy(b *testing.B) {
	def, names := benchDefinition(b), testNames()
	b.ReportAllocs()
	for b.Loop() {
		pol, err := names.Policy(def)
		require.NoError(b, err)
		require.NotNil(b, pol)
	}
}

// TestAllocations: reading the definition takes most of it; the bounds are for
// each of its 10,000 ops.
func TestAllocations(t *testing.T) {
	def, names := benchDefinition(t), testNames()
	perOp := func(f func() error) float64 {
		return testing.AllocsPerRun(1, func() { require.NoError(t, f()) }) / float64(len(def.Def))
	}
	require.Less(t, perOp(func() error { _, err := names.Rewrite(def); return err }), 60.0)
	require.Less(t, perOp(func() error { _, err := names.Policy(def); return err }), 30.0)
}
