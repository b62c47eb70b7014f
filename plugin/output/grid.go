package output

import (
	"strings"
	"unicode/utf8"
)

// style is the colour of a cell.
type style string

const (
	plain  style = ""
	bold   style = "\x1b[1m"
	red    style = "\x1b[31m"
	green  style = "\x1b[32m"
	yellow style = "\x1b[33m"
	reset        = "\x1b[0m"
)

type cell struct {
	text  string
	style style
}

// grid is rows of aligned cells. Colours take no room, which text/tabwriter would
// give them.
type grid [][]cell

func (g *grid) add(cells ...cell) { *g = append(*g, cells) }

func (g *grid) head(titles ...string) {
	var cells []cell
	for _, t := range titles {
		cells = append(cells, cell{t, bold})
	}
	g.add(cells...)
}

const gap = 3

// write leaves out columns that have only a title.
func (g *grid) write(b *strings.Builder, color bool) {
	widths := g.widths()
	for _, row := range *g {
		room := 0 // to the next cell that has a text
		for i, c := range row {
			switch {
			case widths[i] == 0:
			case c.text == "":
				room += widths[i] + gap
			default:
				b.WriteString(strings.Repeat(" ", room) + c.show(color))
				room = widths[i] - utf8.RuneCountInString(c.text) + gap
			}
		}
		b.WriteByte('\n')
	}
}

// widths are those of the columns, 0 for one without a text below its title.
func (g *grid) widths() []int {
	titles := (*g)[0]
	widths := make([]int, len(titles))
	for _, row := range (*g)[1:] {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	for i, w := range widths {
		if w > 0 {
			widths[i] = max(w, utf8.RuneCountInString(titles[i].text))
		}
	}
	return widths
}

func (c cell) show(color bool) string {
	if !color || c.style == plain {
		return c.text
	}
	return string(c.style) + c.text + reset
}
