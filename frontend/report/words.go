package report

import (
	"fmt"
	"strings"
)

// Every sentence of a report is below or in package diagnosis.

const (
	wordsNotChecked = "not checked: no answer in time after another image had failed"
	wordsNoImages   = "The Dockerfile names no images.\n"
	wordsMore       = "  and %d more\n"
	wordsUnneeded   = "not needed by the target"
)

// headline opens the error of a build.
func headline(failed, needed int) string {
	switch {
	case needed == 1:
		return "the image could not be resolved"
	case failed == 1:
		return fmt.Sprintf("1 of %d images could not be resolved", needed)
	default:
		return fmt.Sprintf("%d of %d images could not be resolved", failed, needed)
	}
}

// outcomeWords are the outcomes in a table.
var outcomeWords = map[Outcome]string{
	OK:                   "ok",
	OKWithoutCredentials: "ok, without credentials",
	Failed:               "FAILED",
	NotChecked:           "not checked",
}

// closing counts what a table has listed.
func (s Summary) closing() string {
	images := "images"
	if s.References == 1 {
		images = "image"
	}
	parts := []string{fmt.Sprintf("%d %s: %d ok", s.References, images, s.OK)}
	for _, part := range []struct {
		n    int
		what string
	}{{s.OKWithoutCredentials, "ok without credentials"}, {s.Failed, "failed"}, {s.NotChecked, "not checked"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	return strings.Join(parts, ", ")
}

// maxNames bounds the names that a hint lists.
const maxNames = 6

// BareNameHint is for a name without a registry that could be a stage or a named
// context, was taken for an image of Docker Hub, and failed there. near is the
// declared name most like it, names are all of them.
func BareNameHint(name, ref, near string, names []string) string {
	text := fmt.Sprintf("%q is no stage or named context here, so it was taken for the image %s", name, ref)
	switch {
	case near != "":
		return text + fmt.Sprintf("; did you mean %q?", near)
	case len(names) == 0:
		return text
	case len(names) > maxNames:
		return text + "; there are: " + strings.Join(names[:maxNames], ", ") + ", ..."
	default:
		return text + "; there are: " + strings.Join(names, ", ")
	}
}
