package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// printed is what test2json makes of a run with one test that passes, one with
// subtests of which one fails, and one that is skipped.
const printed = `{"Action":"start","Package":"p"}
{"Action":"output","Package":"p","Output":"a line of nobody's\n"}
not JSON
{"Action":"run","Test":"TestIntegration"}
{"Action":"run","Test":"TestIntegration/TestA/worker=oci/frontend=gateway"}
{"Action":"pass","Test":"TestIntegration/TestA/worker=oci/frontend=gateway","Elapsed":1.5}
{"Action":"run","Test":"TestIntegration/TestB/worker=oci/env=simple/frontend=gateway"}
{"Action":"run","Test":"TestIntegration/TestB/worker=oci/env=simple/frontend=gateway/one"}
{"Action":"pass","Test":"TestIntegration/TestB/worker=oci/env=simple/frontend=gateway/one"}
{"Action":"output","Test":"TestIntegration/TestB/worker=oci/env=simple/frontend=gateway/two","Output":"    x_test.go:1: \n\tError:      \tReceived unexpected error:\n"}
{"Action":"output","Test":"TestIntegration/TestB/worker=oci/env=simple/frontend=gateway/two","Output":"\t            \tno such file\n"}
{"Action":"fail","Test":"TestIntegration/TestB/worker=oci/env=simple/frontend=gateway/two"}
{"Action":"fail","Test":"TestIntegration/TestB/worker=oci/env=simple/frontend=gateway"}
{"Action":"skip","Test":"TestIntegration/TestC/worker=oci/frontend=gateway"}
`

const ending = `{"Action":"fail","Test":"TestIntegration"}
{"Action":"fail","Package":"p"}
`

func parsed(t *testing.T, text string) *results {
	t.Helper()
	var ended []string
	res := parse(strings.NewReader(text), func(name string, _ outcome) { ended = append(ended, name) })
	require.Len(t, ended, len(res.tests))
	return res
}

func TestParse(t *testing.T) {
	res := parsed(t, printed+ending)
	require.NoError(t, res.check())
	require.Equal(t, pass, res.outcome("TestA"))
	require.Equal(t, fail, res.outcome("TestB/env=simple"))
	require.Equal(t, pass, res.outcome("TestB/env=simple/one"))
	require.Equal(t, fail, res.outcome("TestB/env=simple/two"))
	require.Equal(t, skip, res.outcome("TestC"))
	require.Equal(t, "no such file", res.tests["TestB/env=simple/two"].reason())
	// TestB counts as its subtests.
	require.Equal(t, []int{2, 1, 1}, []int{res.count(pass), res.count(fail), res.count(skip)})
}

func TestUnfinishedRunIsAnError(t *testing.T) {
	require.ErrorContains(t, parsed(t, "exec: no such program\n").check(), "no test was run")
	require.ErrorContains(t, parsed(t, `{"Action":"output","Output":"panic: test timed out\n"}`+"\n"+printed).check(), "did not end: panic: test timed out")
}

func TestPattern(t *testing.T) {
	require.Equal(t, "^TestIntegration$/./^worker=oci$", pattern(""))
	require.Equal(t, "^TestIntegration$/^(TestA|TestB)$/^worker=oci$", pattern(only([]string{"TestB/env=simple/two", "TestA", "TestB"})))
}

// changed returns results in which tests ended in another way.
func changed(t *testing.T, outcomes map[string]outcome) *results {
	t.Helper()
	res := parsed(t, printed+ending)
	for name, o := range outcomes {
		if o == "" {
			delete(res.tests, name)
			continue
		}
		if res.tests[name] == nil {
			res.tests[name] = &test{}
		}
		res.tests[name].outcome = o
	}
	return res
}

func TestDifferences(t *testing.T) {
	for _, tc := range []struct {
		name     string
		pullsafe map[string]outcome
		want     []difference
	}{
		{"none", nil, nil},
		{"fails", map[string]outcome{"TestA": fail}, []difference{{"TestA", pass, fail, ""}}},
		{"parent and subtest", map[string]outcome{"TestB/env=simple": pass, "TestB/env=simple/two": skip}, []difference{{"TestB/env=simple/two", fail, skip, "no such file"}}},
		{"passes where upstream fails", map[string]outcome{"TestB/env=simple/two": pass}, []difference{{"TestB/env=simple/two", fail, pass, "no such file"}}},
		{"skipped", map[string]outcome{"TestA": skip}, []difference{{"TestA", pass, skip, ""}}},
		{"missing", map[string]outcome{"TestA": ""}, []difference{{"TestA", pass, "", ""}}},
		{"more", map[string]outcome{"TestD": pass}, []difference{{"TestD", "", pass, ""}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.want, differences(parsed(t, printed+ending), changed(t, tc.pullsafe)))
		})
	}
}

func TestSecondRunSettles(t *testing.T) {
	p := &pair{Channel: "mainline", upstream: changed(t, nil), pullsafe: changed(t, map[string]outcome{"TestA": fail, "TestC": pass})}
	names := unsettled(p.upstream, p.pullsafe)
	// TestB fails with both images: one more try as well.
	require.Equal(t, []string{"TestA", "TestB", "TestC"}, functions(names))
	p.again(names,
		changed(t, map[string]outcome{"TestB/env=simple": pass, "TestB/env=simple/two": pass}),
		changed(t, map[string]outcome{"TestB/env=simple": pass, "TestB/env=simple/two": pass, "TestC": pass}))
	require.Equal(t, []rerun{{"TestA", true}, {"TestB", true}, {"TestC", false}}, p.rerun)
	require.Equal(t, []difference{{"TestC", skip, pass, ""}}, differences(p.upstream, p.pullsafe))
	require.Empty(t, bothFailed(p.upstream, p.pullsafe))
}

func TestBothFailed(t *testing.T) {
	res := changed(t, map[string]outcome{"TestReproSourceDateEpoch": fail, "TestReproSourceDateEpoch/Basic": fail})
	require.Equal(t, []failure{
		{"TestB/env=simple/two", "no such file", false},
		{"TestReproSourceDateEpoch/Basic", expected["TestReproSourceDateEpoch"], true},
	}, bothFailed(res, res))
}

func TestVerdict(t *testing.T) {
	good := changed(t, map[string]outcome{"TestB/env=simple": pass, "TestB/env=simple/two": pass})
	verdict := func(upstream, pullsafe *results) error {
		p := &pair{Channel: "labs", upstream: upstream, pullsafe: pullsafe}
		p.differences, p.bothFailed = differences(upstream, pullsafe), bothFailed(upstream, pullsafe)
		return (&report{Pairs: []*pair{p}}).verdict()
	}
	require.NoError(t, verdict(good, good))
	bad := changed(t, nil)
	require.ErrorContains(t, verdict(good, bad), "labs: `TestB/env=simple/two`: pass with upstream's image, fail with pullsafe's: no such file")
	require.ErrorContains(t, verdict(bad, bad), "TestB/env=simple/two failed with both images: no such file")
	none := &results{}
	require.ErrorContains(t, verdict(none, none), "no test passed")
}

func TestMarkdown(t *testing.T) {
	p := &pair{Channel: "labs", upstream: changed(t, nil), pullsafe: changed(t, map[string]outcome{"TestA": fail})}
	p.upstream.took, p.pullsafe.took = 90*time.Second, time.Minute
	p.differences, p.bothFailed = differences(p.upstream, p.pullsafe), bothFailed(p.upstream, p.pullsafe)
	p.rerun = []rerun{{"TestA", false}}
	r := &report{BuildKit: "v0.33.1", Date: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), Pairs: []*pair{p}}
	text := r.markdown()
	for _, want := range []string{
		"BuildKit v0.33.1, its Dockerfile tests on the OCI worker, run on 2026-01-02.\n",
		"| upstream labs | 2 | 1 | 1 | 1.5 |\n| pullsafe labs | 1 | 2 | 1 | 1.0 |\n",
		"Differences, labs:\n\n- `TestA`: pass with upstream's image, fail with pullsafe's\n",
		"Failed with both images, labs:\n\n- `TestB/env=simple/two`: no such file\n",
		"Run a second time with both images, labs:\n\n- `TestA`: as before\n",
	} {
		require.Contains(t, text, want)
	}
}
