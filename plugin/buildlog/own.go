package buildlog

import (
	"regexp"
	"strings"
	"sync"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
)

// ownBlock is an error of pullsafe: headlines, and below each the images that it
// is about and what to run.
type ownBlock struct {
	parts     []Failure
	paragraph int // of the current part: 0 images, 1 remedies
}

// ownImage is the line of an image: "  REF    FILE:LINE    INSTRUCTION".
var ownImage = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^  (\S+)(?: \([^)]*\))?(?:\s{2,}(\S+):(\d+)\s{2,}(.*))?$`)
})

func (b *ownBlock) blank() {
	if len(b.parts) > 0 {
		b.paragraph++
	}
}

// take reads a line of the block; false when the block is over.
func (b *ownBlock) take(text string, no int) bool {
	if c, ok := readHeadline(text); ok {
		b.parts = append(b.parts, newFailure(c, "", no))
		b.paragraph = 0
		return true
	}
	if len(b.parts) == 0 || !strings.HasPrefix(text, "  ") {
		return false
	}
	part := &b.parts[len(b.parts)-1]
	if b.paragraph == 0 {
		if m := ownImage().FindStringSubmatch(text); m != nil {
			part.addImage(m[1], m[2], m[3], m[4])
		}
		return true
	}
	if len(part.Remedies) < maxMore {
		part.Remedies = append(part.Remedies, remedyOf(strings.TrimSpace(text)))
	}
	return true
}

func (f *Failure) addImage(ref, file, line, instruction string) {
	switch {
	case f.Ref == "":
		f.Ref = ref
	case f.Ref != ref && len(f.Refs) < maxFailures:
		f.Refs = append(f.Refs, ref)
	}
	if n := number(line); n > 0 && len(f.Places) < maxFailures {
		f.Places = append(f.Places, Place{File: file, Line: n, Instruction: strings.TrimSpace(instruction)})
	}
}

// remedyOf reads "COMMAND    # note" and a note alone back.
func remedyOf(text string) report.Remedy {
	text = diagnosis.Clean(text, 500)
	command, note, _ := strings.Cut(text, " # ")
	switch word, _, _ := strings.Cut(command, " "); word {
	case "docker", "aws", "gcloud", "az", "doctl":
		return report.Remedy{Command: strings.TrimSpace(command), Note: strings.TrimSpace(note)}
	}
	return report.Remedy{Note: text}
}

// addOwn takes the parts of an error of pullsafe.
func (c *collection) addOwn(b *ownBlock) {
	for _, f := range b.parts {
		c.addExplained(f)
	}
}

// addWarning takes a warning of pullsafe: what was refused, and had without
// credentials.
func (c *collection) addWarning(w report.Conclusion, refs []string, no int) {
	f := newFailure(w, refs[0], no)
	f.Explanation, _, _ = strings.Cut(f.Explanation, ". Run: ")
	f.Remedies = report.ExplainFallback(w.Diagnosis.Diagnosis, false).Remedies
	f.Refs = refs[1:]
	for _, g := range c.list {
		if f.covers(&g) && f.Message == "" {
			f.Message, f.HTTPStatus = g.Message, g.HTTPStatus
		}
	}
	c.addExplained(f)
}
