package buildlog

import (
	"strconv"
	"strings"
)

// Place is a line of a Dockerfile that an error points at.
type Place struct {
	File        string `json:"file"`
	Line        int    `json:"line"`
	Instruction string `json:"instruction"`
}

// newPlace has words of a log, which may be anybody's, cleaned.
func newPlace(file string, line int, instruction string) Place {
	return Place{File: word(file), Line: line, Instruction: word(instruction)}
}

// maxPlaces bounds the places of one error.
const maxPlaces = 16

// excerpt is what an error shows of a Dockerfile above itself.
type excerpt struct {
	file   string // from the line "FILE:LINE" above the ruler
	above  string // the line before
	places []Place
}

// dockerfile takes the lines of an excerpt.
func (s *scanner) dockerfile(text string) bool {
	if text == longRuler {
		if at := strings.LastIndexByte(s.excerpt.above, ':'); at > 0 {
			s.excerpt.file = s.excerpt.above[:at]
		}
		s.excerpt.above = ""
		s.flush()
		return true
	}
	s.excerpt.above = ""
	if end := text[len(text)-1]; '0' <= end && end <= '9' && isPlace(text) {
		s.excerpt.above = text
		return false
	}
	n, marked, instruction, ok := excerptLine(text)
	if !ok {
		return false
	}
	s.flush()
	if marked && len(s.excerpt.places) < maxPlaces {
		s.shaped = true
		s.excerpt.places = append(s.excerpt.places, newPlace(s.excerpt.file, n, instruction))
	}
	return true
}

// isPlace tells whether a text is "FILE:LINE".
func isPlace(text string) bool {
	head := strings.TrimRight(text, "0123456789")
	return len(head) > 1 && len(head) < len(text) && head[len(head)-1] == ':' && head[0] != ' '
}

// excerptLine parts "   3 | >>> FROM REF": the line, whether it is marked, and its text.
func excerptLine(text string) (n int, marked bool, instruction string, ok bool) {
	text = strings.TrimLeft(text, " \t")
	rest, ok := cutDigits(text)
	if !ok || !strings.HasPrefix(rest, " | ") {
		return 0, false, "", false
	}
	n, err := strconv.Atoi(text[:len(text)-len(rest)])
	if instruction, marked = strings.CutPrefix(rest[3:], ">>> "); !marked {
		instruction, ok = strings.CutPrefix(rest[3:], "    ")
	}
	return n, marked && err == nil, instruction, ok
}
