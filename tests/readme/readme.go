// Package readme writes the tables that the tests make into tests/README.md, so
// that the figures there are those of a real run.
//
// A table stands between two comments, which name the make target that makes it:
//
//	<!-- begin compat: made by make compat -->
//	<!-- end compat -->
package readme

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/pkg/errors"

	"github.com/org/pullsafe/tests/harness"
)

// Write replaces the section of tests/README.md in this checkout. Two test
// binaries may write at once. The error is that there is no such section.
func Write(section, text string) error {
	root, err := harness.Checkout()
	if err != nil {
		return err
	}
	return write(filepath.Join(root, "tests", "README.md"), section, text)
}

func write(path, section, text string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return errors.WithStack(err)
	}
	defer func() { _ = f.Close() }()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return errors.WithStack(err)
	}
	old, err := os.ReadFile(path)
	if err != nil {
		return errors.WithStack(err)
	}
	out, err := replace(string(old), section, text)
	if err != nil {
		return errors.Wrap(err, path)
	}
	return errors.WithStack(os.WriteFile(path, []byte(out), 0o644))
}

func replace(doc, section, text string) (string, error) {
	begin, end := "<!-- begin "+section+":", "<!-- end "+section+" -->"
	head, rest, ok := strings.Cut(doc, begin)
	note, rest, ok2 := strings.Cut(rest, "-->\n")
	_, tail, ok3 := strings.Cut(rest, end)
	if !ok || !ok2 || !ok3 {
		return "", errors.Errorf("no section %q", section)
	}
	return head + begin + note + "-->\n" + strings.TrimSpace(text) + "\n" + end + tail, nil
}
