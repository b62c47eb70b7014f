package frontend

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moby/buildkit/frontend/dockerfile/builder"
	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/errdefs"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/report"
)

// callFake is the daemon of `--call=preflight` for a Dockerfile.
func callFake(t *testing.T, dockerfile string, opts map[string]string, answers map[string]answerFunc) *fakeClient {
	t.Helper()
	_, gw := newSession(t, dockerfile, defaults(), answers)
	maps.Copy(gw.opts, opts)
	gw.opts[keyRequestID] = requestPreflight
	return gw
}

// called is what `--call=preflight` answered.
func called(t testing.TB, res *gwclient.Result) (r report.Report, status string) {
	t.Helper()
	require.NoError(t, json.Unmarshal(res.Metadata["result.json"], &r))
	require.NotEmpty(t, res.Metadata["result.txt"])
	require.Equal(t, report.Version, string(res.Metadata["version"]))
	return r, string(res.Metadata["result.statuscode"])
}

// TestCallFailsWhereTheBuildDoes, in the builder's words and with its snippet.
func TestCallFailsWhereTheBuildDoes(t *testing.T) {
	for _, tc := range []struct {
		name, dockerfile string
		opts             map[string]string
		want             string // of the builder's words
	}{
		{"circular", "FROM scratch AS a\nCOPY --from=b / /\nFROM scratch AS b\nCOPY --from=a / /\n", nil, "circular dependency"},
		{"circular, not needed", "FROM scratch AS a\nCOPY --from=b / /\nFROM scratch AS b\nCOPY --from=a / /\nFROM scratch\n", nil, "circular dependency"},
		{"of itself", "FROM scratch AS a\nCOPY --from=a / /\n", nil, "circular dependency"},
		{"unknown target", "FROM scratch AS prod\n", map[string]string{"target": "prd"}, "did you mean prod?"},
		{"unknown flag", "FROM reg.test/a:1\nCOPY --form=x / /\n", nil, "did you mean from?"},
		{"unknown instruction", "FORM reg.test/a:1\n", nil, "did you mean FROM?"},
		{"unknown key of a mount", "FROM reg.test/a:1\nRUN --mount=typ=tmpfs true\n", nil, "did you mean type?"},
		{"unknown argument of a platform", "FROM --platform=$BULIDPLATFORM reg.test/a:1\n", nil, "did you mean BUILDPLATFORM?"},
		{"variable as a source", "ARG V=x\nFROM scratch\nCOPY --from=$V / /\n", nil, "define a new stage"},
		{"invalid name that a context replaces", "FROM golang:-alpine AS x\n", map[string]string{"context:x": "docker-image://reg.test/a:1"}, "invalid reference format"},
		{"no stage", "# nothing\n", nil, "no instructions"},
		{"bad platform", "FROM scratch\n", map[string]string{"platform": "a/b/c/d/e"}, "failed to parse target platform"},
		{"lint errors", "# check=error=true\nFROM reg.test/a:1 as two\n", nil, "lint violation found for rules: FromAsCasing"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			build := callFake(t, tc.dockerfile, tc.opts, nil)
			delete(build.opts, keyRequestID)
			_, want := builder.Build(t.Context(), build)
			require.ErrorContains(t, want, tc.want)

			gw := callFake(t, tc.dockerfile, tc.opts, nil)
			_, err := Build(t.Context(), gw)
			require.EqualError(t, err, want.Error())
			require.Len(t, errdefs.Sources(err), len(errdefs.Sources(want)))
			require.Empty(t, gw.evaluated)
			if !strings.Contains(tc.name, "lint") {
				require.Empty(t, gw.warnings, "nobody asked for them")
				return
			}
			require.Len(t, gw.warnings, len(build.warnings), "they say what the violation is about")
		})
	}
}

// TestCallPassesWhereTheBuildDoes: a stage is known only to what follows it.
func TestCallPassesWhereTheBuildDoes(t *testing.T) {
	gw := callFake(t, "FROM b AS a\nFROM a AS b\n", nil, nil)
	res, err := Build(t.Context(), gw)
	require.NoError(t, err)
	r, status := called(t, res)
	require.Equal(t, "0", status)
	require.Equal(t, map[string]report.Outcome{"docker.io/library/b:latest": report.OK}, outcomes(r))
	require.Empty(t, gw.evaluated)
}

// TestCallResolvesAllStages: whether the target needs them or not; that decides about
// the status alone.
func TestCallResolvesAllStages(t *testing.T) {
	withSeveralImages(t)
	for _, tc := range []struct {
		name    string
		head    string // of the Dockerfile
		opts    map[string]string
		answers map[string]answerFunc
		want    [3]report.Outcome // a, c, b: in the order of the file
		status  string
	}{
		{"ok", "", nil, nil, [3]report.Outcome{report.OK, report.OK, report.OK}, "0"},
		{"needed fails", "", nil, map[string]answerFunc{"a": says(missing)}, [3]report.Outcome{report.Failed, report.OK, report.OK}, "1"},
		{"unneeded fails", "", nil, map[string]answerFunc{"c": says(missing)}, [3]report.Outcome{report.OK, report.Failed, report.OK}, "0"},
		{"the target decides", "", map[string]string{"target": "unneeded"}, map[string]answerFunc{"c": says(missing), "a": says(missing)}, [3]report.Outcome{report.Failed, report.Failed, report.OK}, "1"},
		{"fallback", "", nil, map[string]answerFunc{"b": stale}, [3]report.Outcome{report.OK, report.OK, report.OKWithoutCredentials}, "0"},
		{"fallback, strict", "", map[string]string{"build-arg:PULLSAFE_STRICT": "1"}, map[string]answerFunc{"b": stale}, [3]report.Outcome{report.OK, report.OK, report.OKWithoutCredentials}, "1"},
		{"fallback, error=true", "# check=error=true\n", nil, map[string]answerFunc{"b": stale}, [3]report.Outcome{report.OK, report.OK, report.OKWithoutCredentials}, "1"},
		{"unneeded fallback, strict", "", map[string]string{"build-arg:PULLSAFE_STRICT": "1"}, map[string]answerFunc{"c": stale}, [3]report.Outcome{report.OK, report.OKWithoutCredentials, report.OK}, "0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			gw := callFake(t, tc.head+twoStages, tc.opts, tc.answers)
			res, err := Build(t.Context(), gw)
			require.NoError(t, err)
			r, status := called(t, res)
			require.Equal(t, tc.status, status)
			var got [3]report.Outcome
			require.Len(t, r.References, 3)
			for i, ref := range r.References {
				got[i] = ref.Outcome
			}
			require.Equal(t, tc.want, got)
			require.Empty(t, gw.evaluated, "no layer is pulled")
			require.Empty(t, gw.warnings)
			asked := gw.became()
			require.Len(t, slices.Compact(slices.Sorted(slices.Values(asked))), len(asked), "each is asked for once")
		})
	}
}

// TestCallResolvesTriggers of the bases that the target needs.
func TestCallResolvesTriggers(t *testing.T) {
	gw := callFake(t, "FROM reg.test/a:1\n", nil, map[string]answerFunc{"x": says("reg.test/x:1: not found")})
	gw.config = onBuildA
	res, err := Build(t.Context(), gw)
	require.NoError(t, err)
	r, status := called(t, res)
	require.Equal(t, "1", status)
	require.Equal(t, map[string]report.Outcome{imageA: report.OK, "reg.test/x:1": report.Failed}, outcomes(r))

	gw = callFake(t, "FROM reg.test/c:1 AS unneeded\nFROM scratch\n", nil, nil)
	gw.config = onBuildA
	_, err = Build(t.Context(), gw)
	require.NoError(t, err)
	require.Equal(t, []string{imageC}, gw.became())
}

// TestCallTimesOut: a registry that hangs is reported, and the rest is too.
func TestCallTimesOut(t *testing.T) {
	withSeveralImages(t)
	synctest.Test(t, func(t *testing.T) {
		gw := callFake(t, twoStages, nil, map[string]answerFunc{"a": hangs, "c": hangs, "b": says(missing)})
		began := time.Now()
		res, err := Build(t.Context(), gw)
		require.NoError(t, err)
		require.Equal(t, checkTimeout, time.Since(began))
		r, status := called(t, res)
		require.Equal(t, "1", status)
		require.Equal(t, map[string]report.Outcome{imageA: report.NotChecked, imageC: report.NotChecked, imageB: report.Failed}, outcomes(r))
	})
}

func TestCallIsCancelled(t *testing.T) {
	withSeveralImages(t)
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("why")
		gw := callFake(t, twoStages, nil, map[string]answerFunc{"a": hangs})
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(why) })
		_, err := Build(ctx, gw)
		require.ErrorIs(t, err, why)
	})
}

// TestCallOfAnotherFrontend is handed on to it, as it came.
func TestCallOfAnotherFrontend(t *testing.T) {
	gw := callFake(t, "# syntax=example.com/other\nFROM reg.test/a:1\n", nil, nil)
	delete(gw.opts, keyCmdline)
	_, err := Build(t.Context(), gw)
	require.NoError(t, err)
	require.Empty(t, gw.calls)
	last := gw.solves[len(gw.solves)-1]
	require.Equal(t, "gateway.v0", last.Frontend)
	require.Equal(t, requestPreflight, last.FrontendOpt[keyRequestID])
}

// TestCallWithAPolicy: an image that a policy denies is a row of the report; its error
// is not the Dockerfile's.
func TestCallWithAPolicy(t *testing.T) {
	withSeveralImages(t)
	gw := callFake(t, twoStages, nil, map[string]answerFunc{"c": says(missing)})
	gw.policy = &spb.Policy{Version: 1, Rules: []*spb.Rule{{Action: spb.PolicyAction_DENY, Selector: &spb.Selector{Identifier: "docker-image://reg.test/a:*"}}}}
	res, err := Build(t.Context(), gw)
	require.NoError(t, err)
	r, status := called(t, res)
	require.Equal(t, "1", status)
	require.Equal(t, map[string]report.Outcome{imageA: report.Failed, imageB: report.OK, imageC: report.Failed}, outcomes(r))
}

// TestCallAnswersInTime, also where the builder is busy with very many triggers, or with
// some that lead to their own image: it looks at no context then.
func TestCallAnswersInTime(t *testing.T) {
	for name, why := range map[string]error{"timeout": nil, "cancelled": errors.New("why")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gw := callFake(t, "FROM reg.test/a:1\nCOPY . /\n", nil, nil)
				gw.deaf = make(chan struct{})
				ctx, cancel := context.WithCancelCause(t.Context())
				if why != nil {
					time.AfterFunc(time.Second, func() { cancel(why) })
				}
				began := time.Now()
				res, err := Build(ctx, gw)
				require.ErrorIs(t, err, why)
				if why == nil {
					require.Equal(t, checkTimeout, time.Since(began))
					_, status := called(t, res)
					require.Equal(t, "0", status)
				}
				require.LessOrEqual(t, time.Since(began), checkTimeout)
				close(gw.deaf)
				cancel(nil)
				synctest.Wait()
			})
		})
	}
}
