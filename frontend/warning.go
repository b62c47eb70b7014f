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

// warn tells the user what was had without credentials, and which refused
// credentials no stage that is needed has met: one warning a registry host, in
// the linter's form. A request that is no build has an answer of its own.
func (s *session) warn(ctx context.Context, built bool) {
	if s.silenced() || s.client.BuildOpts().Opts[keyRequestID] != "" {
		return
	}
	done := "pulled"
	if !built {
		done = "resolved"
	}
	hosts := map[string]struct{}{}
	rescued := s.ledger().entries(func(e entry) bool { return e.rescued && e.err == nil })
	for _, group := range groupByHost(rescued) {
		host, d := group[0].query.host(), group[0].tries.Written
		hosts[host] = struct{}{}
		refs := names(group)
		s.send(ctx, diagnosis.RefusedShort(host, refs, d, done), diagnosis.RefusedDetail(host, refs, d), group[0])
	}
	unneeded := s.ledger().entries(func(e entry) bool {
		return !e.found.Needed && e.err != nil && e.tries.Written.Class == diagnosis.CredentialsRejected
	})
	for _, group := range groupByHost(unneeded) {
		host := group[0].query.host()
		if _, ok := hosts[host]; ok {
			continue
		}
		s.send(ctx, diagnosis.UnneededShort(host, names(group)), diagnosis.UnneededDetail(host, group[0].tries.Written), group[0])
	}
}

// names are the references of a group, each once.
func names(group []entry) []string {
	var refs []string
	for _, e := range group {
		if !slices.Contains(refs, e.query.ref) {
			refs = append(refs, e.query.ref)
		}
	}
	return refs
}

// send delivers one warning, at the first place that the entry names. A daemon
// that knows no warnings still builds.
func (s *session) send(ctx context.Context, short string, detail []string, at entry) {
	opts := gwclient.WarnOpts{Level: 1, URL: ruleURL}
	line := 0
	if p := at.found.Positions; len(p) > 0 {
		opts.Range, line = pbRanges(p[0].Ranges), p[0].Line
	}
	for _, text := range detail {
		opts.Detail = append(opts.Detail, []byte(text))
	}
	short = linter.LintFormatShort(RuleCredentialsRefused, short, line)
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

// groupByHost splits entries by registry host, keeping their order and that of
// the hosts.
func groupByHost(entries []entry) [][]entry {
	var out [][]entry
	index := map[string]int{}
	for _, e := range entries {
		host := e.query.host()
		i, ok := index[host]
		if !ok {
			i = len(out)
			index[host] = i
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
