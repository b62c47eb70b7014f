package buildlog

import (
	"slices"
	"strings"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
)

// trust is what can be believed of a code. A registry's message goes into a log as it
// is, with line breaks: whatever follows an error can be a registry's, a code of
// pullsafe and a step of BuildKit among it. What stands before the first error is not.
type trust struct {
	doubt bool                // an error was read that can hold a registry's words
	hosts map[string]struct{} // that steps named before
	ref   string              // of the user
}

// names tells whether more than the code itself names the host of an image.
func (t trust) names(ref string) bool {
	host := hostKey(ref)
	_, ok := t.hosts[host]
	return ok || !t.doubt || t.ref != "" && host == hostKey(t.ref)
}

// statement is what a code says of images of one registry host.
type statement struct {
	code   report.Code
	line   int
	refs   []string
	seen   map[string]struct{}
	places []Place
	doubt  bool // nothing else names the host
	known  []diagnosis.Diagnosis
}

func (s *statement) add(ref, file, line, instruction string) {
	if ref = imageName(ref); ref == "" || len(s.refs) > 0 && hostKey(ref) != hostKey(s.refs[0]) {
		return
	}
	if s.seen == nil {
		s.seen = map[string]struct{}{}
	}
	if _, ok := s.seen[ref]; !ok {
		s.seen[ref] = struct{}{}
		s.refs = append(s.refs, ref)
	}
	if n := number(line); n > 0 {
		s.places = append(s.places, newPlace(file, n, instruction))
	}
}

// take takes an error that the statement is about, which may have the registry's words.
func (s *statement) take(f *Failure) {
	s.known = append(s.known, f.written)
	if len(s.places) == 0 {
		s.places = f.Places
	}
}

// failure is what the code tells of images. Where a registry may have written it, it
// leads to no login and no logout for a host that it alone names.
func (s *statement) failure(refs []string) Failure {
	r := s.code.Resolution(refs[0])
	if s.doubt {
		r.Written.Host = ""
		c := report.Explain(r)
		c.Remedies = []report.Remedy{{Command: "docker pullsafe check " + refs[0], Note: noteAsk}}
		f := s.explained(c, refs)
		f.NotKnown, f.doubt = openDoubt, true
		return f
	}
	for _, seen := range s.known {
		if seen.Class == r.Written.Class {
			r.Written = seen
			continue
		}
		for i := range r.Fallback {
			if seen.Class == r.Fallback[i].Class {
				r.Fallback[i] = seen
			}
		}
	}
	return s.explained(report.Explain(r), refs)
}

func (s *statement) explained(c report.Conclusion, refs []string) Failure {
	return Failure{
		Diagnosis: c.Diagnosis, Ref: word(refs[0]), Refs: slices.Clone(refs[1:]), Explanation: c.Headline,
		Places: s.places, Line: s.line, Code: c.Code,
	}
}

// statements are those of a text; of an image the last one counts.
type statements struct {
	list           []*statement
	images, places int
	owners         byImage[*statement]
	others         map[bareKey]*statement // by host; by class, for what names no host
}

// full tells whether no more images and places are kept.
func (st *statements) full(s *statement) bool {
	return st.images+len(s.refs) >= maxFailures || st.places+len(s.places) >= maxFailures
}

// add takes a statement; false when there are too many. One without an image is about
// the one that the user named, if anybody.
func (st *statements) add(s *statement, t trust) bool {
	if st.full(&statement{}) {
		return false
	}
	if len(s.refs) == 0 {
		if t.ref == "" && t.doubt {
			return true // the end of a registry's message
		}
		s.refs = []string{t.ref}
	}
	s.doubt, s.seen = !t.names(s.refs[0]), nil
	st.list = append(st.list, s)
	st.images, st.places = st.images+len(s.refs), st.places+len(s.places)
	for _, ref := range s.refs {
		k := keyOf(ref)
		if before, ok := st.owners[k]; ok && before.code == s.code {
			s.line = min(s.line, before.line)
		}
		st.owners.put(k, s)
	}
	class := s.code.Resolution("").Written.Class
	st.others[bareKey{class: class, host: anyHost}] = s
	if s.refs[0] == "" {
		st.others[bareKey{class: class}] = s
	} else {
		st.others[bareKey{host: hostKey(s.refs[0])}] = s
	}
	return true
}

// about is the statement about a failure, or nil.
func (st *statements) about(f *Failure) *statement {
	s, k := (*statement)(nil), bareKey{class: f.Class}
	switch {
	case f.Ref != "":
		if owner, ok := st.owners.get(keyOf(f.Ref)); ok {
			return owner
		}
	case f.Host != "":
		if s = st.others[bareKey{host: strings.ToLower(f.Host)}]; s != nil {
			return s
		}
	default:
		k.host = anyHost
	}
	if s = st.others[k]; s != nil && len(st.owned(s)) > 0 {
		return s
	}
	return nil
}

// owned are the images of a statement that no later one is about.
func (st *statements) owned(s *statement) []string {
	var refs []string
	for _, ref := range s.refs {
		if st.owners[keyOf(ref)] == s {
			refs = append(refs, ref)
		}
	}
	return refs
}

func (st *statements) failures() []Failure {
	var out []Failure
	for _, s := range st.list {
		if refs := st.owned(s); len(refs) > 0 {
			out = append(out, s.failure(refs))
		}
	}
	return out
}
