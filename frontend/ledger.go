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
	config  []byte
	err     error
}

// ledger is what one build knows of its references. It is safe for concurrent
// use.
type ledger struct {
	mu       sync.Mutex
	outcomes []outcome
	found    []references.Reference
	index    map[string]int // in found, by key
	spelling llb.Names
	rulings  map[string]bool // by reference and platform
}

func newLedger() *ledger {
	return &ledger{spelling: llb.Names{}, rulings: map[string]bool{}}
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

// rule remembers what the policies said of a reference; ours is false when they
// convert it.
func (l *ledger) rule(key string, ours bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rulings[key] = ours
}

func (l *ledger) ruling(key string) (ours, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ours, ok = l.rulings[key]
	return ours, ok
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
	l.found, l.index = refs, make(map[string]int, len(refs))
	for i := range refs {
		l.index[refs[i].Key()] = i
	}
}

// entry is an outcome and what the Dockerfile says of the reference, which is
// little for one that it does not name (an input of the build). Without a query
// the reference was not resolved to the end.
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

// all are the references that the Dockerfile names, each with its last outcome
// if there is one, and those that were met besides.
func (l *ledger) all() []entry {
	entries := l.entries(func(entry) bool { return true })
	last := map[string]entry{}
	for _, e := range entries {
		last[e.found.Key()] = e
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []entry
	for _, f := range l.found {
		e, ok := last[f.Key()]
		if !ok {
			e = entry{found: f}
		}
		out = append(out, e)
		delete(last, f.Key())
	}
	for _, e := range entries {
		if _, ok := last[e.found.Key()]; ok {
			out = append(out, last[e.found.Key()])
			delete(last, e.found.Key())
		}
	}
	return out
}

func (l *ledger) lookup(q *query) references.Reference {
	if i, ok := l.index[references.Key(q.ref, q.platform)]; ok {
		return l.found[i]
	}
	return references.Reference{Name: q.ref, Written: q.ref, Platform: q.platform, Needed: true}
}

// line is where the Dockerfile names the reference first; what it does not name
// comes last.
func (e *entry) line() int {
	if len(e.found.Positions) == 0 {
		return 1 << 30
	}
	return e.found.Positions[0].Line
}
