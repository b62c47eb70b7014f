package frontend

import (
	"slices"

	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/frontend/resolve"
)

// entry is a reference of the build and what became of it.
type entry struct {
	// found is what the Dockerfile says of the reference, which is little for one
	// that it does not name (an input of the build).
	found references.Reference
	// resolution is nil for a reference that was not resolved to the end.
	resolution *resolve.Resolution
}

// entries are the references that the Dockerfile names, in its order, and those
// that the builder asked for besides.
func (s *session) entries() []entry {
	resolved := map[string]*resolve.Resolution{}
	var order []string
	for _, res := range s.client.resolver.All() {
		key := references.Key(res.Ref, res.Platform)
		if _, ok := resolved[key]; !ok {
			order = append(order, key)
		}
		resolved[key] = res
	}
	var out []entry
	for _, ref := range s.refs {
		key := ref.Key()
		out = append(out, entry{found: ref, resolution: resolved[key]})
		delete(resolved, key)
	}
	for _, key := range order {
		if res, ok := resolved[key]; ok {
			found := references.Reference{Name: res.Ref, Written: res.Ref, Platform: res.Platform, Needed: true}
			out = append(out, entry{found: found, resolution: res})
		}
	}
	slices.SortStableFunc(out, func(a, b entry) int { return a.line() - b.line() })
	return out
}

// fellBack tells whether the anonymous fallback resolved the reference.
func (e *entry) fellBack() bool { return e.resolution != nil && e.resolution.FellBack() }

// failed tells whether the build cannot use the reference.
func (e *entry) failed() bool { return e.resolution != nil && e.resolution.Err != nil }

// line is where the Dockerfile names the reference first; what it does not name
// comes last.
func (e *entry) line() int {
	if len(e.found.Positions) == 0 {
		return 1 << 30
	}
	return e.found.Positions[0].Line
}
