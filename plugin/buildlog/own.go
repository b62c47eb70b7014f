package buildlog

import (
	"regexp"
	"strings"
	"sync"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
)

const (
	// maxCode bounds a code in a text, in bytes; the longest has some hundred.
	maxCode = 256

	// maxTold bounds the images that are read from a warning, which names three.
	maxTold = 8
)

// ownBlock is an error of pullsafe: headlines that end in a code, and below each the
// images that it is about, then what to run. Only codes and the names and places of
// images are taken from it: the rest follows from the code, whoever wrote the log.
type ownBlock struct {
	found *collection
	trust trust

	last   *statement
	images bool   // the lines of images of the last headline go on
	cut    string // the beginning of a code at the end of a line that a terminal cut
}

// ownImage is the line of an image: "  REF    FILE:LINE    INSTRUCTION".
var ownImage = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:  )?(\S+)(?: \([^)]*\))?(?:\s{2,}(\S+):(\d+)\s{2,}(.*))?$`)
})

// begin reads a headline; false when the line is none, nor can become one.
func (b *ownBlock) begin(text string, no int) bool {
	whole := b.cut + text
	b.cut = ""
	if code, ok := report.FindCode(whole); ok {
		b.end()
		b.last, b.images = &statement{code: code, line: no}, true
		return true
	}
	if len(text) >= minCut || len(whole) > len(text) {
		b.cut = codeBegin(whole)
	}
	return b.cut != ""
}

// codeBegin is the beginning of a code at the end of a text, or "".
func codeBegin(text string) string {
	if i := strings.LastIndex(text, diagnosis.CodeMark); i >= 0 && len(text)-i <= maxCode && !strings.ContainsAny(text[i:], " ]") {
		return text[i:]
	}
	for n := len(diagnosis.CodeMark) - 1; n > 0; n-- {
		if strings.HasSuffix(text, diagnosis.CodeMark[:n]) {
			return diagnosis.CodeMark[:n]
		}
	}
	return ""
}

// take reads the next line of the block; false when the block is over. What CI systems
// put before a line can have taken its indent.
func (b *ownBlock) take(text string, no int) bool {
	indented := strings.HasPrefix(text, "  ")
	if b.images && len(text) <= maxForm {
		if b.found.own.full(b.last) {
			if indented {
				b.found.more++
				return true
			}
		} else if m := ownImage().FindStringSubmatch(text); m != nil && (indented || m[2] != "" || isFullReference(m[1])) {
			b.last.add(m[1], m[2], m[3], m[4])
			return true
		}
	}
	return !indented && b.begin(text, no) || indented && b.last != nil
}

// end hands over the last headline with its images.
func (b *ownBlock) end() {
	if b.last != nil {
		b.found.addOwn(b.last, b.trust)
	}
	b.last = nil
}

// addFallback takes what a warning or a step of pullsafe tells of a fallback; false
// when it names no image.
func (c *collection) addFallback(text string, no int, t trust) bool {
	s := &statement{code: report.FallbackCode(text), line: no}
	for w := range strings.FieldsSeq(text) {
		if w = strings.TrimRight(w, ",;."); isFullReference(w) {
			if s.add(w, "", "", ""); len(s.refs) == maxTold {
				break
			}
		}
	}
	if len(s.refs) > 0 {
		c.addOwn(s, t)
	}
	return len(s.refs) > 0
}
