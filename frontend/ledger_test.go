package frontend

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/llb"
)

func TestFirstSpellingStays(t *testing.T) {
	l := newLedger()
	l.respell("ghcr.io/a", "GHCR.IO/a")
	l.respell("ghcr.io/a", "ghcr.io:443/a")
	got := l.respelled()
	require.Equal(t, llb.Names{"ghcr.io/a": "GHCR.IO/a"}, got)
	got["ghcr.io/b"] = "x" // a copy
	require.Len(t, l.respelled(), 1)
}

func TestEntriesAreInOrderOfTheDockerfile(t *testing.T) {
	arm64 := platform{OS: "linux", Architecture: "arm64"}
	l := newLedger()
	at := func(line int) []references.Position { return []references.Position{{Line: line}} }
	l.expect([]references.Reference{
		{Name: "reg.test/a:1", Platform: &amd64, Needed: true, Positions: at(7)},
		{Name: "reg.test/a:1", Platform: &arm64, Positions: at(3)},
		{Name: "reg.test/b:1", Platform: &amd64, Positions: at(5)},
	})
	opt := amd64Opt()
	for _, ref := range []string{"reg.test/only-the-builder:1", "reg.test/a:1", "reg.test/b:1"} {
		l.add(outcome{query: newQuery("config", ref, opt, nil)})
	}
	opt.ImageOpt.Platform = &arm64
	l.add(outcome{query: newQuery("config", "reg.test/a:1", opt, nil), rescued: true})

	var lines []int
	var needed []bool
	for _, e := range l.entries(func(entry) bool { return true }) {
		lines, needed = append(lines, e.line()), append(needed, e.found.Needed)
	}
	require.Equal(t, []int{3, 5, 7}, lines[:3])
	require.Len(t, lines, 4)
	require.Greater(t, lines[3], slices.Max(lines[:3]), "what the Dockerfile does not name comes last")
	require.Equal(t, []bool{false, false, true, true}, needed, "what only the builder asks for is needed")

	rescued := l.entries(func(e entry) bool { return e.rescued })
	require.Len(t, rescued, 1)
	require.Equal(t, 3, rescued[0].line())
}
