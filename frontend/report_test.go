package frontend

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moby/buildkit/solver/errdefs"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/report"
)

// reportOf is the report in the metadata of a result, as buildx reads it.
func reportOf(t testing.TB, metadata map[string][]byte) report.Report {
	t.Helper()
	dt, err := base64.StdEncoding.DecodeString(string(metadata[keyReport]))
	require.NoError(t, err)
	var r report.Report
	require.NoError(t, json.Unmarshal(dt, &r))
	return r
}

// outcomes are those of a report, by reference.
func outcomes(r report.Report) map[string]report.Outcome {
	out := map[string]report.Outcome{}
	for _, ref := range r.References {
		out[ref.Ref] = ref.Outcome
	}
	return out
}

// lines are the lines of the Dockerfile that an error shows.
func lines(err error) []int {
	var out []int
	for _, src := range errdefs.Sources(err) {
		out = append(out, int(src.Ranges[0].Start.Line))
	}
	return out
}

// TestBuildReports what was resolved, what fell back, and what the target did not need.
func TestBuildReports(t *testing.T) {
	withSeveralImages(t)
	s, gw := newSession(t, twoStages, defaults(), map[string]answerFunc{"b": stale})
	res, err := s.build(t.Context())
	require.NoError(t, err)
	r := reportOf(t, res.Metadata)
	require.Equal(t, map[string]report.Outcome{imageA: report.OK, imageB: report.OKWithoutCredentials, imageC: report.NotChecked}, outcomes(r))
	require.Equal(t, []bool{true, false, true}, []bool{r.References[0].Needed, r.References[1].Needed, r.References[2].Needed})
	require.NotContains(t, gw.became(), imageC)
	require.Len(t, gw.warnings, 1)
}

// TestBuildNamesAllThatFailed: one error for all, and those of other stages for the
// record.
func TestBuildNamesAllThatFailed(t *testing.T) {
	withSeveralImages(t)
	s, gw := newSession(t, twoStages, defaults(), map[string]answerFunc{
		"a": says(missing), "b": staleThen(says(anonymous)), "c": stale,
	})
	_, err := s.build(t.Context())
	require.ErrorContains(t, err, imageA)
	require.ErrorContains(t, err, imageB)
	require.Equal(t, []int{1, 4}, lines(err))
	require.Equal(t, "2 of 2", strings.Join(strings.Fields(err.Error())[:3], " "))
	require.ElementsMatch(t, []string{imageA, imageB, "REG.TEST/b:1", imageC, "REG.TEST/c:1"}, gw.became())
	require.Empty(t, gw.evaluated)
	require.Empty(t, gw.warnings, "an unneeded stage is not warned of")
	r := s.results()
	require.Equal(t, map[string]report.Outcome{imageA: report.Failed, imageB: report.Failed, imageC: report.OKWithoutCredentials}, outcomes(*r))
}

// TestBuildFailsWithinTheGrace: as a whole, with what hangs named as not checked.
func TestBuildFailsWithinTheGrace(t *testing.T) {
	withSeveralImages(t)
	synctest.Test(t, func(t *testing.T) {
		s, _ := newSession(t, twoStages, defaults(), map[string]answerFunc{"a": says(missing), "b": hangs, "c": hangs})
		began := time.Now()
		_, err := s.build(t.Context())
		require.ErrorContains(t, err, imageA)
		require.ErrorContains(t, err, imageB)
		// A request that joins one which was just cancelled waits some milliseconds.
		require.InDelta(t, failureGrace, time.Since(began), float64(time.Second))
	})
}

// TestUnneededStagesDoNotMatter: with scope=all they are asked for, and neither delay nor
// fail the build.
func TestUnneededStagesDoNotMatter(t *testing.T) {
	withSeveralImages(t)
	for name, answer := range map[string]answerFunc{"hangs": hangs, "missing": says(missing), "rejected": stale, "denied": staleThen(says(anonymous))} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, gw := newSession(t, "# check=error=true\n"+twoStages, options{retry: true, all: true, strict: true}, map[string]answerFunc{
					"b": after(time.Second, ""), "c": answer,
				})
				began := time.Now()
				_, err := s.build(t.Context())
				require.NoError(t, err)
				require.Equal(t, time.Second, time.Since(began))
				require.Contains(t, gw.became(), imageC)
				require.Empty(t, gw.warnings)
			})
		})
	}
}

// threeHosts needs three images of two hosts.
const threeHosts = `FROM reg.test/a:1 AS one
FROM other.test/b:1 AS two
FROM reg.test/c:1
COPY --from=one / /
COPY --from=two / /
`

// staleEverywhere rejects the credentials of every host in lower case.
func staleEverywhere(t *testing.T, dockerfile string, opt options) (*session, *fakeClient) {
	t.Helper()
	answers := map[string][]string{}
	for _, ref := range []string{imageA, "other.test/b:1", imageC} {
		host, rest, _ := strings.Cut(ref, "/")
		answers[ref], answers[strings.ToUpper(host)+"/"+rest] = []string{rejected}, []string{""}
	}
	return layerBuild(t, dockerfile, opt, answers)
}

// TestStrictNamesAll: every image that only the fallback resolved, on all hosts.
func TestStrictNamesAll(t *testing.T) {
	withSeveralImages(t)
	for range 10 { // in whatever order they end
		s, gw := staleEverywhere(t, threeHosts, options{retry: true, strict: true})
		_, err := s.build(t.Context())
		for i, ref := range []string{imageA, "other.test/b:1", imageC} {
			require.ErrorContains(t, err, ref)
			require.ErrorContains(t, err, fmt.Sprintf("Dockerfile:%d", i+1))
		}
		require.Equal(t, []int{1, 2, 3}, lines(err))
		for _, command := range []string{"docker logout reg.test", "docker logout other.test"} {
			require.ErrorContains(t, err, command)
		}
		require.Empty(t, gw.evaluated)
		require.Empty(t, gw.warnings)
	}
}

// TestCheckErrorNamesAll: likewise with `# check=error=true`, in the linter's words.
func TestCheckErrorNamesAll(t *testing.T) {
	withSeveralImages(t)
	s, gw := staleEverywhere(t, "# check=error=true\n"+threeHosts, defaults())
	_, err := s.build(t.Context())
	require.ErrorContains(t, err, "lint violation found for rules: "+RuleCredentialsRejected)
	for i, ref := range []string{imageA, "other.test/b:1", imageC} {
		require.ErrorContains(t, err, ref)
		require.ErrorContains(t, err, fmt.Sprintf("Dockerfile:%d", i+2))
	}
	require.Equal(t, []int{2, 3, 4}, lines(err))
	require.Empty(t, gw.evaluated, "nothing is pulled for it")
	require.EqualError(t, overTheGateway(t, err), err.Error())
}

// TestCheckErrorByALayer: an image whose content alone was rejected counts too.
func TestCheckErrorByALayer(t *testing.T) {
	s, gw := layerBuild(t, "# check=error=true\n"+oneStage, defaults(), publicA())
	gw.pull = rejectedAt(t, isExec, 1)
	_, err := s.build(t.Context())
	require.ErrorContains(t, err, "lint violation found for rules: "+RuleCredentialsRejected)
	require.Equal(t, []int{2}, lines(err))
}

func TestCheckSkip(t *testing.T) {
	withSeveralImages(t)
	for _, check := range []string{"skip=" + RuleCredentialsRejected, "skip=all", "skip=" + RuleCredentialsRejected + ";error=true"} {
		s, gw := staleEverywhere(t, "# check="+check+"\n"+threeHosts, defaults())
		_, err := s.build(t.Context())
		require.NoError(t, err)
		require.Empty(t, gw.warnings)
		require.Len(t, gw.evaluated, 1)
	}
}

// TestWarnings: one per registry host, at the first of its images.
func TestWarnings(t *testing.T) {
	withSeveralImages(t)
	s, gw := staleEverywhere(t, threeHosts, defaults())
	_, err := s.build(t.Context())
	require.NoError(t, err)
	require.Len(t, gw.warnings, 2)
	for i, want := range []struct {
		line  int
		names []string
	}{{1, []string{imageA, imageC, "docker logout reg.test"}}, {2, []string{"other.test/b:1", "docker logout other.test"}}} {
		w := gw.warnings[i]
		require.True(t, strings.HasPrefix(w.text, RuleCredentialsRejected+": "), w.text)
		require.True(t, strings.HasSuffix(w.text, fmt.Sprintf(" (line %d)", want.line)), w.text)
		for _, name := range want.names {
			require.Contains(t, w.text, name)
		}
		require.Equal(t, ruleURL, w.opts.URL)
		require.NotEmpty(t, w.opts.Detail)
		require.Equal(t, 1, w.opts.Level)
		require.EqualValues(t, want.line, w.opts.Range[0].Start.Line)
		require.Equal(t, threeHosts, string(w.opts.SourceInfo.Data))
	}
}

// TestWarningsOfAFailedBuild: what fell back is told of although something else failed.
func TestWarningsOfAFailedBuild(t *testing.T) {
	withSeveralImages(t)
	s, gw := newSession(t, twoStages, defaults(), map[string]answerFunc{"a": says(missing), "b": stale})
	_, err := s.build(t.Context())
	require.ErrorContains(t, err, imageA)
	require.Equal(t, []int{1}, lines(err))
	require.Len(t, gw.warnings, 1)
	require.Contains(t, gw.warnings[0].text, imageB)
}

// TestUpstreamErrorsAreKept: what is no registry's to answer.
func TestUpstreamErrorsAreKept(t *testing.T) {
	s, gw := newSession(t, "FROM reg.test/a:1\nCOPY --form=x / /\n", defaults(), nil)
	_, err := s.build(t.Context())
	require.ErrorContains(t, err, "form")
	require.Empty(t, gw.calls)
	require.False(t, errors.As(err, new(*refError)))
}
