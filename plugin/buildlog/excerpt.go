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
		if m := forms().place.FindStringSubmatch(s.excerpt.above); m != nil {
			s.excerpt.file = m[1]
		}
		s.excerpt.above = ""
		s.flush()
		return true
	}
	s.excerpt.above = ""
	if end := text[len(text)-1]; '0' <= end && end <= '9' && forms().place.MatchString(text) {
		s.excerpt.above = text
		return false
	}
	m := forms().snippet.FindStringSubmatch(text)
	if m == nil {
		return false
	}
	s.flush()
	if strings.TrimSpace(m[2]) == "" || len(s.excerpt.places) == maxPlaces {
		return true
	}
	if n, err := strconv.Atoi(m[1]); err == nil {
		s.shaped = true
		s.excerpt.places = append(s.excerpt.places, newPlace(s.excerpt.file, n, m[3]))
	}
	return true
}
