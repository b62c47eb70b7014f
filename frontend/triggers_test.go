package frontend

import (
	"testing"
	"testing/synctest"
	"time"

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

func TestTriggers(t *testing.T) {
	require.Equal(t, []string{"COPY --from=reg.test/x:1 / /"}, triggers(onBuildA))
	for _, config := range []string{"", "{", `{}`, `{"config":{"OnBuild":"x"}}`} {
		require.Empty(t, triggers([]byte(config)), config)
	}
}
