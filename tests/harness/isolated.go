package harness

import (
	"context"
	"io"
	"os/exec"
	"syscall"
	"time"

	"github.com/pkg/errors"
)

// IsolatedOpt is a program that starts daemons of its own.
type IsolatedOpt struct {
	Args []string
	Dir  string
	// Env is the whole environment; Environ would name the harness's proxy, which
	// cannot be reached from there.
	Env            []string
	Stdout, Stderr io.Writer
}

// loopback brings up the only network device of a new network namespace.
const loopback = `"$0" ip link set lo up && exec "$@"`

// RunIsolated runs a program in mount, PID and network namespaces of its own: all
// that it starts and mounts ends with it, and no packet leaves the machine. The
// error is that it could not be run, or was stopped.
func (e *Env) RunIsolated(ctx context.Context, opt IsolatedOpt) (code int, err error) {
	ctx, done, err := e.begin(ctx)
	if err != nil {
		return 0, err
	}
	defer done()
	args := append([]string{
		"--mount", "--pid", "--net", "--fork", "--mount-proc", "--kill-child=SIGKILL", "--",
		"/bin/sh", "-c", loopback, e.Tools.Path(ToolBusybox),
	}, opt.Args...)
	cmd := exec.CommandContext(ctx, "unshare", args...)
	cmd.Dir, cmd.Env = opt.Dir, opt.Env
	cmd.Stdout, cmd.Stderr = opt.Stdout, opt.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	// unshare ends what it started, however deep, when it is killed.
	cmd.WaitDelay = 5 * time.Second
	if err := startOnParent(cmd); err != nil {
		return 0, errors.Wrap(err, "unshare (root and util-linux are needed)")
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, errors.Wrapf(err, "running %s", opt.Args[0])
	}
	return cmd.ProcessState.ExitCode(), errors.WithStack(context.Cause(ctx))
}

// Plain is the environment in which this process was started, without what would
// lead a build elsewhere and without the harness's network, but with its tools.
func (e *Env) Plain(extra ...string) []string {
	return append(append(cleanEnviron(), "PATH="+e.pathVariable()), extra...)
}

// CgroupParent is the control group that Close removes, with all below it, as
// buildkitd's configuration names it.
func (e *Env) CgroupParent() string { return "/" + e.id }

// DataDir is where the registry keeps its images, for another registry to serve.
func (r *Registry) DataDir() string { return r.dir }
