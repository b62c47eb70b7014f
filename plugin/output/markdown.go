package output

import (
	"io"
	"strings"

	"github.com/pkg/errors"

	"github.com/org/pullsafe/plugin/finding"
)

// maxMarkdown bounds a summary, in bytes: GitHub drops all of a step's summary that has
// more than 1 MiB, and a step may check twice.
const maxMarkdown = 256 << 10

// Markdown writes the table for the summary of a CI job. All of it is in one block of
// code, so that nothing that a registry or a file says is a link, a picture or markup.
func Markdown(w io.Writer, findings []finding.Finding, notes []string) error {
	var b strings.Builder
	if err := Table(&b, findings, notes, false); err != nil {
		return err
	}
	text := b.String()
	if len(text) > maxMarkdown {
		text = strings.ToValidUTF8(text[:maxMarkdown], "") + "\n...\n"
	}
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	_, err := io.WriteString(w, "### docker pullsafe check\n\n"+fence+"text\n"+strings.TrimRight(text, "\n")+"\n"+fence+"\n\n")
	return errors.WithStack(err)
}
