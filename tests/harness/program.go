package harness

import (
	"context"
	"net"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pkg/errors"
)

// ProgramOpt is a server that the harness does not know.
type ProgramOpt struct {
	// Name is for messages and for the name of its log.
	Name string
	Args []string
	// Root is a root file system that it sees in place of the machine's, without
	// changing it; Dir, its only folder to write to, is LabDir there. No Root is the
	// machine's.
	Root, Dir string
	// Env adds variables.
	Env []string
	// Addr is where it accepts connections when it is ready.
	Addr string
}

// LabDir is where a program with a root file system of its own sees its folder.
const LabDir = "/lab"

// enter makes a root file system usable in a mount namespace and runs a program in
// it: $1 is the root, $2 the folder.
const enter = `set -e
root=$1 lab=$2
shift 2
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount --bind "$lab" "$root` + LabDir + `"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs tmpfs "$root/run"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
exec chroot "$root" "$@"
`

// StartProgram starts a server in mount and PID namespaces of its own and waits until
// it accepts connections. It ends with the environment, with all that it started.
func (e *Env) StartProgram(ctx context.Context, opt ProgramOpt) (*Process, error) {
	args := opt.Args
	if opt.Root != "" {
		args = append([]string{"/bin/sh", "-c", enter, "sh", opt.Root, opt.Dir}, args...)
	}
	p, err := e.start(processOpt{name: e.name(opt.Name), args: args, env: e.Environ(opt.Env...), isolated: true, foreign: true})
	if err != nil {
		return nil, err
	}
	return p, p.waitReady(ctx, func(ctx context.Context) error {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", opt.Addr)
		if err != nil {
			return errors.WithStack(err)
		}
		return errors.WithStack(c.Close())
	})
}

// Script is a program that runs Args, and its own arguments, in the root file system,
// for what is no server. Each run has mount and PID namespaces of its own, so that
// what it starts in the background ends with it; one waits for another.
func (opt ProgramOpt) Script() string {
	var b strings.Builder
	b.WriteString("#!/bin/sh\nexec flock " + quote(filepath.Join(opt.Dir, ".run")) +
		" unshare --mount --pid --fork --kill-child=SIGKILL -- /bin/sh -c " + quote(enter) +
		" sh " + quote(opt.Root) + " " + quote(opt.Dir) + " env")
	for _, word := range slices.Concat(opt.Env, opt.Args) {
		b.WriteString(" " + quote(word))
	}
	b.WriteString(" \"$@\"\n")
	return b.String()
}

// quote is a text as one word of a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// FreeAddr is a loopback address that is free now.
func FreeAddr(ctx context.Context) (string, error) { return freeAddr(ctx) }
