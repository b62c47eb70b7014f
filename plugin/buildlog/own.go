package buildlog

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/distribution/reference"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
)

// ownBlock is an error of pullsafe: headlines that end in a code, and below each the
// images that it is about, then what to run. Only codes and the names and places of
// images are taken from it: the rest follows from the code, whoever wrote the log.
type ownBlock struct {
	parts  []ownPart
	images bool   // the lines of images of the last part go on
	cut    string // the beginning of a code at the end of a line that a terminal cut
}

type ownPart struct {
	code   report.Code
	line   int
	refs   []string
	places []Place
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
		b.parts, b.images = append(b.parts, ownPart{code: code, line: no}), true
		return true
	}
	if len(text) >= minCut || len(whole) > len(text) {
		b.cut = codeBegin(whole)
	}
	return b.cut != ""
}

// codeBegin is the beginning of a code at the end of a text, or "".
func codeBegin(text string) string {
	if i := strings.LastIndex(text, diagnosis.CodeMark); i >= 0 && !strings.ContainsAny(text[i:], " ]") {
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
	if b.images {
		m := ownImage().FindStringSubmatch(text)
		if m != nil && (indented || m[2] != "" || isFullReference(m[1])) {
			b.parts[len(b.parts)-1].add(m[1], m[2], m[3], m[4])
			return true
		}
	}
	return !indented && b.begin(text, no) || indented && len(b.parts) > 0
}

func (p *ownPart) add(ref, file, line, instruction string) {
	if ref = imageName(ref); ref == "" {
		return
	}
	if !slices.Contains(p.refs, ref) && len(p.refs) < maxFailures {
		p.refs = append(p.refs, ref)
	}
	if n := number(line); n > 0 && len(p.places) < maxFailures {
		p.places = append(p.places, Place{File: word(file), Line: n, Instruction: word(strings.TrimSpace(instruction))})
	}
}

// addOwn takes the parts of an error of pullsafe. A part without an image is about
// the one that the user named.
func (c *collection) addOwn(b *ownBlock, userRef string) {
	for _, p := range b.parts {
		if len(p.refs) == 0 {
			p.refs = []string{userRef}
		}
		c.addCoded(p)
	}
}

// addFallback takes what a warning or a step of pullsafe tells of a fallback; false
// when it names no image.
func (c *collection) addFallback(text string, no int) bool {
	p := ownPart{code: report.FallbackCode(text), line: no}
	for w := range strings.FieldsSeq(text) {
		if w = strings.TrimRight(w, ",;."); isFullReference(w) {
			p.add(w, "", "", "")
		}
	}
	if len(p.refs) > 0 {
		c.addCoded(p)
	}
	return len(p.refs) > 0
}

// isFullReference: BuildKit and our warnings have the registry host in every name.
func isFullReference(word string) bool {
	host, _, ok := strings.Cut(word, "/")
	named, err := reference.ParseNormalizedNamed(word)
	return ok && err == nil && reference.Domain(named) == host
}

// addCoded takes what a code tells in place of the errors that it is about. These
// may have the registry's words, where they are of the same classes.
func (c *collection) addCoded(p ownPart) {
	r := p.code.Resolution(p.refs[0])
	f := Failure{Ref: p.refs[0], Refs: p.refs[1:], Places: p.places, Line: p.line, ByPullsafe: true}
	f.Host, f.Class = r.Written.Host, r.Written.Class
	c.list = slices.DeleteFunc(c.list, func(g Failure) bool {
		covered := f.covers(&g)
		if covered {
			known(r, g.written)
		}
		return covered
	})
	conclusion := report.Explain(r)
	f.Diagnosis, f.Explanation, f.written = conclusion.Diagnosis, conclusion.Headline, r.Written
	c.append(f)
}
