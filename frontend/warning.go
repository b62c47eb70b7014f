package frontend

import (
	"context"
	"slices"

	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/diagnosis"
)

// RuleCredentialsRefused is the name under which a warning about refused
// credentials is shown, and under which `# check=skip=` silences it.
const RuleCredentialsRefused = "RegistryCredentialsRefused"

// ruleURL documents the rule.
const ruleURL = "https://github.com/org/pullsafe/blob/main/docs/RegistryCredentialsRefused.md"

// warn tells the user what was pulled without credentials: one warning a
// registry host, in the linter's form.
func (s *session) warn(ctx context.Context) {
	if s.silenced() {
		return
	}
	rescued := s.ledger().entries(func(e entry) bool { return e.rescued && e.err == nil })
	for _, group := range groupBy(rescued, func(e entry) string { return e.query.host() }) {
		first := group[0]
		var refs []string
		for _, e := range group {
			if !slices.Contains(refs, e.query.ref) {
				refs = append(refs, e.query.ref)
			}
		}
		host, d := first.query.host(), first.tries.Written
		var ranges []parser.Range
		line := 0
		if p := first.found.Positions; len(p) > 0 {
			ranges, line = p[0].Ranges, p[0].Line
		}
		short := linter.LintFormatShort(RuleCredentialsRefused, diagnosis.RefusedShort(host, refs, d), line)
		detail := diagnosis.RefusedDetail(host, refs, d)
		s.send(ctx, short, detail, ranges)
	}
}

// send delivers one warning. A daemon that knows no warnings still builds: the
// step "without credentials" is then all that is shown.
func (s *session) send(ctx context.Context, short string, detail []string, ranges []parser.Range) {
	opts := gwclient.WarnOpts{Level: 1, URL: ruleURL, Range: pbRanges(ranges)}
	for _, line := range detail {
		opts.Detail = append(opts.Detail, []byte(line))
	}
	if s.source != nil {
		s.source.Warn(ctx, short, opts)
		return
	}
	_ = s.client.Warn(ctx, "", short, opts)
}

func (s *session) silenced() bool {
	return s.checks != nil && (s.checks.SkipAll || slices.Contains(s.checks.SkipRules, RuleCredentialsRefused))
}

// violation makes the warning an error where the Dockerfile asks for that
// (`# check=error=true`), in the words of BuildKit's linter.
func (s *session) violation() error {
	if s.checks == nil || !s.checks.ReturnAsError || s.silenced() {
		return nil
	}
	if len(s.ledger().entries(func(e entry) bool { return e.rescued })) == 0 {
		return nil
	}
	return errors.Errorf("lint violation found for rules: %s", RuleCredentialsRefused)
}

// groupBy splits entries by key, keeping their order and that of the groups.
func groupBy(entries []entry, key func(entry) string) [][]entry {
	var out [][]entry
	index := map[string]int{}
	for _, e := range entries {
		k := key(e)
		i, ok := index[k]
		if !ok {
			i = len(out)
			index[k] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], e)
	}
	return out
}

func pbRanges(ranges []parser.Range) []*pb.Range {
	out := make([]*pb.Range, 0, len(ranges))
	for _, r := range ranges {
		out = append(out, &pb.Range{Start: pbPosition(r.Start), End: pbPosition(r.End)})
	}
	return out
}

// pbPosition converts a place in a file that the daemon has read, which bounds
// its lines far below an int32.
func pbPosition(p parser.Position) *pb.Position {
	return &pb.Position{Line: int32(p.Line), Character: int32(p.Character)} //nolint:gosec // bounded by the size of a Dockerfile
}
