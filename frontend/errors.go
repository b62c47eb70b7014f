package frontend

import (
	"slices"

	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
	"github.com/pkg/errors"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/frontend/resolve"
)

// maxSnippets bounds the snippets of the Dockerfile that an error shows.
const maxSnippets = 8

// statusError puts our words around an error that came over the gateway. BuildKit
// sends only the innermost status of a chain (util/grpcerrors, errorHasMoreContext):
// a plain wrap would lose the text; with a status of its own, text and details arrive.
type statusError struct {
	st    *status.Status
	cause error
}

func newStatusError(text string, cause error) *statusError {
	return &statusError{st: status.New(codes.Unknown, text), cause: cause}
}

func (e *statusError) Error() string { return e.st.Message() }

func (e *statusError) GRPCStatus() *status.Status { return e.st }

func (e *statusError) Unwrap() error { return e.cause }

// refError is the error of one reference.
type refError struct {
	*statusError
	resolution *resolve.Resolution
}

// refErrorOf is the error of a reference that the build cannot use.
func refErrorOf(res *resolve.Resolution) error {
	if !explains(res.Written.Class) {
		return res.Err
	}
	return &refError{statusError: newStatusError(report.Explain(res).Headline, res.Err), resolution: res}
}

// explains tells for which classes pullsafe's words replace BuildKit's. A
// policy's verdict, a reference that does not parse, a cancelled build and what
// is not of a registry keep the words, and the details, that they have upstream.
func explains(c diagnosis.Class) bool {
	return !slices.Contains([]diagnosis.Class{
		diagnosis.PolicyDenied, diagnosis.InvalidReference, diagnosis.Canceled, diagnosis.NotARegistryError,
	}, c)
}

// explain turns an error of the builder into the report, if it failed of references.
func (s *session) explain(err error) error {
	var ref *refError
	if !errors.As(err, &ref) {
		return err
	}
	out := error(newStatusError(s.failure(ref.resolution).Failure(), ref.cause))
	snippets := s.snippets(func(e entry) bool { return e.failed() })
	if len(snippets) == 0 {
		snippets = errdefs.Sources(err) // of an image that the Dockerfile does not name
	}
	for _, src := range snippets {
		out = errdefs.WithSource(out, src)
	}
	return out
}

// failure is the report of a build that failed. What stopped it was needed, and what
// only the fallback resolved is a failure where strict does not allow it.
func (s *session) failure(stopped *resolve.Resolution) *report.Report {
	entries := s.entries()
	results := s.resultsOf(entries)
	for i, e := range entries {
		if e.resolution == stopped || e.failed() && e.found.Needed {
			results.References[i].Needed, results.References[i].Outcome = true, report.Failed
		}
	}
	return results
}

// snippets show the places of the needed images that are wanted, up to a bound.
func (s *session) snippets(wanted func(entry) bool) []*errdefs.Source {
	if s.source == nil {
		return nil
	}
	info := &pb.SourceInfo{
		Data:       s.source.Data,
		Filename:   s.source.Filename,
		Language:   s.source.Language,
		Definition: s.source.Definition.ToPB(),
	}
	var out []*errdefs.Source
	seen := map[int]struct{}{}
	for _, e := range s.entries() {
		if !e.found.Needed || !wanted(e) {
			continue
		}
		for _, p := range e.found.Positions {
			if _, ok := seen[p.Line]; ok || len(out) == maxSnippets {
				continue
			}
			seen[p.Line] = struct{}{}
			out = append(out, &errdefs.Source{Info: info, Ranges: pbRanges(p.Ranges)})
		}
	}
	return out
}
