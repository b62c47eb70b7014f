package finding

import (
	"slices"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/registry"
	"github.com/org/pullsafe/plugin/credentials"
)

// Entry is stored credentials with all the answers to them, of every registry that
// they are sent to: what becomes of them is decided by these together.
type Entry struct {
	Source   credentials.Source // of the first finding
	Findings []*Finding
}

// Entries puts findings together by the entry of their credentials, in their order.
// What is sent no credentials has none.
func Entries(findings []Finding) []Entry {
	index := map[credentials.Entry]int{}
	var out []Entry
	for i := range findings {
		f := &findings[i]
		e := f.Source.Entry()
		if e == (credentials.Entry{}) {
			continue
		}
		n, ok := index[e]
		if !ok {
			n = len(out)
			index[e] = n
			out = append(out, Entry{Source: f.Source})
		}
		out[n].Findings = append(out[n].Findings, f)
	}
	return out
}

// Sparing is the answer for which the entry must not be touched, the one that says
// most: anything but a rejection of the credentials themselves. It is nil if there is
// none.
func (e *Entry) Sparing() *Finding {
	var found *Finding
	for _, f := range e.Findings {
		if !f.rejects() && (found == nil || f.Verdict.Rank() < found.Verdict.Rank()) {
			found = f
		}
	}
	return found
}

// rejects tells whether the credentials are at fault. That access was denied to an
// image that is not public can be said of valid ones too.
func (f *Finding) rejects() bool {
	return f.Verdict == Rejected && (f.Logout() || f.With == Access(diagnosis.CredentialsRejected))
}

// AskedAtHome tells whether an answer is of the registry that the entry is for, not
// only of one that is sent it too.
func (e *Entry) AskedAtHome() bool {
	home := e.Source.Entry().Host()
	return slices.ContainsFunc(e.Findings, func(f *Finding) bool { return registry.Same(domain(f.Ref), home) })
}

// Rejected tells whether a registry rejected the entry.
func (e *Entry) Rejected() bool {
	return slices.ContainsFunc(e.Findings, func(f *Finding) bool { return f.Verdict == Rejected })
}

// Public are the images for which the entry was rejected, and that a build gets as they
// are written without it.
func (e *Entry) Public() []*Finding {
	var out []*Finding
	for _, f := range e.Findings {
		if f.Verdict == Rejected && f.Logout() {
			out = append(out, f)
		}
	}
	return out
}

// Free are the host aliases, each once, that are served and that only a helper keeps
// builds from going by.
func (e *Entry) Free() []Alias {
	var out []Alias
	for _, f := range e.Findings {
		if f.Free != nil && !slices.ContainsFunc(out, func(a Alias) bool { return a.Host == f.Free.Host }) {
			out = append(out, *f.Free)
		}
	}
	return out
}
