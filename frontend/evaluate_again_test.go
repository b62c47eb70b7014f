package frontend

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	bkllb "github.com/moby/buildkit/client/llb"
	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

// TestIgnoreCacheWithContext: the op is found again where something below it is copied
// from the context, which has another identity in each definition.
func TestIgnoreCacheWithContext(t *testing.T) {
	for name, is := range map[string]func(*pb.Op) bool{"copy": isCopy, "run": isExec, "image": isImage} {
		t.Run(name, func(t *testing.T) {
			s, gw := layerBuild(t, "FROM reg.test/a:1\nCOPY . /\nRUN true\n", defaults(), publicA())
			gw.pull = rejectedAt(t, is, 1)
			_, err := s.build(t.Context())
			require.NoError(t, err)
			require.NotEmpty(t, ignoring(gw.evaluated[1]))
		})
	}
}

// TestNoCacheTwice: the second failure under --no-cache is explained as well.
func TestNoCacheTwice(t *testing.T) {
	s, gw := layerBuild(t, oneStage, defaults(), publicA())
	gw.opts["no-cache"] = ""
	gw.pull = rejectedAt(t, isExec, 10)
	_, err := s.build(t.Context())
	requireExplained(t, err)
}

// TestNoCacheKeepsLocations: a step that fails in the second solve keeps its place in the Dockerfile.
func TestNoCacheKeepsLocations(t *testing.T) {
	s, gw := layerBuild(t, oneStage, defaults(), publicA())
	gw.opts["no-cache"] = ""
	gw.pull = rejectedAt(t, isExec, 1)
	_, err := s.build(t.Context())
	require.NoError(t, err)
	second := gw.evaluated[1]
	_, digests := loaded(t, second)
	require.Contains(t, second.Definition.Source.Locations, digests[1].String())
	require.Contains(t, second.Definition.Metadata, digests[1].String())
}

// TestUnneededTakeNoPlaces: with scope=all, what the target does not need hangs.
func TestUnneededTakeNoPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dockerfile strings.Builder
		for i := range maxResolutions + 10 {
			dockerfile.WriteString("FROM reg.test/c:" + strings.Repeat("x", i%100+1) + string(rune('a'+i/100)) + "\n")
		}
		dockerfile.WriteString("FROM reg.test/a:1\n")
		s, gw := newSession(t, dockerfile.String(), options{retry: true, all: true}, map[string]answerFunc{"c": hangs, "a": after(time.Second, "")})
		gw.config = onBuildA
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Hour, errors.New("an hour"))
		defer cancel()
		began := time.Now()
		s.preflight(ctx)()
		require.Less(t, time.Since(began), time.Minute)
	})
}

// TestLayerOfTheHostThatIsNamed: a failure that names its host is about images of that host alone.
func TestLayerOfTheHostThatIsNamed(t *testing.T) {
	withSeveralImages(t)
	const text = blob + `failed to fetch oauth token: Post "https://other.test/token": dial tcp 192.0.2.1:443: connect: connection refused`
	s, gw := layerBuild(t, "FROM reg.test/a:1\nCOPY --from=other.test/b:1 / /\n", defaults(), map[string][]string{imageA: {""}, "other.test/b:1": {""}})
	gw.pull = func(_ int, req gwclient.SolveRequest) error { return failsAt(t, req, isCopy, errors.New(text)) }
	_, err := s.build(t.Context())
	require.ErrorContains(t, err, "other.test/b:1")
	require.NotContains(t, err.Error(), imageA)
}

// TestFallbackEnds: images of linked targets do not fall back and fail in turn
// without end when their registry changes its answers.
func TestFallbackEnds(t *testing.T) {
	withSeveralImages(t)
	answers := publicAB(letIn, letIn)
	answers["reg.test/a"+noDigest] = []string{rejected, letIn}
	s, gw := layerBuild(t, "FROM first\nCOPY --from=second / /\n", defaults(), answers)
	gw.opts["context:first"], gw.opts["context:second"] = "input:first", "input:second"
	gw.inputs = map[string]bkllb.State{"first": bkllb.Image(imageA+at, bkllb.LinuxAmd64), "second": bkllb.Image(imageB+at, bkllb.LinuxAmd64)}
	gw.pull = func(n int, req gwclient.SolveRequest) error {
		if n > 20 {
			return nil
		}
		return failsAt(t, req, isCopy, errors.New(blobRejected))
	}
	_, err := s.build(t.Context())
	require.Error(t, err)
	require.Less(t, len(gw.evaluated), 10)
}

// TestTheOtherIsNotBlamed: an image that the registry has just let in is not blamed when
// another one fails under its alias.
func TestTheOtherIsNotBlamed(t *testing.T) {
	withSeveralImages(t)
	answers := publicAB(letIn, rejected)
	answers["REG.TEST/a"+noDigest] = []string{anonymous} // private, with a good login
	s, gw := layerBuild(t, twoImages, defaults(), answers)
	gw.pull = rejectedAt(t, isCopy, 10)
	_, err := s.build(t.Context())
	require.ErrorContains(t, err, imageB)
	require.NotContains(t, err.Error(), imageA)
}
