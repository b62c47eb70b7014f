package buildlog

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/distribution/reference"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
)

const (
	// maxShown bounds the images that are listed below one cause.
	maxShown = 40

	// maxWord bounds a reference or an instruction in a line, in runes.
	maxWord = 300
)

// WriteJSON writes one object a line and failure. A text without one gives an
// object of the class not-a-registry-error, so that there is always an answer.
func (r *Result) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if len(r.Failures) == 0 {
		return errors.WithStack(enc.Encode(r.Other))
	}
	for _, f := range r.Failures {
		if err := enc.Encode(f); err != nil {
			return errors.WithStack(err)
		}
	}
	return nil
}

// WriteText writes what a person reads: each cause with the images that it
// concerns, and what to run.
func (r *Result) WriteText(w io.Writer) error {
	var b strings.Builder
	if len(r.Failures) == 0 {
		r.writeNothing(&b)
	}
	for i, c := range r.causes() {
		if i > 0 {
			b.WriteString("\n")
		}
		c.Write(&b, maxShown)
	}
	if len(r.Failures) > 0 && r.Lines > 1 {
		fmt.Fprintf(&b, "\n%s in %s.\n", count(len(r.Failures), "registry failure"), count(r.Lines, "line"))
	}
	if r.More > 0 {
		fmt.Fprintf(&b, "%s not explained.\n", count(r.More, "further error"))
	}
	_, err := io.WriteString(w, b.String())
	return errors.WithStack(err)
}

// WriteGitHub writes what WriteText does, each cause as an annotation of GitHub Actions, at
// the first line of a Dockerfile that the text gives for it.
func (r *Result) WriteGitHub(w io.Writer) error {
	var b strings.Builder
	if len(r.Failures) == 0 {
		r.writeNothing(&b)
	}
	for _, c := range r.causes() {
		b.WriteString(c.GitHub(maxShown, c.at.File, c.at.Line))
	}
	_, err := io.WriteString(w, b.String())
	return errors.WithStack(err)
}

func (r *Result) writeNothing(b *strings.Builder) {
	if r.Bytes == 0 {
		b.WriteString("The text is empty: nothing to explain.\n")
		return
	}
	fmt.Fprintf(b, "No registry failure found in this text (%s).\n", count(r.Lines, "line"))
	if r.Other.Line == 0 {
		return
	}
	whose := ""
	if r.Other.Explanation != "" {
		whose = ", from " + r.Other.Explanation
	}
	fmt.Fprintf(b, "The last error is on line %d%s%s.\n", r.Other.Line, whose, report.Quote(r.Other.Message))
	if len(r.Other.Remedies) > 0 {
		b.WriteString("\n")
	}
	for _, remedy := range r.Other.Remedies {
		b.WriteString("  " + remedy.Note + "\n")
	}
}

// openDoubt and noteAsk are for what pullsafe or a registry has written.
const (
	openDoubt = "no earlier step names this registry, and text that follows an error can come from a registry: log in or out only if check confirms it"
	noteAsk   = "asks the registry which credentials it accepts"
)

// causes puts failures together that have the same words.
func (r *Result) causes() []*cause {
	type key struct {
		headline, host string
		code           report.Code
		doubt          bool
	}
	var out []*cause
	index := map[key]*cause{}
	for i := range r.Failures {
		f := &r.Failures[i]
		k := key{f.Explanation, f.Host, f.Code, f.doubt}
		c := index[k]
		if c == nil {
			c = newCause(f, r.Lines)
			index[k] = c
			out = append(out, c)
		}
		c.addRows(f)
		c.addRemedies(f.Remedies)
	}
	for _, c := range out {
		c.sort()
	}
	return out
}

// notes are the sentences below the images.
func (f *Failure) notes(lines int) []string {
	var list []string
	if f.NotKnown != "" {
		list = append(list, f.NotKnown)
	}
	if f.Ref == "" && f.Host == "" && f.Class != diagnosis.CredentialHelper {
		list = append(list, "the text names no image: add --ref IMAGE for an exact answer")
	}
	switch {
	case f.Code != "":
		list = append(list, fmt.Sprintf("line %d of the text, by its code%s", f.Line, f.Code))
	case lines > 1:
		list = append(list, fmt.Sprintf("line %d of the text", f.Line))
	}
	return list
}

// cause is a [report.Cause] in the making.
type cause struct {
	report.Cause

	at       Place // the first that has a file
	images   byImage[struct{}]
	remedies map[report.Remedy]struct{}
}

func newCause(f *Failure, lines int) *cause {
	return &cause{
		Cause:  report.Cause{Headline: diagnosis.Clean(f.Explanation, 2*maxWord), Notes: f.notes(lines)},
		images: byImage[struct{}]{}, remedies: map[report.Remedy]struct{}{},
	}
}

// addRows adds the images of a failure with their places, each once.
func (c *cause) addRows(f *Failure) {
	for _, p := range f.Places {
		if c.at.File == "" {
			c.at = p
		}
		name := f.Ref
		if image := instructionImage(p.Instruction); image != "" {
			name = image
		}
		if name != "" {
			c.addRow(name, p.name(), diagnosis.Clean(p.Instruction, maxWord/4))
		}
	}
	for _, ref := range append([]string{f.Ref}, f.Refs...) {
		if _, ok := c.images.get(keyOf(ref)); ref != "" && !ok {
			c.addRow(ref)
		}
	}
}

func (c *cause) addRow(ref string, more ...string) {
	c.Add(append([]string{shown(ref)}, more...)...)
	c.images.put(keyOf(ref), struct{}{})
}

// shown is an image as it begins a line, where no word of a log stands that could be
// the name of a command.
func shown(ref string) string {
	if named, err := reference.ParseNormalizedNamed(ref); err == nil && !strings.ContainsAny(ref, "/:@") {
		return named.Name()
	}
	return word(ref)
}

// name is the place as a person reads it; logs do not always say of which file.
func (p Place) name() string {
	if p.File == "" {
		return fmt.Sprintf("line %d", p.Line)
	}
	return fmt.Sprintf("%s:%d", quoted(p.File), p.Line)
}

// quoted is the name of a file as one word.
func quoted(file string) string {
	if strings.Contains(file, " ") {
		return strconv.Quote(file)
	}
	return file
}

// addRemedies adds what to run; of docker pull, one tells as much as all.
func (c *cause) addRemedies(remedies []report.Remedy) {
	const pull = "docker pull "
	for _, r := range remedies {
		key := r
		if strings.HasPrefix(r.Command, pull) {
			key.Command = pull
		}
		if _, ok := c.remedies[key]; !ok && len(c.remedies) < maxShown {
			c.remedies[key] = struct{}{}
			c.Remedies = append(c.Remedies, r)
		}
	}
}

// sort puts the commands of several images together, before the notes.
func (c *cause) sort() {
	if len(c.Remedies) > 0 {
		first := c.Remedies[0]
		slices.SortStableFunc(c.Remedies, func(x, y report.Remedy) int { return rank(x, first) - rank(y, first) })
	}
}

// rank keeps the first remedy first; of the others, commands by their word.
func rank(r, first report.Remedy) int {
	switch {
	case r == first:
		return 0
	case strings.HasPrefix(r.Command, "docker logout"):
		return 1
	case strings.HasPrefix(r.Command, "docker pull"):
		return 2
	case r.Command != "":
		return 3
	default:
		return 4
	}
}

func word(s string) string { return diagnosis.Clean(s, maxWord) }

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
