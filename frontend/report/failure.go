package report

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/org/pullsafe/frontend/diagnosis"
)

const (
	// maxLines bounds the lines that name images in one error, so that it stays on
	// a screen; the rest is counted.
	maxLines = 40

	// maxCauses bounds the causes that an error explains.
	maxCauses = 10

	// maxInstruction bounds the text of an instruction beside an image, in runes.
	maxInstruction = 72
)

// cause is one reason for failing and the images that it concerns.
type cause struct {
	headline string
	host     string
	remedies []diagnosis.Remedy
	refs     []*Reference
}

// causes groups references by registry host and cause, in their order.
func causes(refs []*Reference) []*cause {
	var out []*cause
	for _, r := range refs {
		c := cause{headline: r.Explanation}
		if r.Diagnosis != nil {
			c.host, c.remedies = r.Diagnosis.Host, r.Diagnosis.Remedies
		}
		if r.Outcome == NotChecked {
			c = cause{headline: wordsNotChecked}
		}
		i := slices.IndexFunc(out, func(have *cause) bool { return have.headline == c.headline && have.host == c.host })
		if i < 0 {
			i, out = len(out), append(out, &c)
		}
		out[i].refs = append(out[i].refs, r)
	}
	return out
}

// Failure is the text of a build that could not go on: every needed image that
// failed or was not checked, with its places, by registry host and cause, and
// what to run for each. It has no newline at its end.
func (r *Report) Failure() string {
	failed := r.where(func(ref *Reference) bool { return ref.Needed && ref.Outcome == Failed })
	unknown := r.where(func(ref *Reference) bool { return ref.Needed && ref.Outcome == NotChecked })
	needed := distinct(r.where(func(ref *Reference) bool { return ref.Needed }))

	var b strings.Builder
	b.WriteString(headline(distinct(failed), max(needed, distinct(failed))) + "\n")
	writeCauses(&b, append(failed, unknown...))
	return strings.TrimRight(b.String(), "\n")
}

func writeCauses(b *strings.Builder, refs []*Reference) {
	left := maxLines
	all := causes(refs)
	for i, c := range all {
		b.WriteString("\n")
		if i == maxCauses {
			n := 0
			for _, c := range all[i:] {
				n += len(c.lines())
			}
			fmt.Fprintf(b, wordsMore, n)
			return
		}
		c.write(b, &left)
	}
}

func (c *cause) write(b *strings.Builder, left *int) {
	b.WriteString(c.headline + "\n")
	lines := c.lines()
	shown := min(len(lines), max(*left, 1))
	*left -= shown
	columns(b, "  ", lines[:shown])
	if n := len(lines) - shown; n > 0 {
		fmt.Fprintf(b, wordsMore, n)
	}
	for _, h := range c.hints() {
		b.WriteString("  " + h + "\n")
	}
	writeRemedies(b, c.remedies)
}

func writeRemedies(b *strings.Builder, remedies []diagnosis.Remedy) {
	if len(remedies) == 0 {
		return
	}
	b.WriteString("\n")
	// A command and its comment stand in one line; the comments of several
	// commands in one column.
	var rows [][]string
	flush := func() {
		columns(b, "  ", rows)
		rows = nil
	}
	for _, r := range remedies {
		switch {
		case r.Command == "":
			flush()
			b.WriteString("  " + r.Note + "\n")
		case r.Note == "":
			rows = append(rows, []string{r.Command})
		default:
			rows = append(rows, []string{r.Command, "# " + r.Note})
		}
	}
	flush()
}

// lines are the images of a cause with their places, each once.
func (c *cause) lines() [][]string {
	var out [][]string
	add := func(line ...string) {
		if !slices.ContainsFunc(out, func(have []string) bool { return slices.Equal(have, line) }) {
			out = append(out, line)
		}
	}
	for _, r := range c.refs {
		name := r.name()
		if r.Diagnosis != nil && r.Diagnosis.Class == diagnosis.NoMatchingPlatform && r.Platform != "" {
			name += " (" + r.Platform + ")"
		}
		if len(r.Positions) == 0 {
			add(name)
		}
		for _, p := range r.Positions {
			line := []string{name, p.place(), diagnosis.Clean(p.Instruction, maxInstruction)}
			if !r.Needed {
				line = append(line, "("+wordsUnneeded+")")
			}
			add(line...)
		}
	}
	return out
}

// hints are the sentences about single images, each once.
func (c *cause) hints() []string {
	var out []string
	for _, r := range c.refs {
		if r.Hint != "" && !slices.Contains(out, r.Hint) {
			out = append(out, r.Hint)
		}
	}
	return out
}

// name is the reference as the user knows it.
func (r *Reference) name() string {
	if r.Written != "" {
		return diagnosis.Clean(r.Written, maxName)
	}
	return diagnosis.Clean(r.Ref, maxName)
}

// maxName bounds a reference in a line, in runes; longer ones are legal.
const maxName = 300

func (p Position) place() string {
	return fmt.Sprintf("%s:%d", diagnosis.Clean(p.File, maxName), p.Line)
}

// columns writes rows with their cells aligned.
func columns(b *strings.Builder, indent string, rows [][]string) {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 4, ' ', 0)
	for _, r := range rows {
		_, _ = fmt.Fprintln(w, indent+strings.Join(r, "\t"))
	}
	_ = w.Flush()
	for line := range strings.Lines(text.String()) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
}
