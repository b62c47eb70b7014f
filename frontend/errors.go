package frontend

import (
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
	"github.com/pkg/errors"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/references"
)

// maxSnippets bounds the snippets of the Dockerfile that an error shows.
const maxSnippets = 8

// worded is an error with words of our own around one that came over the
// gateway. BuildKit sends only the innermost status of such a chain
// (util/grpcerrors, errorHasMoreContext), so that a plain wrap would lose the
// text; with a status of its own, text and details both arrive.
type worded struct {
	st    *status.Status
	cause error
}

func newWorded(text string, cause error) *worded {
	return &worded{st: status.New(codes.Unknown, text), cause: cause}
}

// Error implements error.
func (e *worded) Error() string { return e.st.Message() }

// GRPCStatus gives the words to BuildKit.
func (e *worded) GRPCStatus() *status.Status { return e.st }

// Unwrap returns the error of the first try.
func (e *worded) Unwrap() error { return e.cause }

// refError is the error of one reference: what the builder is told, and what the
// report starts from.
type refError struct {
	*worded
	query *query
	tries diagnosis.Tries
}

func newRefError(q *query, t diagnosis.Tries, cause error) *refError {
	return &refError{worded: newWorded(t.Conclude().Headline, cause), query: q, tries: t}
}

// explain turns an error of the builder into the report, if references are what
// it failed of.
func (s *session) explain(err error) error {
	var ref *refError
	if !errors.As(err, &ref) {
		return err
	}
	results := s.results()
	results.Fail(ref.query.ref, references.PlatformString(ref.query.platform))
	out := error(newWorded(results.Failure(), ref.cause))
	snippets := s.snippets()
	if len(snippets) == 0 {
		snippets = errdefs.Sources(err) // of an image that the Dockerfile does not name
	}
	for _, src := range snippets {
		out = errdefs.WithSource(out, src)
	}
	return out
}

// snippets show each place of each image that failed, up to a bound.
func (s *session) snippets() []*errdefs.Source {
	if s.source == nil {
		return nil
	}
	var out []*errdefs.Source
	seen := map[int]struct{}{}
	for _, e := range s.ledger().entries(func(e entry) bool { return e.err != nil && e.found.Needed }) {
		for _, p := range e.found.Positions {
			if _, ok := seen[p.Line]; ok || len(out) == maxSnippets {
				continue
			}
			seen[p.Line] = struct{}{}
			out = append(out, s.snippet(p))
		}
	}
	return out
}

func (s *session) snippet(p references.Position) *errdefs.Source {
	return &errdefs.Source{
		Info: &pb.SourceInfo{
			Data:       s.source.Data,
			Filename:   s.source.Filename,
			Language:   s.source.Language,
			Definition: s.source.Definition.ToPB(),
		},
		Ranges: pbRanges(p.Ranges),
	}
}
