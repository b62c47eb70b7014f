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

// RuleCredentialsRejected is the name under which the warning is shown, and under
// which `# check=skip=` silences it.
const RuleCredentialsRejected = report.Rule

const ruleURL = "https://github.com/org/pullsafe/blob/main/docs/RegistryCredentialsRejected.md"

// warn tells the user what fell back: one warning per registry host, in the
// linter's form. A request that is no build has an answer of its own.
func (s *session) warn(ctx context.Context) {
	if s.silenced() || s.client.Client.BuildOpts().Opts[keyRequestID] != "" {
		return
	}
	var warnings []report.Warning
	var first []entry // of each warning
	byHost, refs := map[string]int{}, map[string]struct{}{}
	for _, e := range s.fellBack() {
		i, ok := byHost[e.resolution.Host()]
		if !ok {
			i = len(warnings)
			byHost[e.resolution.Host()] = i
			warnings = append(warnings, report.Warning{Host: e.resolution.Host(), Answer: e.resolution.Written})
			first = append(first, e)
		}
		if _, ok := refs[e.resolution.Ref]; !ok {
			refs[e.resolution.Ref] = struct{}{}
			warnings[i].Refs = append(warnings[i].Refs, e.resolution.Ref)
		}
	}
	for i, w := range warnings {
		s.send(ctx, w, first[i])
	}
}

// fellBack are the needed references that only the fallback resolved.
func (s *session) fellBack() []entry {
	return slices.DeleteFunc(s.entries(), func(e entry) bool { return !e.found.Needed || !e.fellBack() || e.failed() })
}

// send delivers one warning, at the first place that the entry names.
func (s *session) send(ctx context.Context, w report.Warning, at entry) {
	opts := gwclient.WarnOpts{Level: 1, URL: ruleURL}
	line := 0
	if p := at.found.Positions; len(p) > 0 {
		opts.Range, line = pbRanges(p[0].Ranges), p[0].Line
	}
	for _, text := range w.Detail() {
		opts.Detail = append(opts.Detail, []byte(text))
	}
	short := linter.LintFormatShort(RuleCredentialsRejected, w.Short(), line)
	if s.source != nil {
		s.source.Warn(ctx, short, opts)
		return
	}
	_ = s.client.Client.Warn(ctx, "", short, opts) // a daemon without warnings still builds
}

func (s *session) silenced() bool {
	return s.checks != nil && (s.checks.SkipAll || slices.Contains(s.checks.SkipRules, RuleCredentialsRejected))
}

// violation makes the warning an error where the Dockerfile asks for that
// (`# check=error=true`), in the words of BuildKit's linter and then with all the
// images that it is about.
func (s *session) violation() error {
	if !s.forbidden() {
		return nil
	}
	var refs []report.Reference
	for _, e := range s.fellBack() {
		refs = append(refs, report.Of(e.found, e.resolution, nil))
	}
	if len(refs) == 0 {
		return nil
	}
	text := "lint violation found for rules: " + RuleCredentialsRejected + "\n" + report.New(refs).Causes(true)
	err := error(newStatusError(strings.TrimRight(text, "\n"), nil))
	for _, src := range s.snippets(func(e entry) bool { return e.fellBack() }) {
		err = errdefs.WithSource(err, src)
	}
	return err
}

// forbidden: the Dockerfile makes the warning an error.
func (s *session) forbidden() bool {
	return s.checks != nil && s.checks.ReturnAsError && !s.silenced()
}

func pbRanges(ranges []parser.Range) []*pb.Range {
	out := make([]*pb.Range, 0, len(ranges))
	for _, r := range ranges {
		out = append(out, &pb.Range{Start: pbPosition(r.Start), End: pbPosition(r.End)})
	}
	return out
}

func pbPosition(p parser.Position) *pb.Position {
	return &pb.Position{Line: int32(p.Line), Character: int32(p.Character)} //nolint:gosec // bounded by the size of a Dockerfile
}
