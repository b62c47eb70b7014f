package frontend

import (
	"testing"

	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	gwpb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

// oneStage builds upon a. Its first solve runs a step that only the builder knows of.
const oneStage = "FROM reg.test/a:1\nRUN true\n"

// layerBuild is a build whose registry has these answers.
func layerBuild(t *testing.T, dockerfile string, opt options, answers map[string][]string) (*session, *fakeClient) {
	t.Helper()
	gw := newFake(t, answers)
	gw.dockerfile, gw.opts = dockerfile, map[string]string{"cmdline": "org/pullsafe"}
	return &session{client: newClient(gw, opt), opt: opt}, gw
}

// publicA is an image whose metadata BuildKit has, and that is there for everybody.
func publicA() map[string][]string {
	return served(kept(map[string][]string{}, imageA), "REG.TEST/a", ":1")
}

// TestLayerIsRejected: the image falls back, and the build is solved again under the
// alias. The failed op and what depends on it ignore the cache: BuildKit would merge them
// into their failed selves, and the image into the one as written.
func TestLayerIsRejected(t *testing.T) {
	for _, tc := range []struct {
		name    string
		is      func(*pb.Op) bool
		ignores []int
	}{
		{"at the step", isExec, []int{0, 1, 2}},
		{"at the image", isImage, []int{0}}, // nothing that needs it has a cache key
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, gw := layerBuild(t, oneStage, defaults(), publicA())
			gw.pull = rejectedAt(t, tc.is, 1)
			res, err := s.build(t.Context())
			require.NoError(t, err)

			asked, became := gw.requests()
			require.Equal(t, []string{imageA, imageA + at, imageA + at}, asked)
			require.Equal(t, []string{imageA, "REG.TEST/a" + noDigest, "REG.TEST/a:1" + at}, became)
			require.Len(t, gw.evaluated, 2)
			first, second := gw.evaluated[0], gw.evaluated[1]
			require.Same(t, second.Definition, res.Ref.(*fakeReference).req.Definition)
			require.Empty(t, first.SourcePolicies)
			require.Empty(t, ignoring(first))

			require.Equal(t, first.Definition.Def, second.Definition.Def)
			require.Equal(t, tc.ignores, ignoring(second))
			converts, attrs := rules(second)
			require.Equal(t, convertedBy(imageA+at, "REG.TEST/a:1"+at), converts)
			require.Empty(t, attrs)

			entries := s.entries()
			require.Len(t, entries, 1)
			require.True(t, entries[0].fellBack())
			require.True(t, entries[0].resolution.Pulling)
			require.Contains(t, res.Metadata, keyReport)
		})
	}
}

// TestNothingIsRejected: one solve, evaluated, and handed over as it is.
func TestNothingIsRejected(t *testing.T) {
	s, gw := layerBuild(t, oneStage, defaults(), kept(map[string][]string{}, imageA))
	_, err := s.build(t.Context())
	require.NoError(t, err)
	require.Len(t, gw.evaluated, 1)
	require.Empty(t, gw.evaluated[0].SourcePolicies)
	require.False(t, gw.evaluated[0].Evaluate)
	require.Len(t, gw.calls, 1)
	require.Empty(t, gw.warnings)
}

// TestOldDaemonEvaluatesNothing: its client gets the error as upstream's frontend
// leaves it.
func TestOldDaemonEvaluatesNothing(t *testing.T) {
	s, gw := layerBuild(t, oneStage, defaults(), kept(map[string][]string{}, imageA))
	gw.noEvaluate = true
	gw.pull = rejectedAt(t, isExec, 1)
	res, err := s.build(t.Context())
	require.NoError(t, err)
	require.Empty(t, gw.evaluated)
	require.NotNil(t, res.Ref)
}

// TestOtherFailuresAreHandedOver: the same result, unsolved, and no error. BuildKit
// remembers what failed.
func TestOtherFailuresAreHandedOver(t *testing.T) {
	vertex := func(err error) func(testing.TB, gwclient.SolveRequest) error {
		return func(t testing.TB, req gwclient.SolveRequest) error { return failsAt(t, req, isExec, err) }
	}
	exit := &gwpb.ExitError{ExitCode: 1, Err: errors.New(`process "/bin/sh -c curl https://x" did not complete successfully: ` + blobRejected)}
	for name, failure := range map[string]func(testing.TB, gwclient.SolveRequest) error{
		"exit code":        vertex(exit),
		"exit code, plain": vertex(errors.New(`process "/bin/sh -c false" did not complete successfully: exit code: 1`)),
		"a missing file":   vertex(errors.New(`failed to compute cache key: failed to calculate checksum of ref x::y: "/x": not found`)),
		"canceled":         vertex(errors.New("context canceled")),
		"policy":           vertex(errors.New(`source "docker-image://reg.test/a:1` + at + `" denied by policy: source denied by policy`)),
		"unknown vertex": func(t testing.TB, _ gwclient.SolveRequest) error {
			return overTheGateway(t, errdefs.WrapVertex(errors.New(blobRejected), testDigest))
		},
		"no vertex": func(t testing.TB, _ gwclient.SolveRequest) error { return overTheGateway(t, errors.New(blobRejected)) },
	} {
		t.Run(name, func(t *testing.T) {
			s, gw := layerBuild(t, oneStage, defaults(), kept(map[string][]string{}, imageA))
			gw.pull = func(_ int, req gwclient.SolveRequest) error { return failure(t, req) }
			res, err := s.build(t.Context())
			require.NoError(t, err)
			require.Len(t, gw.evaluated, 1)
			require.Same(t, gw.evaluated[0].Definition, res.Ref.(*fakeReference).req.Definition)
			require.Len(t, gw.calls, 1)
			require.NoError(t, s.entries()[0].resolution.Err)
		})
	}
}

// TestNoImageBelow: what an op says that needs no image is about none.
func TestNoImageBelow(t *testing.T) {
	s, gw := layerBuild(t, "FROM scratch\nCOPY x /\nFROM reg.test/a:1\nCOPY --from=0 / /\n", defaults(), kept(map[string][]string{}, imageA))
	gw.pull = func(_ int, req gwclient.SolveRequest) error {
		return failsAt(t, req, isLocal, errors.New(blobRejected))
	}
	_, err := s.build(t.Context())
	require.NoError(t, err)
	require.Len(t, gw.evaluated, 1)
	require.Len(t, gw.calls, 1)
}

// TestLayerFails: what is no matter of credentials is explained, with the image and
// its line, and nothing is asked.
func TestLayerFails(t *testing.T) {
	for name, text := range map[string]string{
		"429": blobLimited, "503": blobOutage, "network": blobDial, "denied without credentials": blob + anonymous,
	} {
		t.Run(name, func(t *testing.T) {
			s, gw := layerBuild(t, oneStage, defaults(), kept(map[string][]string{}, imageA))
			gw.pull = func(_ int, req gwclient.SolveRequest) error { return failsAt(t, req, isExec, errors.New(text)) }
			_, err := s.build(t.Context())
			requireExplained(t, err)
			require.Len(t, gw.evaluated, 1)
			require.Len(t, gw.calls, 1)
			require.Empty(t, gw.warnings)
			require.EqualError(t, errors.Cause(s.entries()[0].resolution.Err), text)
		})
	}
}

// requireExplained checks that an error names the first image with its line, and shows
// that line of the Dockerfile.
func requireExplained(t testing.TB, err error) {
	t.Helper()
	require.ErrorContains(t, err, imageA)
	require.ErrorContains(t, err, "Dockerfile:1")
	require.NotContains(t, err.Error(), "failed to copy")
	var lines []int
	for _, src := range errdefs.Sources(err) {
		lines = append(lines, int(src.Ranges[0].Start.Line))
	}
	require.Contains(t, lines, 1)
}

// TestLayerIsRejectedTwice: under the alias too. There is no third time.
func TestLayerIsRejectedTwice(t *testing.T) {
	s, gw := layerBuild(t, oneStage, defaults(), publicA())
	gw.pull = rejectedAt(t, isExec, 10)
	_, err := s.build(t.Context())
	requireExplained(t, err)
	require.Len(t, gw.evaluated, 2)
	require.Len(t, gw.calls, 3)
	res := s.entries()[0].resolution
	require.Error(t, res.Err)
	require.False(t, res.FellBack())
	require.Len(t, res.Fallback, 1)
}

// TestLayerIsDeniedToEverybody: the fallback fails, and with it the build.
func TestLayerIsDeniedToEverybody(t *testing.T) {
	for name, opt := range map[string]options{"denied": defaults(), "off": {}, "strict": {retry: true, strict: true}} {
		t.Run(name, func(t *testing.T) {
			answers := publicA()
			if name == "denied" {
				answers["REG.TEST/a"+noDigest] = []string{anonymous}
			}
			s, gw := layerBuild(t, oneStage, opt, answers)
			gw.pull = rejectedAt(t, isExec, 10)
			_, err := s.build(t.Context())
			requireExplained(t, err)
			require.Len(t, gw.evaluated, 1)
			require.Len(t, gw.calls, map[string]int{"denied": 2, "off": 1, "strict": 3}[name])
		})
	}
}
