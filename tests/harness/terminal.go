package harness

import (
	"bytes"
	"context"
	"os/exec"
	"syscall"

	"github.com/creack/pty"
	"github.com/pkg/errors"
)

// TerminalOutput is what a program wrote to its terminal and how it ended.
type TerminalOutput struct {
	// Stream has all escape sequences, as the terminal got them.
	Stream []byte
	Code   int
}

// RunTerminal is Run for a program that shows a person what it does: all three of
// its standard files are a terminal of that size. Opt's Stdin is not used. What
// still runs in the terminal when the program ends is ended with it.
func (e *Env) RunTerminal(ctx context.Context, program string, opt CommandOpt, columns, rows uint16) (*TerminalOutput, error) {
	ctx, done, err := e.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	terminal, tty, err := pty.Open()
	if err != nil {
		return nil, errors.Wrap(err, "opening a terminal")
	}
	defer func() { _ = terminal.Close() }()
	defer func() { _ = tty.Close() }()
	if err := pty.Setsize(terminal, &pty.Winsize{Cols: columns, Rows: rows}); err != nil {
		return nil, errors.Wrap(err, "setting the terminal's size")
	}
	cmd, err := e.command(ctx, program, opt, "TERM=xterm-256color")
	if err != nil {
		return nil, err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	// A session of its own: its leader's end ends the rest by a hangup.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Pdeathsig: syscall.SIGKILL}
	if err := startOnParent(cmd); err != nil {
		return nil, errors.Wrapf(err, "starting %s", program)
	}
	var stream bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = stream.ReadFrom(terminal) // ends in an error when nobody holds the other end any more
	}()
	err = cmd.Wait()
	_ = tty.Close()
	<-read
	out := &TerminalOutput{Stream: stream.Bytes(), Code: cmd.ProcessState.ExitCode()}
	e.Printed(program+" in a terminal", stream.String())
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return out, errors.Wrapf(err, "running %s", program)
	}
	return out, errors.WithStack(context.Cause(ctx))
}
