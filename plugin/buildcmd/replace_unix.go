//go:build unix

package buildcmd

import (
	"syscall"

	"github.com/pkg/errors"
)

// Replace makes this process the program, so that streams, signals and exit
// status are its own. It returns only if that fails.
func Replace(line, env []string) error {
	return errors.Wrapf(syscall.Exec(line[0], line, env), "cannot run %s", line[0]) //nolint:gosec // G204: docker's or buildx's own program
}
