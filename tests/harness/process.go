package harness

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/pkg/errors"
)

// stopTimeout is how long a daemon may take to end by itself.
const stopTimeout = 10 * time.Second

// Process is a daemon that an Env supervises.
type Process struct {
	// Name is for messages; LogPath has what the daemon printed.
	Name    string
	LogPath string

	cmd     *exec.Cmd
	done    chan struct{}
	err     error
	foreign bool
}

type processOpt struct {
	name string
	args []string
	env  []string
	// isolated gives the process mount and PID namespaces of its own: its mounts
	// are seen by nobody else, and all that it started ends with it.
	isolated bool
	// foreign is for a program that the harness does not know. It is killed: as the
	// first process of its namespace it may not hear a SIGTERM. CheckSecrets does not read
	// its log: a server may name users there.
	foreign bool
}

func (e *Env) start(opt processOpt) (*Process, error) {
	logPath := filepath.Join(e.logs, opt.name+".log")
	if opt.foreign {
		logPath = filepath.Join(e.Dir, opt.name+".log")
	}
	log, err := os.Create(logPath)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	defer func() { _ = log.Close() }()
	args := opt.args
	if opt.isolated {
		args = append([]string{"unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL", "--"}, args...)
	}
	p := &Process{Name: opt.name, LogPath: logPath, done: make(chan struct{}), foreign: opt.foreign}
	p.cmd = exec.Command(args[0], args[1:]...) //nolint:noctx // ended by Close, not by a context
	p.cmd.Dir = e.Dir
	p.cmd.Env = opt.env
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := startOnParent(p.cmd); err != nil {
		return nil, errors.Wrapf(err, "starting %s (root and util-linux are needed)", opt.name)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	e.OnClose(opt.name, p.stop)
	return p, nil
}

// Pid is the process id of the supervised process.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the daemon has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// LogTail is the end of what the daemon printed, for error messages.
func (p *Process) LogTail() string {
	b, err := os.ReadFile(p.LogPath)
	if err != nil {
		return err.Error()
	}
	const limit = 3000
	if len(b) > limit {
		b = b[len(b)-limit:]
	}
	return string(bytes.TrimSpace(b))
}

// waitReady calls ping until it succeeds, the daemon ends, or ctx does.
func (p *Process) waitReady(ctx context.Context, ping func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 30*time.Second, errors.Errorf("%s did not become ready", p.Name))
	defer cancel()
	for {
		err := ping(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return errors.Errorf("%s ended (%v):\n%s", p.Name, p.err, p.LogTail())
		case <-ctx.Done():
			return errors.Errorf("%v: %v; its log ends:\n%s", context.Cause(ctx), err, p.LogTail())
		case <-time.After(25 * time.Millisecond):
		}
	}
}

// Stop ends the daemon before its environment does. It is safe to call again.
func (p *Process) Stop(ctx context.Context) error { return p.stop(ctx) }

func (p *Process) stop(ctx context.Context) error {
	select {
	case <-p.done:
		return nil // its id may be another's by now
	default:
	}
	// The process has a group of its own, which has the same id.
	kill := func(sig syscall.Signal) { _ = syscall.Kill(-p.Pid(), sig) }
	if !p.foreign {
		kill(syscall.SIGTERM)
		select {
		case <-p.done:
			return nil
		case <-ctx.Done():
		case <-time.After(stopTimeout):
		}
	}
	kill(syscall.SIGKILL)
	select {
	case <-p.done:
		return nil
	case <-time.After(stopTimeout):
		return errors.Errorf("process %d does not end", p.Pid())
	}
}

// startOnParent starts a command from a thread that lives as long as this
// process: the kernel sends Pdeathsig when the starting thread ends.
func startOnParent(cmd *exec.Cmd) error {
	startThread()
	result := make(chan error)
	startRequests <- func() { result <- cmd.Start() }
	return <-result
}

var (
	startRequests = make(chan func())
	startThread   = sync.OnceFunc(func() {
		go func() {
			runtime.LockOSThread()
			for f := range startRequests {
				f()
			}
		}()
	})
)
