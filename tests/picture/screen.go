package main

import (
	"bytes"
	"strings"

	"github.com/pkg/errors"
	"github.com/tonistiigi/vt100"
)

// span is neighbouring text of one look.
type span struct {
	column int
	text   string
	format vt100.Format
}

// screen is what a terminal of that size shows after the stream, without empty
// lines at its end. It fails when lines have scrolled away: a picture shows all.
func screen(stream []byte, columns, rows int) ([][]span, error) {
	// One row more than the program knew of: its last line feed must not scroll.
	term := vt100.NewVT100(rows+1, columns)
	if _, err := term.Write(bytes.TrimRight(stream, "\r\n")); err != nil {
		return nil, errors.WithStack(err)
	}
	if term.Cursor.Y >= rows {
		return nil, errors.Errorf("the output does not fit %d lines", rows)
	}
	lines := make([][]span, 0, rows)
	for y, row := range term.Content {
		lines = append(lines, spans(row, term.Format[y]))
	}
	for len(lines) > 0 && len(lines[len(lines)-1]) == 0 {
		lines = lines[:len(lines)-1]
	}
	return lines, nil
}

// gap parts two spans of one look: XML would make one space of it.
const gap = "  "

// spans splits a row where its look changes and at gaps. Each has its column, so
// that the spaces around it are left out.
func spans(row []rune, formats []vt100.Format) []span {
	var out []span
	for start := 0; start < len(row); {
		end := start + 1
		for end < len(row) && formats[end] == formats[start] {
			end++
		}
		out = append(out, split(string(row[start:end]), start, formats[start])...)
		start = end
	}
	return out
}

func split(text string, column int, format vt100.Format) []span {
	var out []span
	for text != "" {
		trimmed := strings.TrimLeft(text, " ")
		column += len(text) - len(trimmed)
		word, rest := trimmed, ""
		if i := strings.Index(trimmed, gap); i >= 0 {
			word, rest = trimmed[:i], trimmed[i:]
		}
		if shown := strings.TrimRight(word, " "); shown != "" {
			out = append(out, span{column, shown, format})
		}
		column += len([]rune(word))
		text = rest
	}
	return out
}
