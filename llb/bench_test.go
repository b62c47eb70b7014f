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

func benchDefinition(b *testing.B) *pb.Definition {
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
