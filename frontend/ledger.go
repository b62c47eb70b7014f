package frontend

import (
	"maps"
	"slices"
	"sync"

	digest "github.com/opencontainers/go-digest"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/llb"
)

// outcome is what became of one reference.
type outcome struct {
	query   *query
	digest  digest.Digest
	tries   diagnosis.Tries
	rescued bool // had without credentials
	err     error
}

// ledger is what one build knows of its references. It is safe for concurrent
// use.
type ledger struct {
	mu       sync.Mutex
	outcomes []outcome
	found    []references.Reference
	spelling llb.Names
}

func newLedger() *ledger {
	return &ledger{spelling: llb.Names{}}
}

func (l *ledger) add(o outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outcomes = append(l.outcomes, o)
}

// respell remembers how to pull a repository without credentials; the first
// spelling that worked stays.
func (l *ledger) respell(repository, as string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.spelling[repository]; !ok {
		l.spelling[repository] = as
	}
}

func (l *ledger) respelled() llb.Names {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.spelling)
}

// expect tells the ledger what the Dockerfile names, and where.
func (l *ledger) expect(refs []references.Reference) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.found = refs
}

// entry is an outcome and what the Dockerfile says of the reference; it is zero
// for one that only the builder met (an ONBUILD trigger, the SBOM scanner).
type entry struct {
	outcome
	found references.Reference
}

// entries are the outcomes that keep wants, in the order of the Dockerfile.
func (l *ledger) entries(keep func(entry) bool) []entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []entry
	for _, o := range l.outcomes {
		if e := (entry{outcome: o, found: l.lookup(o.query)}); keep(e) {
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(a, b entry) int { return a.line() - b.line() })
	return out
}

func (l *ledger) lookup(q *query) references.Reference {
	for _, f := range l.found {
		if f.Name == q.ref && references.PlatformString(f.Platform) == references.PlatformString(q.platform) {
			return f
		}
	}
	return references.Reference{Name: q.ref, Written: q.ref, Platform: q.platform, Needed: true}
}

// needed counts the references that the target of the build depends on, whatever
// the number of platforms.
func (l *ledger) needed() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	names := map[string]struct{}{}
	for _, f := range l.found {
		if f.Needed {
			names[f.Name] = struct{}{}
		}
	}
	for _, o := range l.outcomes {
		if f := l.lookup(o.query); f.Needed {
			names[f.Name] = struct{}{}
		}
	}
	return len(names)
}

// line is where the Dockerfile names the reference first; what it does not name
// comes last.
func (e *entry) line() int {
	if len(e.found.Positions) == 0 {
		return 1 << 30
	}
	return e.found.Positions[0].Line
}
