package frontend

import (
	"slices"
	"testing"

	bkllb "github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/references"
)

// TestEntriesAreInOrderOfTheDockerfile, each with what became of it.
func TestEntriesAreInOrderOfTheDockerfile(t *testing.T) {
	arm64 := platform{OS: "linux", Architecture: "arm64"}
	gw := newFake(t, map[string][]string{"reg.test/only-the-builder:1": {""}, imageA: {rejected, ""}, "REG.TEST/a:1": {""}, imageB: {""}})
	s := &session{client: newClient(gw, defaults())}
	at := func(line int) []references.Position { return []references.Position{{Line: line}} }
	s.refs = []references.Reference{
		{Name: imageA, Platform: &amd64, Needed: true, Positions: at(7)},
		{Name: imageA, Platform: &arm64, Positions: at(3)},
		{Name: imageB, Platform: &amd64, Positions: at(5)},
		{Name: imageC, Platform: &amd64, Needed: true, Positions: at(6)},
	}
	resolve := func(ref string, p *platform) {
		_, _, _, err := s.client.ResolveImageConfig(t.Context(), ref, sourceresolver.Opt{ImageOpt: &sourceresolver.ResolveImageOpt{Platform: p}})
		require.NoError(t, err)
	}
	resolve("reg.test/only-the-builder:1", &amd64)
	resolve(imageA, &arm64) // rejected
	resolve(imageA, &amd64)
	resolve(imageB, &amd64)

	var lines []int
	var needed, known, fellBack []bool
	for _, e := range s.entries() {
		lines, needed = append(lines, e.line()), append(needed, e.found.Needed)
		known, fellBack = append(known, e.resolution != nil), append(fellBack, e.fellBack())
		require.False(t, e.failed())
	}
	require.Equal(t, []int{3, 5, 6, 7}, lines[:4])
	require.Len(t, lines, 5)
	require.Greater(t, lines[4], slices.Max(lines[:4]), "what the Dockerfile does not name comes last")
	require.Equal(t, []bool{false, false, true, true, true}, needed, "what only the builder asks for is needed")
	require.Equal(t, []bool{true, true, false, true, true}, known)
	require.Equal(t, []bool{true, false, false, false, false}, fellBack)
}

// TestInputsAreNotResolved: images of linked bake targets have been resolved by the
// build of those. A request for one would stand in the provenance, perhaps with another
// digest.
func TestInputsAreNotResolved(t *testing.T) {
	s, gw := newSession(t, "FROM first\nCOPY --from=second / /\n", defaults(), nil)
	gw.opts["context:first"], gw.opts["context:second"] = "input:first", "input:second"
	gw.inputs = map[string]bkllb.State{
		"first":  bkllb.Image("reg.test/pinned:1@"+string(testDigest), bkllb.LinuxAmd64),
		"second": bkllb.Image("reg.test/by/tag:1", bkllb.LinuxAmd64),
	}
	res, err := s.build(t.Context())
	require.NoError(t, err)
	require.Empty(t, gw.calls)
	require.Empty(t, gw.checks)
	require.Empty(t, s.entries())
	require.Len(t, gw.evaluated, 1)
	require.Contains(t, res.Metadata, keyReport)
}

// TestScanner: the SBOM scanner's image is asked for in another way, and still once; it
// falls back like any other.
func TestScanner(t *testing.T) {
	const scanner = "reg.test/scanner:1"
	s, gw := newSession(t, oneStage, defaults(), map[string]answerFunc{"scanner": stale})
	gw.opts["attest:sbom"] = "generator=" + scanner
	gw.config = []byte(`{"os":"linux","architecture":"amd64","config":{"Cmd":["scan"]},"rootfs":{"diff_ids":["` + string(testDigest) + `"]}}`)
	res, err := s.build(t.Context())
	require.NoError(t, err)
	require.ElementsMatch(t, []string{imageA, scanner, "REG.TEST/scanner:1"}, gw.became())
	require.Len(t, gw.evaluated, 2, "the attestation too")
	entries := s.entries()
	require.Len(t, entries, 2)
	require.True(t, entries[1].found.Scanner)
	require.True(t, entries[1].fellBack())
	require.Len(t, gw.warnings, 1)
	require.Contains(t, gw.warnings[0].text, scanner)
	require.Nil(t, gw.warnings[0].opts.Range, "no line names it")
	var under []string
	for _, req := range gw.evaluated {
		converts, _ := rules(req)
		for _, to := range converts {
			under = append(under, to)
		}
	}
	require.Equal(t, []string{"docker-image://REG.TEST/scanner:1"}, under)
	require.Contains(t, res.Metadata, keyReport)
}
