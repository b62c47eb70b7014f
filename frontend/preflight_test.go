package frontend

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

// twoStages needs a and b; c is of a stage that nothing needs.
const twoStages = `FROM reg.test/a:1 AS one
FROM reg.test/c:1 AS unneeded
FROM one
COPY --from=reg.test/b:1 / /
`

// newSession is a build of dockerfile. Its registry answers each repository, by
// its last letter, as it is told to.
func newSession(t *testing.T, dockerfile string, opt options, answers map[string]answerFunc) (*session, *fakeClient) {
	t.Helper()
	gw := &fakeClient{t: t, dockerfile: dockerfile, opts: map[string]string{"cmdline": "org/pullsafe"}}
	gw.registry = func(ctx context.Context, ref string, o sourceresolver.Opt) error {
		name, _, _ := strings.Cut(ref[strings.LastIndexByte(ref, '/')+1:], ":")
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

func TestPreflightAsksEverythingAtOnce(t *testing.T) {
	for _, tc := range []struct {
		name string
		all  bool
		want []string
	}{
		{"all", true, []string{"reg.test/a:1", "reg.test/b:1", "reg.test/c:1"}},
		{"target", false, []string{"reg.test/a:1", "reg.test/b:1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				second := after(time.Second, "")
				s, gw := newSession(t, twoStages, options{retry: true, all: tc.all}, map[string]answerFunc{"a": second, "b": second, "c": second})
				began := time.Now()
				stop := s.preflight(t.Context())
				require.Equal(t, time.Second, time.Since(began))
				stop()
				require.ElementsMatch(t, tc.want, gw.asked())
			})
		})
	}
}

// TestPreflightSharesItsAnswers with the builder, whatever the step is called,
// and reads the Dockerfile for it.
func TestPreflightSharesItsAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, gw := newSession(t, twoStages, defaults(), nil)
		s.preflight(t.Context())()
		require.Len(t, gw.calls, 3)
		require.NoError(t, config(t, s.client, "reg.test/a:1"))
		require.Len(t, gw.calls, 3)
		require.NotNil(t, s.source)
		require.Equal(t, twoStages, string(s.source.Data))

		require.Len(t, gw.solves, 1)
		_, err := s.client.Solve(t.Context(), gwclient.SolveRequest{Definition: gw.solves[0].Definition})
		require.NoError(t, err)
		require.Len(t, gw.solves, 1, "the Dockerfile is read once")
	})
}

func TestPreflightGrace(t *testing.T) {
	const missing = "reg.test/a:1: not found"
	for _, tc := range []struct {
		name    string
		answers map[string]answerFunc
		took    time.Duration
	}{
		{"a needed one hangs behind a failure", map[string]answerFunc{"a": after(time.Second, missing), "b": hangs}, time.Second + failureGrace},
		{"a needed one comes within the grace", map[string]answerFunc{"a": after(0, missing), "b": after(time.Second, "")}, time.Second},
		{"all fail", map[string]answerFunc{"a": after(0, missing), "b": after(0, missing)}, 0},
		{"a slow one without a failure", map[string]answerFunc{"b": after(time.Minute, "")}, time.Minute},
		{"an unneeded one hangs", map[string]answerFunc{"c": hangs}, 0},
		{"an unneeded one fails, a needed one is slow", map[string]answerFunc{"c": after(0, missing), "b": after(time.Minute, "")}, time.Minute},
		{"refused, then rescued, is no failure", map[string]answerFunc{
			"a": func(_ context.Context, ref string, _ sourceresolver.Opt) error {
				if strings.HasPrefix(ref, "reg.test/") {
					return errors.New(refused)
				}
				return nil
			},
			"b": after(time.Minute, ""),
		}, time.Minute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _ := newSession(t, twoStages, defaults(), tc.answers)
				began := time.Now()
				stop := s.preflight(t.Context())
				require.Equal(t, tc.took, time.Since(began))
				stop()
				require.Equal(t, tc.took, time.Since(began), "stop ends what still runs")
			})
		})
	}
}

// TestPreflightIsCancelled with the build.
func TestPreflightIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newSession(t, twoStages, defaults(), map[string]answerFunc{"a": hangs, "b": hangs, "c": hangs})
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errors.New("why")) })
		began := time.Now()
		s.preflight(ctx)()
		require.Equal(t, time.Second, time.Since(began))
	})
}

// TestPreflightIsBounded: a hostile Dockerfile opens no more than so many
// requests at once, and all of them are answered in the end.
func TestPreflightIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const images = 3 * maxResolutions
		var dockerfile strings.Builder
		dockerfile.WriteString("FROM scratch\n")
		for i := range images {
			dockerfile.WriteString("COPY --from=reg.test/a:" + string(rune('a'+i%26)) + strings.Repeat("x", i/26) + " / /\n")
		}
		s, gw := newSession(t, dockerfile.String(), defaults(), map[string]answerFunc{"a": after(time.Second, "")})
		began := time.Now()
		s.preflight(t.Context())()
		require.Equal(t, 3*time.Second, time.Since(began))
		require.Len(t, gw.calls, images)
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
		{"bad platform", twoStages, map[string]string{"cmdline": "x", "platform": "a/b/c/d/e"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, gw := newSession(t, tc.dockerfile, defaults(), nil)
			gw.opts = tc.opts
			s.preflight(t.Context())()
			require.Empty(t, gw.calls)
			require.Empty(t, s.ledger().found)
		})
	}
}

// TestPreflightOfAStartedFrontend: once the frontend was started by the
// syntax line, that line does not send the build elsewhere.
func TestPreflightOfAStartedFrontend(t *testing.T) {
	s, gw := newSession(t, "# syntax=org/pullsafe\n"+twoStages, defaults(), nil)
	gw.opts["build-arg:BUILDKIT_SYNTAX"] = "org/pullsafe"
	s.preflight(t.Context())()
	asked := gw.asked()
	slices.Sort(asked)
	require.Equal(t, []string{"reg.test/a:1", "reg.test/b:1", "reg.test/c:1"}, asked)
}

func TestAwait(t *testing.T) {
	for _, tc := range []struct {
		name   string
		member time.Duration // how long the group takes
		fails  time.Duration // when a member fails; negative: never
		took   time.Duration
		gaveUp bool
	}{
		{"no failure", time.Hour, -1, time.Hour, false},
		{"failure, the rest in time", 2 * time.Second, time.Second, 2 * time.Second, false},
		{"failure, the rest late", time.Hour, time.Second, time.Second + failureGrace, true},
		{"late failure", time.Hour, time.Hour - time.Second, time.Hour, false},
		{"nothing to wait for", 0, -1, 0, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				group := newLane()
				group.Go(func() error {
					select {
					case <-time.After(tc.member):
					case <-ctx.Done():
					}
					return nil
				})
				failed := make(chan struct{}, 1)
				if tc.fails >= 0 {
					time.AfterFunc(tc.fails, func() { failed <- struct{}{} })
				}
				began, gaveUp := time.Now(), false
				await(group, failed, func() { gaveUp = true; cancel(errGraceOver) })
				require.Equal(t, tc.gaveUp, gaveUp)
				require.Equal(t, tc.took, time.Since(began))
			})
		})
	}
}
