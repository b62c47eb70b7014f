package buildlog

import (
	"cmp"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/registry"
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
	step     string   // name of the step that failed, "" for the error of a command
	at       activity // of the step, or of whoever speaks
	nearby   activity // of a client, which the error need not be about
	places   []Place  // of the excerpt of the Dockerfile above the error
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
	d, at := e.diagnose(e.first, userRef)
	if n := e.announced(); n > 0 {
		if whole, a := e.diagnose(e.joined(n), userRef); whole.Class != diagnosis.NotARegistryError {
			d, at, taken = whole, a, n
		}
	}
	if d.Class != diagnosis.NotARegistryError {
		before := taken
		for taken < len(e.more) && diagnosis.Continues(e.more[taken].text) {
			taken++
		}
		if taken > before {
			d, at = e.diagnose(e.joined(taken), userRef)
		}
	}
	if taken == 0 && len(e.more) > 0 && e.canBeCut(d) {
		if whole, a, n := e.uncut(userRef, d); n > 0 {
			d, at, taken = whole, a, n
		}
	}
	if d.Class == diagnosis.NotARegistryError || at.doing == importingCache && (d.Class == diagnosis.NotFound || d.Class == diagnosis.InvalidReference) {
		return nil, taken, false
	}
	f = newFailure(d, at, e.line)
	f.addPlaces(e.places)
	return f, taken, true
}

// bareCall is a request as jib prints it, above the registry's JSON.
var bareCall = expr(`^\s*(?:GET|HEAD|POST|PUT) https?://\S+$`)

// announced is the number of lines that the first one leaves to be read: what stands
// behind a colon at its end, and the rest of a registry's JSON.
func (e *event) announced() int {
	if len(e.more) == 0 {
		return 0
	}
	if strings.HasSuffix(strings.TrimRight(e.first, " "), ":") {
		return 1
	}
	if bareCall.get().MatchString(e.first) && strings.HasPrefix(strings.TrimLeft(e.more[0].text, " "), "{") {
		return 1 + slices.IndexFunc(e.more, func(l numbered) bool { return strings.Contains(l.text, `"message"`) })
	}
	if !strings.Contains(e.first, `{"errors":[{`) || strings.Contains(e.first, "}]") {
		return 0
	}
	for n, l := range e.more {
		if strings.Contains(l.text, "}]") {
			return n + 1
		}
	}
	return 0
}

// diagnose reads text as the frontend would have read it. Of a line that only
// its words speak for, these have to do so without knowing of an image.
func (e *event) diagnose(text, userRef string) (diagnosis.Diagnosis, activity) {
	at := e.at
	if e.step != "" && at.image != "" && !at.pushes() {
		return diagnose(at.image, text), at // whatever else the text names
	}
	d := diagnose("", text)
	named := parsed(d.Named)
	if named != "" && (e.step == "" || at.image == "" || at.pushes()) {
		if sameTagless(named, at.image) || at.image == "" && sameTagless(named, e.nearby.image) {
			named = cmp.Or(at.image, e.nearby.image)
		}
		at.image = named
	}
	if d.Class == diagnosis.NotARegistryError && (!e.anchored || at.image == "") {
		return d, at
	}
	if at.image == "" && len(e.places) == 1 {
		at.image = instructionImage(e.places[0].Instruction)
	}
	if e.nearby.doing != nothing && (at.image == "" && e.step == "" && agrees(d.Host, e.nearby.image) || sameImage(at.image, e.nearby.image) && at.image != "") {
		at = merged(at, e.nearby)
	}
	if at.image == "" {
		at.image = userRef
	}
	if at.image == "" {
		return d, at
	}
	return diagnose(at.image, text), at
}

// merged is what is known of an error, with what a client was at.
func merged(at, nearby activity) activity {
	if at.image == "" {
		at.image = nearby.image
	}
	if at.doing == nothing {
		at.doing = nearby.doing
	}
	at.content = at.content || nearby.content
	return at
}

// agrees tells whether an error that names a host can be about an image.
func agrees(host, image string) bool {
	return host == "" || hostKey(image) == strings.ToLower(registry.Canonical(host))
}

// sameTagless tells whether a name without a tag is that of an image with one.
func sameTagless(name, image string) bool {
	if image == "" || !sameImage(name, image) {
		return false
	}
	named, err := reference.ParseNormalizedNamed(name)
	return err == nil && reference.IsNameOnly(named)
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

// uncut reads the event as if a terminal had cut it, with as few of the lines behind
// it as say more, and those by which the cut goes on: they are as long as the first.
func (e *event) uncut(userRef string, first diagnosis.Diagnosis) (d diagnosis.Diagnosis, at activity, n int) {
	for n = 1; n <= len(e.more); n++ {
		if d, at = e.diagnose(e.joined(n), userRef); !saysMore(d, first) {
			continue
		}
		long := n
		for long < len(e.more) && len(e.more[long-1].text) >= len(e.first)-1 {
			long++
		}
		if long < len(e.more) && strings.Contains(e.more[long-1].text, `"code"`) && strings.Contains(e.more[long].text, `"message"`) {
			long++
		}
		for more := long + 1; d.HTTPStatus == 0 && more <= min(len(e.more), long+3); more++ {
			if all, a := e.diagnose(e.joined(more), userRef); all.HTTPStatus > 0 {
				return all, a, more
			}
		}
		if long > n {
			d, at = e.diagnose(e.joined(long), userRef)
		}
		return d, at, long
	}
	return first, at, 0
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
