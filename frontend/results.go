package frontend

import (
	"encoding/base64"
	"encoding/json"
	"slices"

	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/frontend/resolve"
)

// keyReport is the result's metadata with the report. The prefix "frontend."
// takes it to the client, and buildx writes a value that is base64 of a JSON
// object into its metadata file as that object.
const keyReport = "frontend.pullsafe.report"

// entry is a reference of the build and what became of it.
type entry struct {
	found      references.Reference // little for one that the Dockerfile does not name
	resolution *resolve.Resolution  // nil for one that was not resolved to the end
}

// entries are the references that the Dockerfile names, in its order, and those
// that the builder asked for besides.
func (s *session) entries() []entry {
	resolved := map[string]*resolve.Resolution{}
	all := s.client.resolver.All()
	for _, res := range all {
		resolved[references.Key(res.Ref, res.Platform)] = res
	}
	var out []entry
	for _, ref := range s.refs {
		key := ref.Key()
		out = append(out, entry{found: ref, resolution: resolved[key]})
		delete(resolved, key)
	}
	for _, res := range all {
		found := references.Reference{Name: res.Ref, Written: res.Ref, Platform: res.Platform, Needed: true}
		if last, ok := resolved[found.Key()]; ok {
			out = append(out, entry{found: found, resolution: last})
			delete(resolved, found.Key())
		}
	}
	slices.SortStableFunc(out, func(a, b entry) int { return a.line() - b.line() })
	return out
}

// fellBack tells whether the anonymous fallback resolved the reference.
func (e *entry) fellBack() bool { return e.resolution != nil && e.resolution.FellBack() }

// failed tells whether the build cannot use the reference.
func (e *entry) failed() bool { return e.resolution != nil && e.resolution.Err != nil }

// line is where the Dockerfile names the reference first; else it comes last.
func (e *entry) line() int {
	if len(e.found.Positions) == 0 {
		return 1 << 30
	}
	return e.found.Positions[0].Line
}

// results are the session's references as a report.
func (s *session) results() *report.Report { return s.resultsOf(s.entries()) }

func (s *session) resultsOf(entries []entry) *report.Report {
	var names []string
	if s.set != nil {
		names = s.set.Names
	}
	var refs []report.Reference
	for _, e := range entries {
		refs = append(refs, report.Of(e.found, e.resolution, names))
	}
	return report.New(refs)
}

// addReport puts the report into the result's metadata.
func (s *session) addReport(res *gwclient.Result) error {
	if s.set == nil {
		return nil
	}
	dt, err := json.Marshal(s.results())
	if err != nil {
		return errors.Wrap(err, "failed to marshal the report")
	}
	res.AddMeta(keyReport, []byte(base64.StdEncoding.EncodeToString(dt)))
	return nil
}
