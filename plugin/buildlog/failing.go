package buildlog

import (
	"strings"

	"github.com/org/pullsafe/frontend/diagnosis"
)

// failing is a step that failed, and whether its own error was read.
type failing struct {
	activity

	explained bool
}

// fails keeps what a failed step was at. A terminal cuts the name of a step, and shows
// the whole of it above the step's output.
func (s *scanner) fails(a activity, explained bool) {
	if a.doing == nothing || a.doing == importingCache { // which ends no build
		return
	}
	for i := range s.failing {
		f := &s.failing[i]
		if f.doing != a.doing || !strings.HasPrefix(a.image, f.image) && !strings.HasPrefix(f.image, a.image) {
			continue
		}
		if len(a.image) > len(f.image) {
			f.image = strings.Clone(a.image)
		}
		f.explained = f.explained || explained
		return
	}
	if len(s.failing) < maxPlaces {
		a.image = strings.Clone(a.image)
		s.failing = append(s.failing, failing{a, explained})
	}
}

// suspect is what the error of the build is about, where the log says so beside it: the
// instruction that it points at, or the only step that failed.
func (s *scanner) suspect() activity {
	if p := s.excerpt.places; len(p) == 1 {
		if image := instructionImage(p[0].Instruction); image != "" && (len(s.failing) != 1 || strings.Contains(image, "/")) {
			return activity{doing: resolving, image: image}
		}
	}
	if len(s.failing) == 1 {
		return s.completed(s.failing[0].activity)
	}
	return activity{}
}

// each is the event for each of the steps that failed, where the log tells one error for
// all of them: a credential helper fails for all, and a registry for all of its images.
func (s *scanner) each(e *event) []*event {
	if len(s.failing) < 2 || e.step != "" || !e.anchored || e.at.image != "" || len(e.places) > 0 {
		return []*event{e}
	}
	d := diagnose("", e.first)
	host := hostKey(s.failing[0].image)
	var list []*event
	for _, f := range s.failing {
		if f.explained || f.image == "" || d.Named != "" || d.Class != diagnosis.CredentialHelper && hostKey(f.image) != host {
			return []*event{e}
		}
		one := *e
		one.at = f.activity
		list = append(list, &one)
	}
	return list
}
