package llb

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
)

// find looks for an op that has to be there.
func find(t testing.TB, names Names, def *pb.Definition, dgst string) *Vertex {
	t.Helper()
	v, ok := names.Find(def, digest.Digest(dgst))
	require.True(t, ok, dgst)
	return v
}

// opOf is the index of the only op of def for which is is true.
func opOf(t testing.TB, def *pb.Definition, is func(*pb.Op) bool) int {
	t.Helper()
	found := -1
	for i, op := range parseOps(t, def) {
		if is(op) {
			require.Negative(t, found, "two such ops")
			found = i
		}
	}
	require.GreaterOrEqual(t, found, 0, "no such op")
	return found
}

func isExec(op *pb.Op) bool { return op.GetExec() != nil }

func isSource(identifier string) func(*pb.Op) bool {
	return func(op *pb.Op) bool { return op.GetSource().GetIdentifier() == identifier }
}

func isMkdir(op *pb.Op) bool {
	actions := op.GetFile().GetActions()
	return len(actions) > 0 && actions[0].GetMkdir() != nil
}

// TestFind: an op is found by the digest that the builder knows, by the one after
// the convert rules, as the daemon has it, and by that of a daemon up to 0.16.
func TestFind(t *testing.T) {
	names := testNames()
	def := build(t, func(ref string) string { return ref })
	policy, err := names.Policy(def)
	require.NoError(t, err)
	converted := convertAsTheDaemon(t, def, policy)
	ordered, err := rewrite(def, names.edit, marshalInOrder)
	require.NoError(t, err)
	changed := 0
	for i, dt := range def.Def {
		for _, dgst := range []string{sum(dt), converted[i], sum(ordered.Def[i])} {
			require.Equal(t, sum(dt), find(t, names, def, dgst).Digest().String())
		}
		if converted[i] == sum(dt) {
			continue
		}
		changed++
		_, ok := Names(nil).Find(def, digest.Digest(converted[i]))
		require.False(t, ok, "not without the rules")
		find(t, nil, def, sum(dt))
	}
	require.Positive(t, changed)
	require.NotEqual(t, converted[len(converted)-1], sum(ordered.Def[len(ordered.Def)-1]))
}

func TestFindNothing(t *testing.T) {
	def := build(t, func(ref string) string { return ref })
	for _, dgst := range []string{"", testDigest, "no digest"} {
		_, ok := testNames().Find(def, digest.Digest(dgst))
		require.False(t, ok, dgst)
	}
	dangling := marshalOp(t, &pb.Op{Inputs: []*pb.Input{{Digest: testDigest}}})
	for name, broken := range map[string]*pb.Definition{
		"nil": nil, "empty": {}, "no op": {Def: [][]byte{{0xff}}}, "dangling": {Def: [][]byte{dangling}},
	} {
		_, ok := testNames().Find(broken, digest.FromBytes(dangling))
		require.False(t, ok, name)
	}
}

func TestFindInRandomGraphs(t *testing.T) {
	rnd := rand.New(rand.NewPCG(11, 12))
	for i := range 50 {
		def := randomDefinition(t, rnd, 1+rnd.IntN(40))
		names := aliasAll(t, def, i)
		got, err := names.Rewrite(def)
		require.NoError(t, err)
		at := rnd.IntN(len(def.Def))
		require.Equal(t, sum(def.Def[at]), find(t, names, def, sum(got.Def[at])).Digest().String())
	}
}

// TestSources: all below an op and nothing else, each once for a platform, under the
// names that the definition has.
func TestSources(t *testing.T) {
	names := testNames()
	def := build(t, func(ref string) string { return ref })
	converted, err := names.Rewrite(def)
	require.NoError(t, err)
	last := len(def.Def) - 1
	for _, tc := range []struct {
		name string
		at   int
		want []string
	}{
		{"an image", opOf(t, def, isSource(toolsSource)), []string{toolsSource}},
		{"a folder of the client", opOf(t, def, isSource("local://context")), nil},
		{"RUN with a mount", opOf(t, def, isExec), []string{alpineSource, toolsSource}},
		{"a diamond", opOf(t, def, isMkdir), []string{alpineSource, toolsSource}},
		{"all", last, []string{busyboxSource, alpineSource, toolsSource}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, dgst := range []string{sum(def.Def[tc.at]), sum(converted.Def[tc.at])} {
				var got []string
				for _, src := range find(t, names, def, dgst).Sources() {
					got = append(got, ImageSource(src.Ref))
					want := "amd64"
					if ImageSource(src.Ref) == alpineSource {
						want = "arm64"
					}
					require.Equal(t, want, src.Platform.Architecture)
				}
				require.ElementsMatch(t, tc.want, got)
			}
		})
	}
}

// TestIgnoreCache: a copy with the same ops, in which the op and what depends on it
// ignore the cache, and of the sources that it needs those that have an alias.
func TestIgnoreCache(t *testing.T) {
	def := build(t, func(ref string) string { return ref })
	exec := sum(def.Def[opOf(t, def, isExec)])
	require.Equal(t, map[string]bool{exec: true}, ignoring(def), "the one step with --no-cache")
	for _, tc := range []struct {
		name string
		at   int
		more int // ops that ignore the cache only in the copy
	}{
		{"a step that ignores it already", opOf(t, def, isExec), 6},
		{"a step", opOf(t, def, isMkdir), 4},
		{"the last", len(def.Def) - 1, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before, dgst := def.CloneVT(), sum(def.Def[tc.at])
			v := find(t, nil, def, dgst)
			require.Equal(t, dgst == exec, v.IgnoresCache())
			got := v.IgnoreCache()
			require.True(t, before.EqualVT(def), "the original is not changed")
			require.Equal(t, def.Def, got.Def)
			require.True(t, def.Source.EqualVT(got.Source))

			want := dependents(t, def, dgst)
			want[exec] = true
			require.Equal(t, want, ignoring(got))
			require.Len(t, want, 1+tc.more)
			for dgst, meta := range got.Metadata {
				was := def.Metadata[dgst].CloneVT()
				if was == nil {
					was = &pb.OpMetadata{}
				}
				was.IgnoreCache = meta.IgnoreCache
				require.True(t, was.EqualVT(meta), "nothing else changes")
			}
			require.Equal(t, want[dgst], find(t, nil, got, dgst).IgnoresCache())
		})
	}
}

// TestIgnoreCacheOfImages: an image that is pulled under its alias must not be merged
// into the same image as written.
func TestIgnoreCacheOfImages(t *testing.T) {
	def := build(t, func(ref string) string { return ref })
	tools := sum(def.Def[opOf(t, def, isSource(toolsSource))])
	ref, ok := ParseImageSource(toolsSource)
	require.True(t, ok)
	names := Names{ref.Name(): strings.ToUpper(reference.Domain(ref)) + "/" + reference.Path(ref)}
	got := names.IgnoreCache(def)
	require.Equal(t, def.Def, got.Def)
	want := ignoring(def)
	want[tools] = true
	require.Equal(t, want, ignoring(got))
	require.Same(t, def, find(t, nil, def, tools).IgnoreCache(), "what needs the image has no key yet")
}

// TestLimitLayers: the image is another source for BuildKit, and what is said of ops
// follows.
func TestLimitLayers(t *testing.T) {
	def := build(t, func(ref string) string { return ref })
	before := def.CloneVT()
	got, err := LimitLayers(def, func(src Source) int {
		if ImageSource(src.Ref) == toolsSource {
			return 3
		}
		return 0
	})
	require.NoError(t, err)
	require.True(t, before.EqualVT(def), "the original is not changed")
	limited := 0
	for _, op := range parseOps(t, got) {
		if op.GetSource().GetIdentifier() == toolsSource {
			require.Equal(t, "3", op.GetSource().GetAttrs()[pb.AttrImageLayerLimit])
			limited++
		} else {
			require.NotContains(t, op.GetSource().GetAttrs(), pb.AttrImageLayerLimit)
		}
	}
	require.NotZero(t, limited)
	require.Len(t, got.Metadata, len(def.Metadata))
	same, err := LimitLayers(def, func(Source) int { return 0 })
	require.NoError(t, err)
	require.Same(t, def, same)
}

// ignoring are the ops that ignore the cache.
func ignoring(def *pb.Definition) map[string]bool {
	out := map[string]bool{}
	for dgst, meta := range def.Metadata {
		if meta.IgnoreCache {
			out[dgst] = true
		}
	}
	return out
}

// dependents are the ops that need another one, and that one unless it is a source.
func dependents(t testing.TB, def *pb.Definition, of string) map[string]bool {
	t.Helper()
	in := map[string]bool{of: true}
	ops := parseOps(t, def)
	for range ops { // in whatever order they are
		for i, op := range ops {
			for _, input := range op.Inputs {
				if in[input.Digest] {
					in[sum(def.Def[i])] = true
				}
			}
		}
	}
	for i, op := range ops {
		if op.GetSource() != nil {
			delete(in, sum(def.Def[i]))
		}
	}
	return in
}

// TestIgnoreCacheWithoutMetadata: of a definition that says nothing of its ops.
func TestIgnoreCacheWithoutMetadata(t *testing.T) {
	def := definitionOf(t, alpineSource, toolsSource)
	def.Metadata = nil
	head := len(def.Def) - 1
	merge := opOf(t, def, func(op *pb.Op) bool { return op.GetMerge() != nil })
	got := find(t, nil, def, sum(def.Def[merge])).IgnoreCache()
	require.Nil(t, def.Metadata)
	require.Len(t, got.Metadata, 2)
	for _, at := range []int{merge, head} {
		require.True(t, got.Metadata[sum(def.Def[at])].IgnoreCache)
	}
}
