package buildcmd

import (
	"context"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/docker/cli/cli"
	"github.com/pkg/errors"
)

// Streams are the standard streams of the program.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	// Terminal: signals of the keyboard reach the program without us.
	Terminal bool
}

// stopWait is how long a signal may come behind the end of the context, which
// ends for the same reason.
const stopWait = 50 * time.Millisecond

// Run runs the program below this process and hands signals on. It is for a
// plugin: the Docker CLI tells its plugins over a socket that they should stop.
// The error carries the exit status of the program, and no words.
func Run(ctx context.Context, line, env []string, s Streams) error {
	cmd := exec.Command(line[0], line[1:]...) //nolint:gosec,noctx // G204: docker's or buildx's own program, which ends by itself on a signal
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, s.In, s.Out, s.Err
	signals := make(chan os.Signal, 3)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		return errors.Wrapf(err, "cannot run %s", line[0])
	}
	done := make(chan struct{})
	defer close(done)
	go forward(ctx, cmd.Process, signals, done, s.Terminal)
	err := cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return cli.StatusError{StatusCode: statusOf(exit)}
	}
	return errors.Wrapf(err, "cannot run %s", line[0])
}

// statusOf is the exit status as a shell has it.
func statusOf(exit *exec.ExitError) int {
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return exit.ExitCode()
}

// forward hands signals on to the process, and the end of the context as one.
func forward(ctx context.Context, process *os.Process, signals <-chan os.Signal, done <-chan struct{}, terminal bool) {
	ended := ctx.Done()
	for {
		select {
		case <-done:
			return
		case sig := <-signals:
			if sig == os.Interrupt && terminal {
				continue // the process has it from the terminal
			}
			_ = process.Signal(sig)
		case <-ended:
			ended = nil
			if terminal {
				continue
			}
			select {
			case <-done:
				return
			case sig := <-signals: // the reason why the context ended
				_ = process.Signal(sig)
			case <-time.After(stopWait):
				_ = process.Signal(syscall.SIGTERM)
			}
		}
	}
}
