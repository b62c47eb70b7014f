package buildlog

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

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
		fmt.Fprintf(&b, "%s not shown.\n", count(r.More, "further failure"))
	}
	_, err := io.WriteString(w, b.String())
	return errors.WithStack(err)
}

func (r *Result) writeNothing(b *strings.Builder) {
	if r.Bytes == 0 {
		b.WriteString("The text is empty: nothing to explain.\n")
		return
	}
	fmt.Fprintf(b, "No registry failure in this text (%s).\n", count(r.Lines, "line"))
	b.WriteString("What a RUN step prints, for example npm, apt, git or curl, is not a registry's answer to the build.\n")
}

// causes puts failures together that have the same words.
func (r *Result) causes() []*report.Cause {
	type key struct {
		headline, host string
		byPullsafe     bool
	}
	var out []*report.Cause
	index := map[key]*report.Cause{}
	for i := range r.Failures {
		f := &r.Failures[i]
		k := key{f.Explanation, f.Host, f.ByPullsafe}
		if index[k] == nil {
			index[k] = &report.Cause{Headline: diagnosis.Clean(f.Explanation, 2*maxWord), Notes: f.notes(r.Lines)}
			out = append(out, index[k])
		}
		addRows(index[k], f)
		addRemedies(index[k], f.Remedies)
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
		list = append(list, "the text names no image: --ref IMAGE makes the answer exact")
	}
	switch {
	case f.ByPullsafe:
		list = append(list, fmt.Sprintf("explained by pullsafe itself, line %d of the text", f.Line))
	case lines > 1:
		list = append(list, fmt.Sprintf("line %d of the text", f.Line))
	}
	return list
}

// addRows adds the images of a failure with their places.
func addRows(c *report.Cause, f *Failure) {
	for _, p := range f.Places {
		name := f.Ref
		if image := instructionImage(p.Instruction); image != "" {
			name = image
		}
		if name != "" {
			c.Add(word(name), fmt.Sprintf("%s:%d", word(p.File), p.Line), diagnosis.Clean(p.Instruction, maxWord/4))
		}
	}
	for _, ref := range append([]string{f.Ref}, f.Refs...) {
		if ref != "" && !slices.ContainsFunc(c.Images, func(row []report.Cell) bool { return sameImage(row[0].Text, ref) }) {
			c.Add(word(ref))
		}
	}
}

// addRemedies adds what to run. The commands of several images of one cause stand
// together, before the notes; of docker pull, one tells as much as all.
func addRemedies(c *report.Cause, remedies []report.Remedy) {
	const pull = "docker pull "
	for _, r := range remedies {
		known := slices.ContainsFunc(c.Remedies, func(have report.Remedy) bool {
			return have == r || strings.HasPrefix(r.Command, pull) && strings.HasPrefix(have.Command, pull)
		})
		if !known && len(c.Remedies) < maxShown {
			c.Remedies = append(c.Remedies, r)
		}
	}
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
