package references_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/references"
)

// manyStages is a Dockerfile of n stages, of which the last needs every other.
func manyStages(n int) []byte {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "FROM ghcr.io/acme/image-%d:1 AS s%d\nRUN make\n", i, i)
	}
	b.WriteString("FROM scratch\n")
	for i := range n {
		fmt.Fprintf(&b, "COPY --from=s%d /out /out%d\n", i, i)
	}
	return []byte(b.String())
}

func BenchmarkCollect(b *testing.B) {
	for _, n := range []int{1, 10, 1000} {
		b.Run(fmt.Sprintf("%d stages", n), func(b *testing.B) {
			dockerfile, opt := manyStages(n), references.Options{Filename: "Dockerfile", BuildPlatform: amd64}
			b.ReportAllocs()
			for b.Loop() {
				set, err := references.Collect(dockerfile, opt)
				require.NoError(b, err)
				require.Len(b, set.References, n)
			}
		})
	}
}

// TestCollectAllocations: the work grows with the Dockerfile, not faster.
func TestCollectAllocations(t *testing.T) {
	perStage := func(n int) float64 {
		dockerfile, opt := manyStages(n), references.Options{Filename: "Dockerfile", BuildPlatform: amd64}
		return testing.AllocsPerRun(3, func() {
			_, err := references.Collect(dockerfile, opt)
			require.NoError(t, err)
		}) / float64(n)
	}
	small, large := perStage(100), perStage(1000)
	require.Less(t, large, 1.2*small, "allocations for a stage, in a small and in a large Dockerfile")
}
