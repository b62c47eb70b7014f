package references_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerui"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/internal/attack"
)

// sizes are those that BenchmarkCollect has of a kind of Dockerfile.
func sizes(kind string) []int {
	switch kind {
	case "arguments":
		return []int{16}
	case "onbuild":
		return []int{100, 1_000}
	case "triggers":
		return []int{1_000, 10_000, 50_000}
	default:
		return []int{1_000, 10_000, 100_000}
	}
}

// slow are the kinds with which the time of the converter grows with the square of
// their size, and the largest for which it is still bearable.
var slow = map[string]int{"onbuild": 100, "triggers": 10_000, "mounts": 10_000, "copies": 10_000, "references": 10_000}

// BenchmarkCollect compares what this package costs with what BuildKit's converter
// takes for the same Dockerfile:
//
//	go test ./frontend/references -run '^$' -bench Collect -benchtime 1x
func BenchmarkCollect(b *testing.B) {
	for _, kind := range attack.Kinds {
		for _, n := range sizes(kind) {
			dt := []byte(attack.Dockerfile(kind, n))
			b.Run(fmt.Sprintf("%s/%d/pullsafe", kind, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					_, err := references.Collect(b.Context(), dt, references.Options{Filename: "Dockerfile", BuildPlatform: amd64})
					require.NoError(b, err)
				}
			})
			b.Run(fmt.Sprintf("%s/%d/converter", kind, n), func(b *testing.B) {
				if n > slow[kind] && slow[kind] > 0 {
					b.Skip("the converter needs minutes")
				}
				b.ReportAllocs()
				for b.Loop() {
					_, err := dockerfile2llb.Dockerfile2LLB(b.Context(), dt, dockerfile2llb.ConvertOpt{
						MetaResolver: &converterClient{asked: map[string]string{}}, Config: dockerui.Config{BuildPlatforms: []ocispecs.Platform{amd64}},
					})
					require.NoError(b, err)
				}
			})
		}
	}
}

// BenchmarkOnBuild is what the triggers of an image cost.
func BenchmarkOnBuild(b *testing.B) {
	for _, n := range []int{1_000, 50_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			set, err := references.Collect(b.Context(), []byte("FROM base\n"), references.Options{Filename: "Dockerfile", BuildPlatform: amd64})
			require.NoError(b, err)
			triggers := make([]string, n)
			for i := range triggers {
				triggers[i] = fmt.Sprintf("COPY --from=ghcr.io/public/p%d:1 /x /y", i)
			}
			b.ReportAllocs()
			for b.Loop() {
				set.OnBuild(b.Context(), set.References[0], triggers)
			}
		})
	}
}
