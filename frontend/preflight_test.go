package frontend

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/util/grpcerrors"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
	grpcstatus "google.golang.org/grpc/status"
)

// twoStages needs a and b; c is of a stage that nothing needs.
const twoStages = `FROM reg.test/a:1 AS one
FROM reg.test/c:1 AS unneeded
FROM one
COPY --from=reg.test/b:1 / /
`

const (
	imageA, imageB, imageC = "reg.test/a:1", "reg.test/b:1", "reg.test/c:1"
	missing                = "reg.test/a:1: not found"
	outage                 = "unexpected status from HEAD request to https://reg.test/v2/a/manifests/1: 503 Service Unavailable"
	hostTest               = "reg.test/"
)

// newSession is a build of dockerfile. Its registry answers each repository, by the
// last part of its name, as it is told to.
func newSession(t *testing.T, dockerfile string, opt options, answers map[string]answerFunc) (*session, *fakeClient) {
	t.Helper()
	gw := &fakeClient{t: t, dockerfile: dockerfile, opts: map[string]string{"cmdline": "org/pullsafe"}}
	gw.registry = func(ctx context.Context, ref string, o sourceresolver.Opt) error {
		name := ref[strings.LastIndexByte(ref, '/')+1:]
		if i := strings.IndexAny(name, ":@"); i >= 0 {
			name = name[:i]
		}
		if answer, ok := answers[name]; ok {
			return answer(ctx, ref, o)
		}
		return nil
	}
	return &session{client: newClient(gw, opt), opt: opt}, gw
}

// after answers with a text after some time; "" is an image.
func after(d time.Duration, text string) answerFunc {
	return func(ctx context.Context, ref string, opt sourceresolver.Opt) error {
		select {
		case <-time.After(d):
		case <-ctx.Done():
			return hangs(ctx, ref, opt)
		}
		if text == "" {
			return nil
		}
		return errors.New(text)
	}
}

// says answers at once.
func says(text string) answerFunc { return after(0, text) }

// hangs answers nothing before the request is cancelled, and then as a gRPC client
// does: the cause does not arrive.
func hangs(ctx context.Context, _ string, _ sourceresolver.Opt) error {
	<-ctx.Done()
	return grpcerrors.FromGRPC(grpcstatus.FromContextError(ctx.Err()).Err()) //nolint:forbidigo // it is what gRPC sees
}

// stale rejects the credentials of the host as it is written, and serves everybody.
func stale(ctx context.Context, ref string, opt sourceresolver.Opt) error {
	return staleThen(says(""))(ctx, ref, opt)
}

// staleThen rejects the credentials, and answers under aliases as it is told to.
func staleThen(anonymous answerFunc) answerFunc {
	return func(ctx context.Context, ref string, opt sourceresolver.Opt) error {
		if strings.HasPrefix(ref, hostTest) {
			return errors.New(rejected)
		}
		return anonymous(ctx, ref, opt)
	}
}

// TestPreflightResolvesWhatIsNeeded at once. A build that succeeds asks for nothing
// else, which would stand in its provenance; unless it is told to.
func TestPreflightResolvesWhatIsNeeded(t *testing.T) {
	for _, tc := range []struct {
		name string
		all  bool
		want []string
	}{
		{"target", false, []string{imageA, imageB}},
		{"all", true, []string{imageA, imageB, imageC}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				second := after(time.Second, "")
				s, gw := newSession(t, twoStages, options{retry: true, all: tc.all}, map[string]answerFunc{"a": second, "b": second, "c": second})
				began := time.Now()
				stop := s.preflight(t.Context())
				require.Equal(t, time.Second, time.Since(began))
				stop()
				require.ElementsMatch(t, tc.want, gw.became())
				require.Len(t, s.entries(), 3)
			})
		})
	}
}

// TestPreflightSharesItsAnswers with the builder, whatever the step is called.
func TestPreflightSharesItsAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, gw := newSession(t, twoStages, defaults(), nil)
		s.preflight(t.Context())()
		require.Len(t, gw.calls, 2)
		require.NoError(t, config(t, s.client, imageA))
		require.Len(t, gw.calls, 2)
		require.NotNil(t, s.source)
		require.Equal(t, twoStages, string(s.source.Data))
	})
}

func TestPreflightGrace(t *testing.T) {
	for _, tc := range []struct {
		name    string
		all     bool
		answers map[string]answerFunc
		took    time.Duration
		asked   []string
	}{
		{"a needed one hangs behind a failure", false, map[string]answerFunc{"a": after(time.Second, missing), "b": hangs}, time.Second + failureGrace, []string{imageA, imageB, imageC}},
		{"a needed one comes within the grace", false, map[string]answerFunc{"a": says(missing), "b": after(time.Second, "")}, time.Second, []string{imageA, imageB, imageC}},
		{"all fail", false, map[string]answerFunc{"a": says(missing), "b": says(missing), "c": says(missing)}, 0, []string{imageA, imageB, imageC}},
		{"an unneeded one hangs behind a failure", false, map[string]answerFunc{"a": after(time.Second, missing), "c": hangs}, time.Second + failureGrace, []string{imageA, imageB, imageC}},
		{"an unneeded one is slow behind a failure", false, map[string]answerFunc{"a": after(time.Second, missing), "c": after(2*time.Second, "")}, 3 * time.Second, []string{imageA, imageB, imageC}},
		{"the grace is that of the first", false, map[string]answerFunc{"a": says(missing), "b": after(failureGrace-1, missing), "c": hangs}, failureGrace, []string{imageA, imageB, imageC}},
		{"a slow one without a failure", false, map[string]answerFunc{"b": after(time.Minute, "")}, time.Minute, []string{imageA, imageB}},
		{"falling back is no failure", false, map[string]answerFunc{"a": stale, "b": after(time.Minute, "")}, time.Minute, []string{imageA, "REG.TEST/a:1", imageB}},
		{"all: an unneeded one hangs", true, map[string]answerFunc{"c": hangs}, 0, []string{imageA, imageB, imageC}},
		{"all: an unneeded one fails, a needed one is slow", true, map[string]answerFunc{"c": says(missing), "b": after(time.Minute, "")}, time.Minute, []string{imageA, imageB, imageC}},
		{"all: an unneeded one hangs behind a failure", true, map[string]answerFunc{"a": after(time.Second, missing), "c": hangs}, time.Second + failureGrace, []string{imageA, imageB, imageC}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, gw := newSession(t, twoStages, options{retry: true, all: tc.all}, tc.answers)
				began := time.Now()
				stop := s.preflight(t.Context())
				require.Equal(t, tc.took, time.Since(began))
				synctest.Wait()
				stop()
				require.Equal(t, tc.took, time.Since(began), "stop ends what still runs")
				require.ElementsMatch(t, tc.asked, gw.became(), "each once")
			})
		})
	}
}

// TestGraceLeavesNothing: what the preflight gave up on was not resolved, and has
// neither failed nor anything else.
func TestGraceLeavesNothing(t *testing.T) {
	for name, answer := range map[string]answerFunc{"as written": hangs, "under the alias": staleThen(hangs)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _ := newSession(t, twoStages, defaults(), map[string]answerFunc{"a": says(missing), "b": answer, "c": answer})
				s.preflight(t.Context())()
				var failed []string
				for _, e := range s.entries() {
					if e.failed() {
						failed = append(failed, e.resolution.Ref)
						continue
					}
					require.Nil(t, e.resolution)
				}
				require.Equal(t, []string{imageA}, failed)
			})
		})
	}
}

// TestPreflightIsCancelled with the build.
func TestPreflightIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newSession(t, twoStages, options{retry: true, all: true}, map[string]answerFunc{"a": hangs, "b": hangs, "c": hangs})
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errors.New("why")) })
		began := time.Now()
		s.preflight(ctx)()
		require.Equal(t, time.Second, time.Since(began))
		for _, e := range s.entries() {
			require.Nil(t, e.resolution)
		}
	})
}

// manyImages copies from so many tags of a.
func manyImages(n int) string {
	var dockerfile strings.Builder
	dockerfile.WriteString("FROM scratch\n")
	for i := range n {
		fmt.Fprintf(&dockerfile, "COPY --from=reg.test/a:%d / /\n", i)
	}
	return dockerfile.String()
}

// TestPreflightIsBounded: a hostile Dockerfile opens no more than so many
// requests at once, and all of them are answered in the end.
func TestPreflightIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const images = 3 * maxResolutions
		s, gw := newSession(t, manyImages(images), defaults(), map[string]answerFunc{"a": after(time.Second, "")})
		began := time.Now()
		s.preflight(t.Context())()
		require.Equal(t, 3*time.Second, time.Since(began))
		require.Len(t, gw.calls, images)
	})
}

// TestPreflightIsCancelledInTheQueue: what has no place yet is not asked for.
func TestPreflightIsCancelledInTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, gw := newSession(t, manyImages(3*maxResolutions), defaults(), map[string]answerFunc{"a": hangs})
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() {
			require.Len(t, gw.became(), maxResolutions)
			cancel(errors.New("why"))
		})
		began := time.Now()
		s.preflight(ctx)()
		require.Equal(t, time.Second, time.Since(began))
	})
}

// TestPreflightLeavesToTheBuilder what is not a build of this Dockerfile by this
// frontend, or is wrong in a way that the builder says better.
func TestPreflightLeavesToTheBuilder(t *testing.T) {
	for _, tc := range []struct {
		name, dockerfile string
		opts             map[string]string
	}{
		{"another frontend by build argument", twoStages, map[string]string{"build-arg:BUILDKIT_SYNTAX": "x/y"}},
		{"another frontend by syntax line", "# syntax=x/y\n" + twoStages, nil},
		{"another request", twoStages, map[string]string{"cmdline": "x", "requestid": "frontend.outline"}},
		{"no Dockerfile", "FORM reg.test/a", map[string]string{"cmdline": "x"}},
		{"no stage", "# nothing", map[string]string{"cmdline": "x"}},
		{"unknown target", twoStages, map[string]string{"cmdline": "x", "target": "nothing"}},
		{"bad check option", "# check=nonsense\n" + twoStages, map[string]string{"cmdline": "x"}},
		{"bad platform", twoStages, map[string]string{"cmdline": "x", "platform": "a/b/c/d/e"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, gw := newSession(t, tc.dockerfile, defaults(), nil)
			gw.opts = tc.opts
			s.preflight(t.Context())()
			require.Empty(t, gw.calls)
			require.Empty(t, s.entries())
		})
	}
}

// TestPreflightOfAStartedFrontend: once the frontend was started by the
// syntax line, that line does not send the build elsewhere.
func TestPreflightOfAStartedFrontend(t *testing.T) {
	s, gw := newSession(t, "# syntax=org/pullsafe\n"+twoStages, defaults(), nil)
	gw.opts["build-arg:BUILDKIT_SYNTAX"] = "org/pullsafe"
	s.preflight(t.Context())()
	require.Equal(t, []string{imageA, imageB}, slices.Sorted(slices.Values(gw.became())))
}
