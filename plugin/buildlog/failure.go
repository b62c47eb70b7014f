package buildlog

import (
	"slices"
	"strings"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/frontend/resolve"
)

// maxFailures bounds the failures that are kept of one text.
const maxFailures = 1000

// Failure is one registry failure of a text.
type Failure struct {
	report.Diagnosis

	// Ref is the image, as the text or the user names it.
	Ref string `json:"ref,omitempty"`
	// Refs are further images of which pullsafe's own error says the same.
	Refs []string `json:"refs,omitempty"`
	// Explanation is the diagnosis in one sentence.
	Explanation string `json:"explanation,omitempty"`
	// NotKnown is what the text leaves open.
	NotKnown string `json:"notKnown,omitempty"`
	// Places are where the Dockerfile names the image.
	Places []Place `json:"places,omitempty"`
	// Line is where the text says so first, from 1.
	Line int `json:"line,omitempty"`
	// ByPullsafe: the text has an explanation of pullsafe itself.
	ByPullsafe bool `json:"byPullsafe,omitempty"`

	written diagnosis.Diagnosis // the answer alone, before it was worded
}

func newFailure(c report.Conclusion, ref string, line int) Failure {
	return Failure{Diagnosis: c.Diagnosis, Ref: word(ref), Explanation: c.Headline, NotKnown: c.Open, Line: line}
}

// addPlaces keeps the places that name the image of the failure. A single place
// is its own, whatever an ARG makes of the name.
func (f *Failure) addPlaces(places []Place) {
	for _, p := range places {
		image := instructionImage(p.Instruction)
		if image != "" && sameImage(image, f.Ref) || len(places) == 1 {
			f.Places = append(f.Places, p)
		}
	}
}

// collection is the failures of a text, each once.
type collection struct {
	list     []Failure
	more     int // failures beyond maxFailures
	canceled *Failure
}

// add takes a failure unless it is known: the step, the error of the build and
// the summary of a CI system tell the same one.
func (c *collection) add(f Failure) {
	if f.Class == diagnosis.Canceled {
		if c.canceled == nil {
			c.canceled = &f
		}
		return
	}
	for i := range c.list {
		e := &c.list[i]
		if e.same(&f) {
			e.merge(&f)
			return
		}
	}
	c.append(f)
}

func (c *collection) append(f Failure) {
	if len(c.list) == maxFailures {
		c.more++
		return
	}
	c.list = append(c.list, f)
}

// same tells whether two failures are one, told twice. What one of them leaves
// out the other may add.
func (f *Failure) same(g *Failure) bool {
	if f.ByPullsafe {
		return f.covers(g)
	}
	if f.Class != g.Class {
		// The end of a build can lack what makes its class.
		return f.Ref != "" && f.Ref == g.Ref && f.Message == g.Message
	}
	if f.Host != "" && g.Host != "" && !strings.EqualFold(f.Host, g.Host) {
		return false
	}
	if f.Ref != "" && g.Ref != "" {
		return sameImage(f.Ref, g.Ref)
	}
	return f.Ref != g.Ref || f.Message == g.Message || f.HTTPStatus == g.HTTPStatus
}

func (f *Failure) merge(g *Failure) {
	places := slices.Concat(f.Places, g.Places)
	if !f.ByPullsafe && f.Ref == "" && g.Ref != "" || f.Ref == g.Ref && f.HTTPStatus == 0 && g.HTTPStatus > 0 {
		line := f.Line
		*f = *g
		f.Line = line
	}
	f.Places = nil
	for _, p := range places {
		if !slices.Contains(f.Places, p) {
			f.Places = append(f.Places, p)
		}
	}
}

// covers tells whether pullsafe's own explanation f is of failure g.
func (f *Failure) covers(g *Failure) bool {
	if f.Ref == "" || g.Ref == "" {
		return f.Host != "" && strings.EqualFold(f.Host, g.Host) || f.Class == g.Class && (f.Host == "" || g.Host == "")
	}
	return slices.ContainsFunc(append([]string{f.Ref}, f.Refs...), func(ref string) bool { return sameImage(ref, g.Ref) })
}

// known adds to what a code tells what a log has shown of one of the answers.
func known(r *resolve.Resolution, seen diagnosis.Diagnosis) {
	if seen.Class == r.Written.Class {
		r.Written = seen
		return
	}
	for i := range r.Fallback {
		if seen.Class == r.Fallback[i].Class {
			r.Fallback[i] = seen
		}
	}
}
