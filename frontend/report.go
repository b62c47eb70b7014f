package frontend

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/references"
)

const (
	// maxReportLines bounds the lines that name images in one report, so that it
	// stays on a screen; the rest is counted.
	maxReportLines = 30

	// maxInstruction bounds the text of an instruction beside an image, in runes.
	maxInstruction = 72
)

// cause is one reason for failing and the images that it concerns.
type cause struct {
	conclusion diagnosis.Conclusion
	entries    []entry
}

// report is the error of a build whose references could not be resolved: every
// image with its place, grouped by registry host and cause, and what to run.
func report(failed []entry, needed int) string {
	var causes []*cause
	names := map[string]struct{}{}
	for _, e := range failed {
		names[e.query.ref] = struct{}{}
		c := e.tries.Conclude()
		i := slices.IndexFunc(causes, func(have *cause) bool {
			return have.conclusion.Headline == c.Headline && have.conclusion.Host == c.Host
		})
		if i < 0 {
			i, causes = len(causes), append(causes, &cause{conclusion: c})
		}
		causes[i].entries = append(causes[i].entries, e)
	}

	var b strings.Builder
	fmt.Fprintln(&b, summary(len(names), max(needed, len(names))))
	left := maxReportLines
	for _, c := range causes {
		b.WriteString("\n")
		c.write(&b, &left)
	}
	return strings.TrimRight(b.String(), "\n")
}

func summary(failed, needed int) string {
	switch {
	case needed == 1:
		return "the image could not be resolved"
	case failed == 1:
		return fmt.Sprintf("1 of %d images could not be resolved", needed)
	default:
		return fmt.Sprintf("%d of %d images could not be resolved", failed, needed)
	}
}

func (c *cause) write(b *strings.Builder, left *int) {
	fmt.Fprintln(b, c.conclusion.Headline)
	lines := c.lines()
	shown := min(len(lines), max(*left, 1))
	*left -= shown
	columns(b, lines[:shown])
	if n := len(lines) - shown; n > 0 {
		fmt.Fprintf(b, "  and %d more\n", n)
	}
	if len(c.conclusion.Remedies) == 0 {
		return
	}
	b.WriteString("\n")
	var advice [][]string
	for _, r := range c.conclusion.Remedies {
		switch {
		case r.Command == "":
			advice = append(advice, []string{r.Note})
		case r.Note == "":
			advice = append(advice, []string{r.Command})
		default:
			advice = append(advice, []string{r.Command, "# " + r.Note})
		}
	}
	columns(b, advice)
}

// lines are the images of a cause with their places, each once.
func (c *cause) lines() [][]string {
	var out [][]string
	add := func(line ...string) {
		if !slices.ContainsFunc(out, func(have []string) bool { return slices.Equal(have, line) }) {
			out = append(out, line)
		}
	}
	for _, e := range c.entries {
		name := e.found.Written
		if c.conclusion.Class == diagnosis.NoMatchingPlatform {
			name += " (" + references.PlatformString(e.query.platform) + ")"
		}
		if len(e.found.Positions) == 0 {
			add(name)
		}
		for _, p := range e.found.Positions {
			add(name, place(p), diagnosis.Clean(p.Instruction, maxInstruction))
		}
	}
	return out
}

func place(p references.Position) string {
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// columns writes rows, indented, with their cells aligned.
func columns(b *strings.Builder, rows [][]string) {
	w := tabwriter.NewWriter(b, 0, 0, 4, ' ', 0)
	for _, r := range rows {
		_, _ = fmt.Fprintln(w, "  "+strings.Join(r, "\t"))
	}
	_ = w.Flush()
}
