package frontend

import (
	"context"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"

	"github.com/org/pullsafe/frontend/report"
)

// RuleCredentialsRefused is the name under which a warning about refused
// credentials is shown, and under which `# check=skip=` silences it.
const RuleCredentialsRefused = report.Rule

// ruleURL documents the rule.
const ruleURL = "https://github.com/org/pullsafe/blob/main/docs/RegistryCredentialsRefused.md"

// warn tells the user what fell back: one warning per registry host, in the
// linter's form. A request that is no build has an answer of its own.
func (s *session) warn(ctx context.Context) {
	if s.silenced() || s.client.Client.BuildOpts().Opts[keyRequestID] != "" {
		return
	}
	for _, group := range groupByHost(s.fellBack()) {
		at := group[0]
		w := report.Warning{Host: at.resolution.Host(), Refs: names(group), Answer: at.resolution.Written}
		s.send(ctx, w, at)
	}
}

// fellBack are the references that the target needs and that only the fallback
// resolved.
func (s *session) fellBack() []entry {
	return slices.DeleteFunc(s.entries(), func(e entry) bool { return !e.found.Needed || !e.fellBack() || e.failed() })
}

// names are the references of a group, each once.
func names(group []entry) []string {
	var refs []string
	for _, e := range group {
		if !slices.Contains(refs, e.resolution.Ref) {
			refs = append(refs, e.resolution.Ref)
		}
	}
	return refs
}

// send delivers one warning, at the first place that the entry names. A daemon
// that knows no warnings still builds.
func (s *session) send(ctx context.Context, w report.Warning, at entry) {
	opts := gwclient.WarnOpts{Level: 1, URL: ruleURL}
	line := 0
	if p := at.found.Positions; len(p) > 0 {
		opts.Range, line = pbRanges(p[0].Ranges), p[0].Line
	}
	for _, text := range w.Detail() {
		opts.Detail = append(opts.Detail, []byte(text))
	}
	short := linter.LintFormatShort(RuleCredentialsRefused, w.Short(), line)
	if s.source != nil {
		s.source.Warn(ctx, short, opts)
		return
	}
	_ = s.client.Client.Warn(ctx, "", short, opts)
}

func (s *session) silenced() bool {
	return s.checks != nil && (s.checks.SkipAll || slices.Contains(s.checks.SkipRules, RuleCredentialsRefused))
}

// violation makes the warning an error where the Dockerfile asks for that
// (`# check=error=true`), in the words of BuildKit's linter and then with all the
// images that it is about.
func (s *session) violation() error {
	if !s.forbidden() {
		return nil
	}
	fellBack := s.fellBack()
	if len(fellBack) == 0 {
		return nil
	}
	refs := make([]report.Reference, 0, len(fellBack))
	for _, e := range fellBack {
		refs = append(refs, report.Of(e.found, e.resolution, nil))
	}
	text := "lint violation found for rules: " + RuleCredentialsRefused + "\n" + report.New(refs).Causes(true)
	err := error(newStatusError(strings.TrimRight(text, "\n"), nil))
	for _, src := range s.snippets(func(e entry) bool { return e.fellBack() }) {
		err = errdefs.WithSource(err, src)
	}
	return err
}

// forbidden tells whether the Dockerfile makes the warning an error.
func (s *session) forbidden() bool {
	return s.checks != nil && s.checks.ReturnAsError && !s.silenced()
}

// groupByHost splits entries by registry host, keeping their order and that of
// the hosts.
func groupByHost(entries []entry) [][]entry {
	var out [][]entry
	index := map[string]int{}
	for _, e := range entries {
		host := e.resolution.Host()
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
