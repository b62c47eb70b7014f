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
		message := ref.annotation()
		for _, p := range ref.Positions {
			b.WriteString(annotation(level, title, message, p.File, p.Line))
		}
		if len(ref.Positions) == 0 {
			b.WriteString(annotation(level, title, message, "", 0))
		}
	}
	return b.String() + r.Summary.Closing() + "\n"
}

// GitHub is the cause, with at most limit of its images, as the command for an annotation
// of that line of a file; of none without a file.
func (c *Cause) GitHub(limit int, file string, line int) string {
	var b strings.Builder
	c.Write(&b, limit)
	return annotation("error", wordsRegistryFailure, strings.TrimSuffix(b.String(), "\n"), file, line)
}

func annotation(level, title, message, file string, line int) string {
	place := ""
	if file != "" {
		place = fmt.Sprintf("file=%s,line=%d,", githubProperty.Replace(diagnosis.Clean(filepath.ToSlash(file), maxName)), line)
	}
	return fmt.Sprintf("::%s %stitle=%s::%s\n", level, place, githubProperty.Replace(title), githubMessage.Replace(message))
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
