package report

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/org/pullsafe/frontend/diagnosis"
)

const (
	maxName   = 300 // runes of a name in a line; longer ones are legal
	maxAnswer = 200 // runes of what a registry or a policy says in a sentence

	indent = "  "
	gap    = 4
)

// Cell is a text in a grid. Style is a sequence for a terminal, which takes no
// room; empty for none.
type Cell struct{ Text, Style string }

// Row is cells without a style.
func Row(texts ...string) []Cell {
	cells := make([]Cell, len(texts))
	for i, t := range texts {
		cells[i].Text = t
	}
	return cells
}

// Grid is rows of cells. The cells of a column are aligned over all rows in
// succession that have a cell behind it.
type Grid [][]Cell

// Write writes the rows, each behind indent, with gap spaces between its cells and
// none at its end.
func (g Grid) Write(b *strings.Builder, indent string, gap int) {
	widths := g.widths()
	for i, row := range g {
		room, lead := 0, indent // before the next cell that has a text
		for j, c := range row {
			if c.Text != "" {
				b.WriteString(lead + strings.Repeat(" ", room) + c.show())
				room, lead = -utf8.RuneCountInString(c.Text), ""
			}
			if j < len(widths[i]) {
				room += widths[i][j] + gap
			}
		}
		b.WriteByte('\n')
	}
}

// widths are those of the cells of each row that have another one behind them.
func (g Grid) widths() [][]int {
	out := make([][]int, len(g))
	for col, more := 0, true; more; col++ {
		more = false
		for i, n := 0, 0; i < len(g); i += n + 1 {
			width := 0
			for n = 0; i+n < len(g) && len(g[i+n]) > col+1; n++ {
				width, more = max(width, utf8.RuneCountInString(g[i+n][col].Text)), true
			}
			for k := range n {
				out[i+k] = append(out[i+k], width)
			}
		}
	}
	return out
}

func (c Cell) show() string {
	if c.Style == "" {
		return c.Text
	}
	return c.Style + c.Text + "\x1b[0m"
}

// Cause is one reason for a failure: the images that it concerns, and what to do.
type Cause struct {
	Headline string
	Images   Grid     // with their places, each once
	Notes    []string // further sentences
	Remedies []Remedy

	rows map[string]struct{} // of Images, for Add
}

// Write writes the cause with at most limit of its images, but at least one.
func (c *Cause) Write(b *strings.Builder, limit int) {
	b.WriteString(c.Headline + "\n")
	shown := min(len(c.Images), max(limit, 1))
	c.Images[:shown].Write(b, indent, gap)
	if n := len(c.Images) - shown; n > 0 {
		writeMore(b, n)
	}
	for _, n := range c.Notes {
		b.WriteString(indent + n + "\n")
	}
	if len(c.Remedies) > 0 {
		b.WriteString("\n")
		writeRemedies(b, c.Remedies)
	}
}

func writeMore(b *strings.Builder, n int) { fmt.Fprintf(b, indent+wordsMore+"\n", n) }

// Add adds a row to the images unless it is there.
func (c *Cause) Add(texts ...string) {
	before := len(c.rows)
	if c.rows == nil {
		c.rows = map[string]struct{}{}
	}
	c.rows[strings.Join(texts, "\x00")] = struct{}{}
	if len(c.rows) > before {
		c.Images = append(c.Images, Row(texts...))
	}
}

// writeRemedies has a command and its comment in one line; the comments of several
// commands in one column.
func writeRemedies(b *strings.Builder, remedies []Remedy) {
	var commands Grid
	for _, r := range remedies {
		switch {
		case r.Command == "":
			commands.Write(b, indent, gap)
			commands = nil
			b.WriteString(indent + r.Note + "\n")
		case r.Note == "":
			commands = append(commands, Row(r.Command))
		default:
			commands = append(commands, Row(r.Command, "# "+r.Note))
		}
	}
	commands.Write(b, indent, gap)
}

// Name is the reference as the user knows it.
func (r *Reference) Name() string { return diagnosis.Clean(cmp.Or(r.Written, r.Ref), maxName) }

// Place is the file and the line.
func (p Position) Place() string {
	return fmt.Sprintf("%s:%d", diagnosis.Clean(p.File, maxName), p.Line)
}

// Places are the positions of the reference; one empty text where it has none.
func (r *Reference) Places() []string {
	if len(r.Positions) == 0 {
		return []string{""}
	}
	list := make([]string, 0, len(r.Positions))
	for _, p := range r.Positions {
		list = append(list, p.Place())
	}
	return list
}

// ShortDigest keeps as much of the digest as a person compares.
func (r *Reference) ShortDigest() string { return r.Digest[:min(len(r.Digest), len("sha256:")+12)] }
