package buildlog

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/diagnosis"
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
		c.write(&b, r.Lines)
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

// cause is the failures that have the same words.
type cause []Failure

func (r *Result) causes() []cause {
	var out []cause
	for _, f := range r.Failures {
		i := slices.IndexFunc(out, func(c cause) bool {
			return c[0].Explanation == f.Explanation && c[0].ByPullsafe == f.ByPullsafe && c[0].Host == f.Host
		})
		if i < 0 {
			out = append(out, cause{f})
		} else {
			out[i] = append(out[i], f)
		}
	}
	return out
}

func (c cause) write(b *strings.Builder, lines int) {
	f := c[0]
	b.WriteString(diagnosis.Clean(f.Explanation, 2*maxWord) + "\n")
	rows := c.rows()
	columns(b, rows[:min(len(rows), maxShown)])
	if n := len(rows) - maxShown; n > 0 {
		fmt.Fprintf(b, "  and %d more\n", n)
	}
	if f.NotKnown != "" {
		b.WriteString("  " + f.NotKnown + "\n")
	}
	if f.Ref == "" && f.Host == "" && f.Class != diagnosis.CredentialHelper {
		b.WriteString("  the text names no image: --ref IMAGE makes the answer exact\n")
	}
	switch {
	case f.ByPullsafe:
		fmt.Fprintf(b, "  explained by pullsafe itself, line %d of the text\n", f.Line)
	case lines > 1:
		fmt.Fprintf(b, "  line %d of the text\n", f.Line)
	}
	c.writeRemedies(b)
}

// rows are the images with their places, each once.
func (c cause) rows() [][]string {
	var rows [][]string
	add := func(row ...string) {
		if row[0] != "" && !slices.ContainsFunc(rows, func(have []string) bool { return slices.Equal(have, row) }) {
			rows = append(rows, row)
		}
	}
	for _, f := range c {
		for _, p := range f.Places {
			name := f.Ref
			if image := instructionImage(p.Instruction); image != "" {
				name = image
			}
			add(word(name), fmt.Sprintf("%s:%d", word(p.File), p.Line), diagnosis.Clean(p.Instruction, maxWord/4))
		}
		for _, ref := range append([]string{f.Ref}, f.Refs...) {
			if !slices.ContainsFunc(rows, func(have []string) bool { return sameImage(have[0], ref) }) {
				add(word(ref))
			}
		}
	}
	return rows
}

// writeRemedies lists what to run. The commands of several images of one cause
// stand together.
func (c cause) writeRemedies(b *strings.Builder) {
	var list []diagnosis.Remedy
	pulls := 0
	for _, f := range c {
		for _, r := range f.Remedies {
			if strings.HasPrefix(r.Command, "docker pull ") {
				if pulls++; pulls > 1 {
					continue // one tells as much
				}
			}
			if !slices.Contains(list, r) && len(list) < maxShown {
				list = append(list, r)
			}
		}
	}
	if len(list) == 0 {
		return
	}
	// Notes without a command stay behind the commands.
	slices.SortStableFunc(list, func(x, y diagnosis.Remedy) int {
		return rank(x, list[0]) - rank(y, list[0])
	})
	b.WriteString("\n")
	var rows [][]string
	for _, r := range list {
		switch {
		case r.Command == "":
			columns(b, rows)
			rows = nil
			b.WriteString("  " + r.Note + "\n")
		case r.Note == "":
			rows = append(rows, []string{r.Command})
		default:
			rows = append(rows, []string{r.Command, "# " + r.Note})
		}
	}
	columns(b, rows)
}

// rank keeps the first remedy first; of the others, commands by their word.
func rank(r, first diagnosis.Remedy) int {
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

// columns writes rows with their cells aligned.
func columns(b *strings.Builder, rows [][]string) {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 4, ' ', 0)
	for _, r := range rows {
		_, _ = fmt.Fprintln(w, "  "+strings.Join(r, "\t"))
	}
	_ = w.Flush()
	for line := range strings.Lines(text.String()) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
}
