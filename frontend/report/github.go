package report

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/org/pullsafe/frontend/diagnosis"
)

// The escaping of workflow commands
// (https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts):
// properties end at a colon or a comma, messages at the end of the line.
var (
	githubMessage  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// GitHub is the report as commands that GitHub Actions turns into annotations: one
// for each place of an image that failed, or that only the anonymous fallback
// resolved; the latter is an error under strict alone. An image that the target
// does not need is never one.
func (r *Report) GitHub(strict bool) string {
	var b strings.Builder
	for i := range r.References {
		ref := &r.References[i]
		if ref.Outcome == OK {
			continue
		}
		level, title, resolved := "error", wordsCannotBePulled, ref.Outcome == OKWithoutCredentials
		if resolved {
			title = wordsRejected
		}
		if !ref.Needed || resolved && !strict {
			level = "warning"
		}
		title, message := githubProperty.Replace(title), githubMessage.Replace(ref.annotation())
		for _, p := range ref.Positions {
			fmt.Fprintf(&b, "::%s file=%s,line=%d,title=%s::%s\n", level, githubProperty.Replace(diagnosis.Clean(filepath.ToSlash(p.File), maxName)), p.Line, title, message)
		}
		if len(ref.Positions) == 0 {
			fmt.Fprintf(&b, "::%s title=%s::%s\n", level, title, message)
		}
	}
	return b.String() + r.Summary.Closing() + "\n"
}

// annotation is what an annotation says: the image, the reason, and what to do.
func (r *Reference) annotation() string {
	lines := []string{r.Name() + ": " + r.Explanation}
	if r.Hint != "" {
		lines = append(lines, r.Hint)
	}
	if r.Diagnosis != nil {
		for _, remedy := range r.Diagnosis.Remedies {
			line := remedy.Command + remedy.Note
			if remedy.Command != "" && remedy.Note != "" {
				line = remedy.Command + "  # " + remedy.Note
			}
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
