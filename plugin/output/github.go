package output

import (
	"fmt"
	"io"
	"strings"

	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/plugin/finding"
)

// The escaping of workflow commands
// (https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts):
// properties end at a colon or a comma, messages at the end of the line.
var (
	githubMessage  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// GitHub writes a workflow command for each place of an image that cannot be had,
// or with a refused credential; the latter is an error under strict alone. An image
// that the target does not need is never one.
func GitHub(w io.Writer, findings []finding.Finding, strict bool) error {
	var b strings.Builder
	for i := range findings {
		f := &findings[i]
		level, title := "", ""
		switch {
		case f.Outcome == report.OKWithoutCredentials:
			level, title = "warning", "Registry login refused"
			if strict && f.Needed {
				level = "error"
			}
		case f.Outcome != report.OK:
			level, title = "error", "Image cannot be pulled"
			if !f.Needed {
				level = "warning"
			}
		default:
			continue
		}
		message := githubMessage.Replace(annotation(f))
		for _, p := range f.Positions {
			fmt.Fprintf(&b, "::%s file=%s,line=%d,title=%s::%s\n", level,
				githubProperty.Replace(diagnosis.Clean(p.File, maxCell)), p.Line, githubProperty.Replace(title), message)
		}
		if len(f.Positions) == 0 {
			fmt.Fprintf(&b, "::%s title=%s::%s\n", level, githubProperty.Replace(title), message)
		}
	}
	b.WriteString(finding.Report(findings).Summary.Closing() + "\n")
	_, err := io.WriteString(w, b.String())
	return errors.WithStack(err)
}

// annotation is what an annotation says: the image, the reason, and what to do.
func annotation(f *finding.Finding) string {
	text := diagnosis.Clean(f.Written, maxCell) + ": " + f.Explanation
	if f.Hint != "" {
		text += "\n" + f.Hint
	}
	if f.Diagnosis == nil {
		return text
	}
	for _, r := range f.Diagnosis.Remedies {
		switch {
		case r.Command == "":
			text += "\n" + r.Note
		case r.Note == "":
			text += "\n" + r.Command
		default:
			text += "\n" + r.Command + "  # " + r.Note
		}
	}
	return text
}
