package buildlog

import (
	"strings"

	"github.com/org/pullsafe/frontend/diagnosis"
)

const (
	// maxMore bounds the lines that can belong to an error behind its first one.
	maxMore = 8

	// minCut and maxCut bound the length of a line that may have been cut by a terminal.
	minCut = 60
	maxCut = 1 << 10
)

type numbered struct {
	text string
	no   int
}

// event is a line that can be an error, with the lines behind it, of which the
// first ones may belong to it.
type event struct {
	first string
	line  int
	more  []numbered
	size  int // of the lines in more

	// anchored: the form of the line shows that docker, buildx or buildctl
	// reports an error. Else only its words speak for it.
	anchored bool
	step     string  // name of the step that failed, "" for the error of a command
	image    string  // that the log names beside the error
	places   []Place // of the excerpt of the Dockerfile above the error
}

// extend keeps a line behind the error; false when it has enough of them.
func (e *event) extend(text string, no int) bool {
	if len(e.more) == maxMore || e.size+len(text) > maxMessage {
		return false
	}
	e.more = append(e.more, numbered{text, no})
	e.size += len(text)
	return true
}

// explain diagnoses the event, and tells how many of the lines behind it belong
// to it.
func (e *event) explain(userRef string) (f *Failure, taken int, ok bool) {
	d, image := e.diagnose(e.first, userRef)
	if d.Class != diagnosis.NotARegistryError {
		for taken < len(e.more) && diagnosis.Continues(e.more[taken].text) {
			taken++
		}
		if taken > 0 {
			d, image = e.diagnose(e.joined(taken), userRef)
		}
	}
	if taken == 0 && len(e.more) > 0 && e.canBeCut(d) {
		if whole, img := e.diagnose(e.joined(len(e.more)), userRef); saysMore(whole, d) {
			d, image, taken = whole, img, len(e.more)
		}
	}
	if d.Class == diagnosis.NotARegistryError || d.Class == diagnosis.NotFound && isCacheImport(e.step) {
		return nil, taken, false
	}
	f = newFailure(d, image, e.line)
	f.addPlaces(e.places)
	return f, taken, true
}

// diagnose reads text as the frontend would have read it. Of a line that only
// its words speak for, these have to do so without knowing of an image.
func (e *event) diagnose(text, userRef string) (diagnosis.Diagnosis, string) {
	d, image := diagnose("", text), e.image
	if e.step == "" || image == "" {
		if named := imageIn(text, d); named != "" {
			image = named
		}
	}
	if d.Class == diagnosis.NotARegistryError && (!e.anchored || e.image == "") {
		return d, ""
	}
	if image == "" && len(e.places) == 1 {
		image = instructionImage(e.places[0].Instruction)
	}
	if image == "" {
		image = userRef
	}
	if image == "" {
		return d, ""
	}
	return diagnose(image, text), image
}

func (e *event) canBeCut(d diagnosis.Diagnosis) bool {
	return len(e.first) >= minCut && len(e.first) <= maxCut && (d.Class == diagnosis.NotARegistryError || d.HTTPStatus == 0)
}

// saysMore tells whether a diagnosis of several lines is worth more than that of
// the first.
func saysMore(whole, first diagnosis.Diagnosis) bool {
	if whole.Class == diagnosis.NotARegistryError || whole.Class == diagnosis.Canceled {
		return false
	}
	return first.Class == diagnosis.NotARegistryError || whole.HTTPStatus > 0
}

// joined is the first line and n of those behind it.
func (e *event) joined(n int) string {
	var b strings.Builder
	b.WriteString(e.first)
	for _, l := range e.more[:n] {
		b.WriteString("\n" + l.text)
	}
	return b.String()
}
