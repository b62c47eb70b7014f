package install

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// costRounds is how often each build runs on each side.
const costRounds = 15

// TestCost measures `docker build` through the plugin beside plain `docker build`, in
// turn, on one Engine 29. The figures are those of docs/install.md. It asserts no time.
func TestCost(t *testing.T) {
	if !world.Full() {
		t.Skip("measures; with -full, on a machine that does nothing else")
	}
	m := newMachine(t, kinds[0])
	_, err := m.e.PushUpstreamFrontend(t.Context(), shared.Hub, "docker/dockerfile:1")
	require.NoError(t, err)
	none := configWith(t, m.e, nil)
	plainNone, plain := none, m.cfg
	throughNone, through := configWith(t, m.e, nil), configWith(t, m.e, nil)
	for _, cfg := range []*harness.DockerConfig{plainNone, throughNone} {
		m.cfg = cfg
		m.docker(harness.CommandOpt{}, "logout", "ghcr.io")
	}
	for _, cfg := range []*harness.DockerConfig{through, throughNone} {
		m.cfg = cfg
		m.install()
	}
	const syntax, text = "# syntax=docker/dockerfile:1\n", "FROM alpine:3.23\nCOPY Dockerfile /d\nRUN --network=none true\n"
	for _, tc := range []struct {
		name, text     string
		plain, through *harness.DockerConfig
		args           []string
	}{
		{"cached, # syntax=docker/dockerfile:1", syntax + text, plain, through, nil},
		{"small build, # syntax=docker/dockerfile:1", syntax + text, plain, through, []string{"--no-cache"}},
		{"cached, no syntax line, no credentials stored", text, plainNone, throughNone, nil},
		{"small build, no syntax line, no credentials stored", text, plainNone, throughNone, []string{"--no-cache"}},
		{"cached, no syntax line, credentials stored", text, plain, through, nil},
		{"small build, no syntax line, credentials stored", text, plain, through, []string{"--no-cache"}},
	} {
		dir, err := m.e.WriteFiles(world.Dockerfile(tc.text))
		require.NoError(t, err)
		build := func(cfg *harness.DockerConfig) time.Duration {
			m.cfg = cfg
			begun := time.Now()
			m.docker(harness.CommandOpt{Dir: dir}, append([]string{"build", "-q", "-t", "cost", "."}, tc.args...)...)
			return time.Since(begun)
		}
		build(tc.plain)
		build(tc.through)
		var a, b []time.Duration
		var ratios []float64
		for range costRounds {
			x, y := build(tc.plain), build(tc.through)
			a, b, ratios = append(a, x), append(b, y), append(ratios, float64(y)/float64(x))
		}
		t.Logf("%-52s plain %4d ms, through pullsafe %4d ms, ratio of medians %.2f, median of ratios %.2f", tc.name,
			median(a).Milliseconds(), median(b).Milliseconds(), float64(median(b))/float64(median(a)), median(ratios))
	}
}

func median[T cmp.Ordered](list []T) T {
	list = slices.Clone(list)
	slices.Sort(list)
	return list[len(list)/2]
}
