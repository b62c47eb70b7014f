package llb

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	bkllb "github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
)

// build returns a definition as the Dockerfile frontend makes them: images, RUN
// with a mount, COPY between stages, a diamond, names, progress groups and
// source locations. The images are named by image.
func build(t testing.TB, image func(string) string) *pb.Definition {
	t.Helper()
	file := bkllb.NewSourceMap(nil, "Dockerfile", "Dockerfile", []byte("FROM alpine\n"))
	line := func(n int32) bkllb.ConstraintsOpt {
		return file.Location([]*pb.Range{{Start: &pb.Position{Line: n}, End: &pb.Position{Line: n}}})
	}
	alpine := bkllb.Image(image("docker.io/library/alpine:3@"+testDigest), line(1), bkllb.WithCustomName("[base 1/2] FROM alpine:3"), bkllb.LinuxArm64)
	tools := bkllb.Image(image("ghcr.io/acme/tools:1"), line(2), bkllb.ResolveModePreferLocal)
	busybox := bkllb.Image(image("docker.io/library/busybox:latest"), line(3))

	run := alpine.Run(bkllb.Args([]string{"make"}), bkllb.AddMount("/tools", tools, bkllb.Readonly), line(4), bkllb.IgnoreCache)
	left := run.Root().File(bkllb.Copy(tools, "/bin/tool", "/bin/tool"), line(5), bkllb.ProgressGroup("group", "name", false))
	right := run.Root().File(bkllb.Mkdir("/right", 0o755), line(6))
	final := busybox.
		File(bkllb.Copy(left, "/out", "/left"), line(7)).
		File(bkllb.Copy(right, "/out", "/right"), line(8)).
		File(bkllb.Copy(bkllb.Local("context"), ".", "/src"), line(9))

	def, err := final.Marshal(t.Context(), bkllb.LinuxAmd64, bkllb.LocalUniqueID("unique"))
	require.NoError(t, err)
	return def.ToPB()
}

// TestRewriteIsWhatTheClientWouldMarshal compares with the definition of the
// same build whose images were written under their aliases in the first place.
func TestRewriteIsWhatTheClientWouldMarshal(t *testing.T) {
	names := testNames()
	def := build(t, func(ref string) string { return ref })
	want := build(t, func(ref string) string {
		if other, ok := names.Alias(parse(t, ref)); ok {
			return other.String()
		}
		return ref
	})
	got := requireRewrite(t, names, def)
	require.NotEqual(t, def.Def, got.Def)
	require.Equal(t, want.Def, got.Def)
	require.True(t, want.EqualVT(got))

	again, err := names.Rewrite(got)
	require.NoError(t, err)
	require.Same(t, got, again)
}

func TestRewriteReturnsAsIs(t *testing.T) {
	def := build(t, func(ref string) string { return ref })
	for _, names := range []Names{nil, {}, {"ghcr.io/none": "GHCR.IO/none"}, {"ghcr.io/acme/tools": "elsewhere.test/acme/tools"}} {
		got, err := names.Rewrite(def)
		require.NoError(t, err)
		require.Same(t, def, got)
	}
	for _, def := range []*pb.Definition{nil, {}} {
		got, err := testNames().Rewrite(def)
		require.NoError(t, err)
		require.Same(t, def, got)
	}
}

func TestRewriteOfHostileDefinitions(t *testing.T) {
	source := marshalOp(t, &pb.Op{Op: &pb.Op_Source{Source: &pb.SourceOp{Identifier: toolsSource}}})
	for _, tc := range []struct {
		name string
		def  [][]byte
		want string
	}{
		{"not an op", [][]byte{{0xff}}, "failed to parse op 0"},
		{"dangling input", [][]byte{source, marshalOp(t, &pb.Op{Inputs: []*pb.Input{{Digest: testDigest}}})}, "not in the definition"},
		{"no digest", [][]byte{source, marshalOp(t, &pb.Op{Inputs: []*pb.Input{{}}})}, "not in the definition"},
		{"text that is not UTF-8", [][]byte{append(source, 0x52, 0x03, 0x0a, 0x01, 0xff)}, "invalid UTF-8"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := testNames().Rewrite(&pb.Definition{Def: tc.def})
			require.ErrorContains(t, err, tc.want)
			require.Nil(t, got)
		})
	}
}

func TestRewriteIsDeep(t *testing.T) {
	const depth = 100_000
	def := &pb.Definition{Def: make([][]byte, 0, depth)}
	dt := marshalOp(t, &pb.Op{Op: &pb.Op_Source{Source: &pb.SourceOp{Identifier: toolsSource}}})
	def.Def = append(def.Def, dt)
	for len(def.Def) < depth {
		dt = marshalOp(t, &pb.Op{Inputs: []*pb.Input{{Digest: digest.FromBytes(dt).String()}}})
		def.Def = append(def.Def, dt)
	}
	// Users before their inputs, but for the last op, which is the head.
	slices.Reverse(def.Def[:depth-1])
	requireRewrite(t, testNames(), def)
}

// TestRewriteKeepsUnknownFields adds a field that this version of BuildKit does
// not know to each message that is taken apart.
func TestRewriteKeepsUnknownFields(t *testing.T) {
	unknown := []byte{0xfa, 0x3f, 0x03, 'n', 'e', 'w'} // field 1023, bytes
	op := &pb.Op{Op: &pb.Op_Source{Source: &pb.SourceOp{Identifier: toolsSource}}}
	op.ProtoReflect().SetUnknown(unknown)
	op.GetSource().ProtoReflect().SetUnknown(unknown)
	dt := marshalOp(t, op)
	head := &pb.Op{Inputs: []*pb.Input{{Digest: digest.FromBytes(dt).String(), Index: 7}}}
	head.Inputs[0].ProtoReflect().SetUnknown(unknown)
	def := &pb.Definition{Def: [][]byte{dt, marshalOp(t, head)}, Source: &pb.Source{}}
	def.ProtoReflect().SetUnknown(unknown)
	def.Source.ProtoReflect().SetUnknown(unknown)

	got := requireRewrite(t, testNames(), def)
	require.EqualValues(t, unknown, got.ProtoReflect().GetUnknown())
	require.EqualValues(t, unknown, got.Source.ProtoReflect().GetUnknown())
	ops := parseOps(t, got)
	require.Equal(t, toolsOther, ops[0].GetSource().Identifier)
	require.EqualValues(t, unknown, ops[0].ProtoReflect().GetUnknown())
	require.EqualValues(t, unknown, ops[0].GetSource().ProtoReflect().GetUnknown())
	require.EqualValues(t, unknown, ops[1].Inputs[0].ProtoReflect().GetUnknown())
	require.EqualValues(t, 7, ops[1].Inputs[0].Index)
}

// TestRewriteMerges has an image under both names: the rewritten op is equal to
// one that is there already.
func TestRewriteMerges(t *testing.T) {
	sources := map[string]string{}
	def := &pb.Definition{Metadata: map[string]*pb.OpMetadata{}, Source: &pb.Source{Locations: map[string]*pb.Locations{}, Infos: []*pb.SourceInfo{{}}}}
	merge := &pb.Op{Op: &pb.Op_Merge{Merge: &pb.MergeOp{}}}
	for i, identifier := range []string{toolsSource, toolsOther} {
		dt := marshalOp(t, &pb.Op{Op: &pb.Op_Source{Source: &pb.SourceOp{Identifier: identifier}}})
		dgst := digest.FromBytes(dt).String()
		sources[identifier] = dgst
		def.Def = append(def.Def, dt)
		def.Metadata[dgst] = &pb.OpMetadata{Description: map[string]string{"n": strconv.Itoa(i)}}
		def.Source.Locations[dgst] = &pb.Locations{Locations: []*pb.Location{{Ranges: []*pb.Range{{Start: &pb.Position{Line: int32(i)}}}}}}
		merge.Inputs = append(merge.Inputs, &pb.Input{Digest: dgst})
		merge.GetMerge().Inputs = append(merge.GetMerge().Inputs, &pb.MergeInput{Input: int64(i)})
	}
	dt := marshalOp(t, merge)
	def.Def = append(def.Def, dt, marshalOp(t, &pb.Op{Inputs: []*pb.Input{{Digest: digest.FromBytes(dt).String()}}}))

	got := requireRewrite(t, testNames(), def)
	kept := sources[toolsOther]
	require.Equal(t, []string{kept}, slices.Collect(maps.Keys(got.Metadata)))
	require.Equal(t, "1", got.Metadata[kept].Description["n"])
	require.Len(t, got.Source.Locations[kept].Locations, 2)
}

func TestRewriteOfRandomGraphs(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		requireRewrite(t, testNames(), randomDefinition(t, rnd, 1+rnd.IntN(40)))
	}
}

// requireRewrite rewrites def and checks all that is promised of the result.
func requireRewrite(t testing.TB, names Names, def *pb.Definition) *pb.Definition {
	t.Helper()
	before := def.CloneVT()
	got, err := names.Rewrite(def)
	require.NoError(t, err)
	require.True(t, before.EqualVT(def), "the definition was changed")
	requireSameGraph(t, names, def, got)
	return got
}

// requireSameGraph checks that got is def with the images of names under their aliases.
func requireSameGraph(t testing.TB, names Names, def, got *pb.Definition) {
	t.Helper()
	require.Len(t, got.GetDef(), len(def.GetDef()))
	to := make(map[string]string, len(def.GetDef()))
	for i := range def.GetDef() {
		to[digest.FromBytes(def.Def[i]).String()] = digest.FromBytes(got.Def[i]).String()
	}
	ops, gotOps := parseOps(t, def), parseOps(t, got)
	for i, op := range ops {
		if src, ok := imageSource(op); ok {
			if other, ok := names.Alias(src.Ref); ok {
				op.GetSource().Identifier = ImageSource(other)
			}
		}
		for _, input := range op.Inputs {
			moved, ok := to[input.Digest]
			require.True(t, ok, "dangling input %s", input.Digest)
			input.Digest = moved
		}
		require.True(t, op.EqualVT(gotOps[i]), "op %d", i)
	}
	for dgst, md := range def.GetMetadata() {
		if moved, ok := to[dgst]; ok {
			dgst = moved
		}
		_, ok := got.Metadata[dgst]
		require.True(t, ok, "no metadata of %s", dgst)
		if len(got.Metadata) == len(def.Metadata) {
			require.True(t, md.EqualVT(got.Metadata[dgst]))
		}
	}
	for dgst := range def.GetSource().GetLocations() {
		if moved, ok := to[dgst]; ok {
			dgst = moved
		}
		_, ok := got.Source.Locations[dgst]
		require.True(t, ok, "no locations of %s", dgst)
	}
	if _, err := bkllb.NewDefinitionOp(def); err == nil {
		op, err := bkllb.NewDefinitionOp(got)
		require.NoError(t, err)
		require.NotNil(t, op)
	}
}

func parseOps(t testing.TB, def *pb.Definition) []*pb.Op {
	t.Helper()
	ops := make([]*pb.Op, len(def.GetDef()))
	for i, dt := range def.GetDef() {
		ops[i] = new(pb.Op)
		require.NoError(t, ops[i].Unmarshal(dt))
	}
	return ops
}

func marshalOp(t testing.TB, op *pb.Op) []byte {
	t.Helper()
	dt, err := op.Marshal()
	require.NoError(t, err)
	return dt
}

// randomDefinition returns a definition of n ops and a head, closed under
// inputs, in any order but for the head.
func randomDefinition(t testing.TB, rnd *rand.Rand, n int) *pb.Definition {
	t.Helper()
	images := []string{alpineSource, alpineOther, toolsSource, busyboxSource, "docker-image://127.0.0.1:5000/x@" + testDigest, "local://context", "docker-image://alpine:3"}
	def := &pb.Definition{Metadata: map[string]*pb.OpMetadata{}, Source: &pb.Source{Infos: []*pb.SourceInfo{{}}, Locations: map[string]*pb.Locations{}}}
	var digests []string
	for i := range n {
		op := &pb.Op{Platform: &pb.Platform{OS: "linux", Variant: strconv.Itoa(i)}}
		if i == 0 || rnd.IntN(4) == 0 {
			op.Op = &pb.Op_Source{Source: &pb.SourceOp{Identifier: images[rnd.IntN(len(images))]}}
		} else {
			op.Op = &pb.Op_Exec{Exec: &pb.ExecOp{Meta: &pb.Meta{Args: []string{strconv.Itoa(i)}}}}
			for range 1 + rnd.IntN(3) {
				op.Inputs = append(op.Inputs, &pb.Input{Digest: digests[len(digests)-1-rnd.IntN(min(len(digests), 20))], Index: rnd.Int64N(3)})
			}
		}
		dt := marshalOp(t, op)
		def.Def = append(def.Def, dt)
		digests = append(digests, digest.FromBytes(dt).String())
		def.Metadata[digests[i]] = &pb.OpMetadata{Description: map[string]string{"n": strconv.Itoa(i)}}
		def.Source.Locations[digests[i]] = &pb.Locations{Locations: []*pb.Location{{Ranges: []*pb.Range{{Start: &pb.Position{Line: int32(i)}}}}}}
	}
	rnd.Shuffle(len(def.Def), func(i, j int) { def.Def[i], def.Def[j] = def.Def[j], def.Def[i] })
	def.Def = append(def.Def, marshalOp(t, &pb.Op{Inputs: []*pb.Input{{Digest: digests[n-1]}}}))
	return def
}
