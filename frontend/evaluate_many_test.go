package frontend

import (
	"context"
	"testing"

	bkllb "github.com/moby/buildkit/client/llb"
	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

// twoImages has a step that needs both a and b.
const twoImages = "FROM reg.test/a:1\nCOPY --from=reg.test/b:1 / /\n"

// publicAB are two images whose metadata BuildKit has, and which are there for everybody.
// The answers to the probes of their repositories, with credentials, are those that are
// given.
func publicAB(probeA, probeB string) map[string][]string {
	answers := served(publicA(), "REG.TEST/b", ":1")
	answers["reg.test/a"+noDigest], answers["reg.test/b"+noDigest] = []string{probeA}, []string{probeB}
	return kept(answers, imageB, imageA+at, imageB+at)
}

const letIn = "reg.test/x" + noDigest + ": not found"

// TestOneOfSeveralIsRejected: the error does not tell which one, so the registry is asked.
// Only those whose credentials it rejects fall back; the step of another ends as it was.
func TestOneOfSeveralIsRejected(t *testing.T) {
	withSeveralImages(t)
	s, gw := layerBuild(t, twoImages, defaults(), publicAB(letIn, rejected))
	gw.pull = rejectedAt(t, isCopy, 1)
	_, err := s.build(t.Context())
	require.NoError(t, err)
	asked, became := gw.requests()
	require.ElementsMatch(t, []string{imageA, imageB}, became[:2])
	require.Equal(t, []string{
		"reg.test/a" + noDigest, imageA + at, // let in, and asked again as written
		"reg.test/b" + noDigest, "REG.TEST/b" + noDigest, "REG.TEST/b:1" + at,
	}, became[2:])
	require.Equal(t, []string{imageA + at, imageA + at, imageB + at, imageB + at, imageB + at}, asked[2:])
	require.Equal(t, gw.calls[2].logName, gw.calls[3].logName)

	require.Len(t, gw.evaluated, 2)
	converts, _ := rules(gw.evaluated[1])
	require.Equal(t, convertedBy(imageB+at, "REG.TEST/b:1"+at), converts)
	require.Equal(t, []bool{false, true}, fallen(s))
}

// fallen tells of the entries whether they fell back.
func fallen(s *session) (out []bool) {
	for _, e := range s.entries() {
		out = append(out, e.fellBack())
	}
	return out
}

// TestSeveralAreRejected: all of them fall back, for one more solve.
func TestSeveralAreRejected(t *testing.T) {
	withSeveralImages(t)
	s, gw := layerBuild(t, twoImages, defaults(), publicAB(rejected, rejected))
	gw.pull = rejectedAt(t, isCopy, 1)
	_, err := s.build(t.Context())
	require.NoError(t, err)
	require.Len(t, gw.evaluated, 2)
	converts, _ := rules(gw.evaluated[1])
	require.Len(t, converts, 2)
	require.Equal(t, []bool{true, true}, fallen(s))
}

// TestNoneOfSeveralIsRejectedAgain: the registries let everybody in when they are asked
// again, so nothing falls back, and the error says that it may be about either.
func TestNoneOfSeveralIsRejectedAgain(t *testing.T) {
	withSeveralImages(t)
	s, gw := layerBuild(t, twoImages, defaults(), publicAB(letIn, letIn))
	gw.pull = rejectedAt(t, isCopy, 1)
	_, err := s.build(t.Context())
	require.ErrorContains(t, err, "2 of 2 images could not be pulled")
	require.ErrorContains(t, err, imageA)
	require.ErrorContains(t, err, imageB)
	require.Len(t, gw.evaluated, 1)
	require.Equal(t, []bool{false, false}, fallen(s))
	for _, e := range s.entries() {
		require.True(t, e.resolution.Unsure)
	}
}

// TestSeveralFailTwice: once all have fallen back, the next failure ends the build.
func TestSeveralFailTwice(t *testing.T) {
	withSeveralImages(t)
	s, gw := layerBuild(t, twoImages, defaults(), publicAB(letIn, rejected))
	gw.pull = rejectedAt(t, isCopy, 10)
	_, err := s.build(t.Context())
	require.Error(t, err)
	require.LessOrEqual(t, len(gw.evaluated), 3)
}

// TestTheErrorNamesTheImage: then nobody has to be asked.
func TestTheErrorNamesTheImage(t *testing.T) {
	withSeveralImages(t)
	const text = blob + "failed to authorize: failed to fetch oauth token: unexpected status from GET request to " +
		"https://reg.test/token?scope=x: 403 Forbidden, for https://reg.test/v2/b/blobs/sha256:aaaa"
	s, gw := layerBuild(t, twoImages, defaults(), publicAB("", ""))
	gw.pull = func(n int, req gwclient.SolveRequest) error {
		if n == 1 {
			return failsAt(t, req, isCopy, errors.New(text))
		}
		return nil
	}
	_, err := s.build(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"REG.TEST/b" + noDigest, "REG.TEST/b:1" + at}, gw.became()[2:])
	require.Equal(t, []bool{false, true}, fallen(s))
}

// TestOneAfterTheOther: a second image is rejected only in the second solve. It falls
// back too, and the first one stays.
func TestOneAfterTheOther(t *testing.T) {
	withSeveralImages(t)
	s, gw := layerBuild(t, twoImages, defaults(), publicAB(rejected, letIn))
	gw.pull = func(n int, req gwclient.SolveRequest) error {
		switch n {
		case 1:
			return failsAt(t, req, isImage, errors.New(blobRejected))
		case 2:
			ops, _ := loaded(t, req)
			last := ops[1].GetSource().GetIdentifier()
			return failsAt(t, req, func(op *pb.Op) bool { return op.GetSource().GetIdentifier() == last }, errors.New(blobRejected))
		}
		return nil
	}
	_, err := s.build(t.Context())
	require.NoError(t, err)
	require.Len(t, gw.evaluated, 3)
	converts, _ := rules(gw.evaluated[2])
	require.Len(t, converts, 2)
	require.Equal(t, []bool{true, true}, fallen(s))
	require.Equal(t, []int{0, 1}, ignoring(gw.evaluated[2]))
}

// TestLayerOfALinkedTarget: the builder never asks for such an image, and nothing of it
// is known before.
func TestLayerOfALinkedTarget(t *testing.T) {
	s, gw := layerBuild(t, "FROM first\nRUN true\n", defaults(), publicA())
	gw.opts["context:first"] = "input:first"
	gw.inputs = map[string]bkllb.State{"first": bkllb.Image(imageA+at, bkllb.LinuxAmd64)}
	gw.pull = rejectedAt(t, isExec, 1)
	res, err := s.build(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"REG.TEST/a" + noDigest, "REG.TEST/a:1" + at}, gw.became())
	require.Len(t, gw.evaluated, 2)
	converts, _ := rules(gw.evaluated[1])
	require.Equal(t, convertedBy(imageA+at, "REG.TEST/a:1"+at), converts)
	require.Equal(t, []bool{true}, fallen(s))
	require.Contains(t, res.Metadata, keyReport)

	// And where nobody gets it, it is named.
	s, gw = layerBuild(t, "FROM first\nRUN true\n", options{}, publicA())
	gw.opts["context:first"] = "input:first"
	gw.inputs = map[string]bkllb.State{"first": bkllb.Image(imageA+at, bkllb.LinuxAmd64)}
	gw.pull = rejectedAt(t, isExec, 1)
	_, err = s.build(t.Context())
	require.ErrorContains(t, err, imageA)
}

// TestLayerOfOnePlatform: either reference is evaluated, and the image falls back for
// both, as they have the repository in common.
func TestLayerOfOnePlatform(t *testing.T) {
	withSeveralImages(t)
	s, gw := layerBuild(t, oneStage, defaults(), publicA())
	gw.opts["platform"] = "linux/amd64,linux/arm64"
	failed := false
	gw.pull = func(_ int, req gwclient.SolveRequest) error {
		ops, _ := loaded(t, req)
		if gw.mu.Lock(); failed || ops[0].Platform.Architecture != "arm64" {
			gw.mu.Unlock()
			return nil
		}
		failed = true
		gw.mu.Unlock()
		return failsAt(t, req, isExec, errors.New(blobRejected))
	}
	res, err := s.build(t.Context())
	require.NoError(t, err)
	require.Len(t, res.Refs, 2)
	require.Len(t, gw.evaluated, 4)
	for _, req := range gw.evaluated[2:] {
		converts, _ := rules(req)
		require.Equal(t, convertedBy(imageA+at, "REG.TEST/a:1"+at), converts)
	}
	require.Len(t, gw.calls, 4, "the metadata of the other platform is known")
}

// TestNoCache: an op that ignores the cache anyway would be merged into its failed self
// (solver/index.go), unless its image has another cache key: by a limit to its layers
// that is none.
func TestNoCache(t *testing.T) {
	s, gw := layerBuild(t, oneStage, defaults(), publicA())
	gw.opts["no-cache"] = ""
	gw.pull = rejectedAt(t, isExec, 1)
	_, err := s.build(t.Context())
	require.NoError(t, err)
	require.Len(t, gw.evaluated, 2)
	require.Equal(t, []int{1}, ignoring(gw.evaluated[0]))
	require.Equal(t, []int{1}, ignoring(gw.evaluated[1]))
	converts, attrs := rules(gw.evaluated[1])
	require.Equal(t, convertedBy(imageA+at, "REG.TEST/a:1"+at), converts)
	require.Empty(t, attrs)
	ops, _ := loaded(t, gw.evaluated[1])
	require.Equal(t, map[string]string{pb.AttrImageLayerLimit: "2"}, ops[0].GetSource().Attrs)
}

// TestLayerWithoutPolicies: the second definition is rewritten.
func TestLayerWithoutPolicies(t *testing.T) {
	s, gw := layerBuild(t, oneStage, defaults(), publicA())
	gw.noPolicies = true
	s.client = newClient(gw, defaults())
	gw.pull = rejectedAt(t, isExec, 1)
	_, err := s.build(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{imageA, "REG.TEST/a:1" + at}, gw.became())
	require.Len(t, gw.evaluated, 2)
	second := gw.evaluated[1]
	require.Empty(t, second.SourcePolicies)
	require.Equal(t, []string{"REG.TEST/a:1" + at}, sources(t, second.Definition))
	require.Equal(t, []int{0, 1, 2}, ignoring(second))
}

// TestLayerIsCancelled: what ends with the build is no failure of an image.
func TestLayerIsCancelled(t *testing.T) {
	why := errors.New("why")
	s, gw := layerBuild(t, oneStage, defaults(), publicA())
	ctx, cancel := context.WithCancelCause(t.Context())
	gw.pull = func(_ int, req gwclient.SolveRequest) error {
		cancel(why)
		return failsAt(t, req, isExec, errors.New(blobRejected))
	}
	_, err := s.build(ctx)
	require.ErrorIs(t, err, why)
	require.False(t, s.entries()[0].fellBack())
}
