package buildlog

import (
	"slices"
	"strings"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
)

const (
	// maxFailures bounds the failures that are kept of one text, and apart from
	// these the images of which a code of pullsafe tells.
	maxFailures = 1000

	// maxFailurePlaces bounds the places of one failure that has been told again.
	maxFailurePlaces = 4 * maxPlaces
)

// Failure is one registry failure of a text.
type Failure struct {
	report.Diagnosis

	// Ref is the image, as the text or the user names it.
	Ref string `json:"ref,omitempty"`
	// Refs are further images of which a code of pullsafe says the same.
	Refs []string `json:"refs,omitempty"`
	// Explanation is the diagnosis in one sentence.
	Explanation string `json:"explanation,omitempty"`
	// NotKnown is what the text leaves open.
	NotKnown string `json:"notKnown,omitempty"`
	// Places are where the Dockerfile names the image.
	Places []Place `json:"places,omitempty"`
	// Line is where the text says so first, from 1.
	Line int `json:"line,omitempty"`
	// Code is pullsafe's code that the text has for this, if it has one. Whoever
	// can put words into a log can put a code there: it chooses among our words.
	Code report.Code `json:"code,omitempty"`

	written diagnosis.Diagnosis // the answer alone, before it was explained
	doubt   bool                // a registry may have written the code
}

func newFailure(d diagnosis.Diagnosis, at activity, line int) *Failure {
	ref := at.image
	d = at.about(d)
	c := report.ExplainSingle(d, ref)
	d.URL, d.Named, d.PolicySource = "", "", "" // which would keep the text in memory
	c.URL, c.Named, c.PolicySource = "", "", ""
	return &Failure{Diagnosis: c.Diagnosis, Ref: word(ref), Explanation: c.Headline, NotKnown: c.Open, Line: line, written: d}
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

// merge takes what another line tells of the same failure, and reports whether it
// is found by other keys now.
func (f *Failure) merge(g *Failure) (changed bool) {
	places := f.Places
	changed = f.Ref == "" && g.Ref != "" || f.Ref == g.Ref && f.HTTPStatus == 0 && g.HTTPStatus > 0
	if changed {
		line := f.Line
		*f = *g
		f.Line, f.Places, places = line, places, g.Places
	} else {
		places = g.Places
	}
	for _, p := range places {
		if len(f.Places) < maxFailurePlaces && !slices.Contains(f.Places, p) {
			f.Places = append(f.Places, p)
		}
	}
	return changed
}

// collection is the failures of a text, each once.
type collection struct {
	list     []*Failure
	more     int // errors that were not kept, or not looked at
	canceled *Failure
	own      statements

	// Where failures are found: by class and image; by image and message, whatever
	// the class; by class and host, those with an image and those without one.
	images    byImage[*Failure]
	byMessage map[string]*Failure
	hosts     map[bareKey]*Failure
	bare      map[bareKey][]*Failure
}

// bareKey is what is known of a failure without an image.
type bareKey struct {
	class  diagnosis.Class
	host   string
	status int
}

// For lookups of one that is not known.
const (
	anyHost   = "*"
	anyStatus = -1
)

func newCollection() *collection {
	return &collection{
		images: byImage[*Failure]{}, byMessage: map[string]*Failure{}, hosts: map[bareKey]*Failure{}, bare: map[bareKey][]*Failure{},
		own: statements{owners: byImage[*statement]{}, others: map[bareKey]*statement{}},
	}
}

// add takes a failure unless it is known: the step, the error of the build and
// the summary of a CI system tell the same one. What one of them leaves out the
// others may add.
func (c *collection) add(f *Failure) {
	if f.Class == diagnosis.Canceled {
		if c.canceled == nil {
			c.canceled = f
		}
		return
	}
	if e := c.find(f); e != nil {
		if e.merge(f) {
			c.index(e)
		}
		return
	}
	if len(c.list) == maxFailures {
		c.more++
		return
	}
	c.list = append(c.list, f)
	c.index(f)
}

func (c *collection) addOwn(s *statement, t trust) {
	if !c.own.add(s, t) {
		c.more += max(len(s.refs), 1)
	}
}

func (c *collection) find(f *Failure) *Failure {
	host := strings.ToLower(f.Host)
	if f.Ref != "" {
		if e, ok := c.images.get(f.key()); ok {
			return e
		}
		// The end of a build can lack what makes its class.
		if e := c.byMessage[f.Ref+"\n"+f.Message]; e != nil {
			return e
		}
		if e := c.oneBare(bareKey{f.Class, host, anyStatus}); e != nil {
			return e
		}
		return c.oneBare(bareKey{f.Class, "", anyStatus})
	}
	if host == "" {
		host = anyHost
	}
	if e := c.hosts[bareKey{class: f.Class, host: host}]; e != nil {
		return e
	}
	if e := c.oneBare(bareKey{f.Class, host, f.HTTPStatus}); e != nil {
		return e
	}
	return c.oneBare(bareKey{f.Class, "", f.HTTPStatus})
}

func (c *collection) index(f *Failure) {
	host := strings.ToLower(f.Host)
	if f.Ref == "" {
		for _, h := range []string{host, anyHost} {
			for _, status := range []int{f.HTTPStatus, anyStatus} {
				k := bareKey{f.Class, h, status}
				c.bare[k] = append(c.bare[k], f)
			}
		}
		return
	}
	c.images.put(f.key(), f)
	c.byMessage[f.Ref+"\n"+f.Message] = f
	for _, h := range []string{host, anyHost} {
		if k := (bareKey{class: f.Class, host: h}); c.hosts[k] == nil {
			c.hosts[k] = f
		}
	}
}

func (f *Failure) key() imageKey {
	k := keyOf(f.Ref)
	k.class = f.Class
	return k
}

// oneBare is the first failure under a key that still has no image.
func (c *collection) oneBare(k bareKey) *Failure {
	list := c.bare[k]
	for len(list) > 0 && list[0].Ref != "" {
		list = list[1:]
	}
	c.bare[k] = list
	if len(list) == 0 {
		delete(c.bare, k)
		return nil
	}
	return list[0]
}

// failures are all of them, in the order of the text. What a code tells stands for
// the errors that it is about.
func (c *collection) failures() []Failure {
	var out []Failure
	for _, f := range c.list {
		if s := c.own.about(f); s != nil {
			s.take(f)
		} else {
			out = append(out, *f)
		}
	}
	out = append(out, c.own.failures()...)
	slices.SortStableFunc(out, func(a, b Failure) int { return a.Line - b.Line })
	return out
}
