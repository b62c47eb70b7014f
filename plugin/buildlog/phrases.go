package buildlog

import "strings"

// phrases finds whether a text holds any of a list of phrases, in one pass over it and
// without a copy: a long log is searched line by line for dozens of them.
type phrases struct {
	fold  bool                 // the case of letters does not matter
	pairs [1 << 16 / 64]uint64 // the pairs of bytes that begin one
	lists map[uint16][]string
}

// newPhrases takes phrases of two bytes at least, in lower case if fold.
func newPhrases(fold bool, list ...string) *phrases {
	p := &phrases{fold: fold, lists: map[uint16][]string{}}
	for _, s := range list {
		k := uint16(s[0])<<8 | uint16(s[1])
		p.pairs[k/64] |= 1 << (k % 64)
		p.lists[k] = append(p.lists[k], s)
	}
	return p
}

// in tells whether text holds one of the phrases.
func (p *phrases) in(text string) bool {
	if len(text) < 2 {
		return false
	}
	last := p.byte(text[0])
	for i := 1; i < len(text); i++ {
		c := p.byte(text[i])
		k := uint16(last)<<8 | uint16(c)
		last = c
		if p.pairs[k/64]&(1<<(k%64)) == 0 {
			continue
		}
		for _, s := range p.lists[k] {
			if p.at(text[i-1:], s) {
				return true
			}
		}
	}
	return false
}

func (p *phrases) byte(c byte) byte {
	if p.fold && 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func (p *phrases) at(text, phrase string) bool {
	if !p.fold {
		return strings.HasPrefix(text, phrase)
	}
	if len(text) < len(phrase) {
		return false
	}
	for i := 2; i < len(phrase); i++ {
		if p.byte(text[i]) != phrase[i] {
			return false
		}
	}
	return true
}
