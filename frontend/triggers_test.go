package frontend

import (
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moby/buildkit/frontend/dockerfile/builder"
	"github.com/stretchr/testify/require"
)

// onBuildA is a base with a trigger that copies from another image.
var onBuildA = []byte(`{"os":"linux","config":{"OnBuild":["COPY --from=reg.test/x:1 / /"]}}`)

// TestPreflightOfTriggers: what the triggers of a needed base name is needed too; those
// of another are never asked for, not for a report either.
func TestPreflightOfTriggers(t *testing.T) {
	const imageX = "reg.test/x:1"
	for _, tc := range []struct {
		name       string
		all        bool
		dockerfile string
		answers    map[string]answerFunc
		asked      []string
		took       time.Duration
	}{
		{"needed", false, "FROM reg.test/a:1\n", nil, []string{imageA, imageX}, 0},
		{"not needed", false, "FROM reg.test/c:1 AS unneeded\nFROM scratch\n", nil, nil, 0},
		{"not needed, scope=all", true, "FROM reg.test/c:1 AS unneeded\nFROM scratch\n", nil, []string{imageC}, 0},
		{
			"not needed, behind a failure", false, "FROM reg.test/c:1 AS unneeded\nFROM reg.test/b:1\n",
			map[string]answerFunc{"b": says(missing)},
			[]string{imageB, imageC},
			0,
		},
		{
			"not needed, slow behind a failure", false, "FROM reg.test/c:1 AS unneeded\nFROM reg.test/b:1\n",
			map[string]answerFunc{"b": says(missing), "c": after(time.Second, "")},
			[]string{imageB, imageC},
			time.Second,
		},
		{
			// One grace for everything: the failure of b counts for what comes later.
			"a trigger's image hangs behind a failure", false, "FROM reg.test/a:1\nCOPY --from=reg.test/b:1 / /\n",
			map[string]answerFunc{"a": after(time.Second, ""), "b": says(missing), "x": hangs},
			[]string{imageA, imageB, imageX},
			failureGrace,
		},
		{
			"a trigger's image is missing", false, "FROM reg.test/a:1 AS base\nFROM reg.test/c:1 AS unneeded\nFROM base\n",
			map[string]answerFunc{"x": says(missing), "c": hangs},
			[]string{imageA, imageX, imageC},
			failureGrace,
		},
		{
			"the base comes too late", false, "FROM reg.test/a:1\nCOPY --from=reg.test/b:1 / /\n",
			map[string]answerFunc{"a": after(time.Minute, ""), "b": says(missing)},
			[]string{imageA, imageB},
			failureGrace,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, gw := newSession(t, tc.dockerfile, options{retry: true, all: tc.all}, tc.answers)
				gw.config = onBuildA
				began := time.Now()
				stop := s.preflight(t.Context())
				synctest.Wait()
				stop()
				require.Equal(t, tc.took, time.Since(began))
				require.ElementsMatch(t, tc.asked, gw.became())
			})
		})
	}
}

// withTriggers is the config of an image with layers and triggers.
func withTriggers(t *testing.T, list ...string) []byte {
	t.Helper()
	var config map[string]any
	require.NoError(t, json.Unmarshal(testConfig, &config))
	config["config"] = map[string]any{"OnBuild": list}
	dt, err := json.Marshal(config)
	require.NoError(t, err)
	return dt
}

// TestManyTriggers: of very many triggers, those up to a bound are resolved ahead of the
// builder; each image is asked for once, and none that the builder does not ask for.
func TestManyTriggers(t *testing.T) {
	withSeveralImages(t)
	list := make([]string, 1_500)
	for i := range list {
		list[i] = fmt.Sprintf("COPY --from=reg.test/x%d:1 / /", i)
	}
	const dockerfile = "FROM reg.test/c:1 AS unneeded\nFROM reg.test/a:1\n"
	start := func() (*session, *fakeClient) {
		s, gw := newSession(t, dockerfile, defaults(), nil)
		gw.configs = map[string][]byte{imageA: withTriggers(t, list...), imageC: withTriggers(t, "COPY --from=reg.test/y:1 / /")}
		return s, gw
	}
	s, ahead := start()
	s.preflight(t.Context())()
	require.Len(t, ahead.became(), 1+1_000)

	_, upstream := start()
	_, err := builder.Build(t.Context(), upstream)
	require.NoError(t, err)
	s, gw := start()
	_, err = s.build(t.Context())
	require.NoError(t, err)
	require.ElementsMatch(t, upstream.became(), gw.became())
}

func TestTriggers(t *testing.T) {
	require.Equal(t, []string{"COPY --from=reg.test/x:1 / /"}, triggers(onBuildA))
	for _, config := range []string{"", "{", `{}`, `{"config":{"OnBuild":"x"}}`} {
		require.Empty(t, triggers([]byte(config)), config)
	}
}
