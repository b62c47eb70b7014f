package references_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/internal/attack"
)

var options = references.Options{Filename: "Dockerfile", BuildPlatform: amd64}

func collectText(t *testing.T, dockerfile string) *references.Set {
	t.Helper()
	set, err := references.Collect(t.Context(), []byte(dockerfile), options)
	require.NoError(t, err)
	return set
}

// allocated is the least number of bytes that f allocates in three runs.
func allocated(f func()) uint64 {
	least := ^uint64(0)
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

// TestCollectGrowsWithTheDockerfile and not faster, whatever it is made of.
func TestCollectGrowsWithTheDockerfile(t *testing.T) {
	for _, kind := range attack.Kinds {
		t.Run(kind, func(t *testing.T) {
			bytes := func(n int) uint64 {
				dockerfile := attack.Dockerfile(kind, n)
				return allocated(func() { collectText(t, dockerfile) })
			}
			require.Less(t, bytes(300), bytes(150)*5/2)
		})
	}
}

// TestOnBuildGrowsWithTheTriggers up to their bound.
func TestOnBuildGrowsWithTheTriggers(t *testing.T) {
	set := collectText(t, "FROM base\n")
	bytes := func(n int) uint64 {
		triggers := make([]string, n)
		for i := range triggers {
			triggers[i] = fmt.Sprintf("COPY --from=ghcr.io/public/p%d:1 /x /y", i)
		}
		return allocated(func() { set.OnBuild(t.Context(), set.References[0], triggers) })
	}
	require.Less(t, bytes(800), bytes(400)*5/2)
	require.Less(t, bytes(20_000), bytes(400)*6)
}

// counted is a context that ends when it is looked at for the n-th time.
type counted struct {
	context.Context
	looks, end int
}

var errOver = errors.New("over")

func (c *counted) Err() error {
	if c.looks++; c.looks > c.end {
		return errOver
	}
	return nil
}

func (c *counted) Value(any) any { return nil } // or the Context's own cause is asked

// TestCollectEndsWithItsContext at the next look at it, of which there is one for
// each line at least.
func TestCollectEndsWithItsContext(t *testing.T) {
	const n = 200
	for _, kind := range attack.Kinds {
		t.Run(kind, func(t *testing.T) {
			dockerfile := []byte(attack.Dockerfile(kind, n))
			all := &counted{Context: t.Context(), end: 1 << 30}
			_, err := references.Collect(all, dockerfile, options)
			require.NoError(t, err)
			if kind != "mounts" && kind != "arguments" { // one stage
				require.Greater(t, all.looks, n)
			}
			for end := 0; end < all.looks; end += 1 + all.looks/10 {
				ctx := &counted{Context: t.Context(), end: end}
				_, err := references.Collect(ctx, dockerfile, options)
				require.ErrorIs(t, err, errOver)
				require.LessOrEqual(t, ctx.looks-ctx.end, 2)
			}
		})
	}
}

func TestOnBuildEndsWithItsContext(t *testing.T) {
	set := collectText(t, "FROM base\n")
	triggers := make([]string, 500)
	for i := range triggers {
		triggers[i] = fmt.Sprintf("COPY --from=ghcr.io/public/p%d:1 /x /y", i)
	}
	for _, end := range []int{0, 1, 100, 499, 600} {
		ctx := &counted{Context: t.Context(), end: end}
		set.OnBuild(ctx, set.References[0], triggers)
		require.LessOrEqual(t, ctx.looks-ctx.end, 2)
	}
}

// TestBounds: what is beyond them is left to the builder, and is no error.
func TestBounds(t *testing.T) {
	for _, tc := range []struct {
		name, dockerfile string
		want             int
		incomplete       bool
	}{
		{"few", attack.Dockerfile("references", 10), 10, false},
		{"as many as are resolved", attack.Dockerfile("unneeded", references.MaxReferences-1), references.MaxReferences, false},
		{"more", attack.Dockerfile("unneeded", references.MaxReferences), references.MaxReferences, true},
		{"lines", attack.Dockerfile("flat", 100_000), 0, true},
		{"size", "FROM a\n" + strings.Repeat("RUN "+strings.Repeat("x", 60_000)+"\n", 100), 0, true},
		{"arguments", attack.Dockerfile("arguments", 1_000), 0, true},
		{"triggers", attack.Dockerfile("triggers", 5_000), 1_000, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			set := collectText(t, tc.dockerfile)
			require.Len(t, set.References, tc.want)
			require.Equal(t, tc.incomplete, set.Incomplete)
		})
	}
	set := collectText(t, attack.Dockerfile("same", 1_000))
	require.Len(t, set.References, 1)
	require.Len(t, set.References[0].Positions, 100)
	require.Nil(t, set.Names)
}
