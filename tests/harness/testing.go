package harness

import (
	"context"
	stderrors "errors"
	"flag"
	"os"
	"testing"
)

// current is the environment of Main: a test binary has one, because net/http
// reads the proxy's address only once.
var current *Env

// Main is the body of a TestMain: it makes the environment of the test binary,
// prepares it, runs the tests and cleans up, also after a signal. With -short
// there is no environment, and tests that call T are skipped.
func Main(m *testing.M, setup func(context.Context, *Env) error) int {
	flag.Parse()
	if testing.Short() {
		return m.Run()
	}
	ctx := context.Background()
	fail := func(err error) int {
		_, _ = os.Stderr.WriteString("harness: " + err.Error() + "\n")
		return 1
	}
	tools, err := FindTools(ctx)
	if err != nil {
		return fail(err)
	}
	e, err := NewEnv(ctx, tools)
	if err != nil {
		return fail(err)
	}
	defer e.CloseOnSignal()()
	current = e
	code := 1
	if err = e.SetProcessEnv(); err == nil && setup != nil {
		err = setup(ctx, e)
	}
	if err == nil {
		code = m.Run()
		if err := e.CheckSecrets(); err != nil {
			code = fail(err)
		}
	} else {
		fail(err)
	}
	if err := e.Close(); err != nil {
		return fail(err)
	}
	return code
}

// Perform is Main for a program that is no test: it makes an environment, calls f
// and cleans up, also after a signal. need are the tools without which it does not
// begin; none are all.
func Perform(ctx context.Context, f func(context.Context, *Env) error, need ...string) error {
	tools, err := FindTools(ctx, need...)
	if err != nil {
		return err
	}
	e, err := NewEnv(ctx, tools)
	if err != nil {
		return err
	}
	defer e.CloseOnSignal()()                   //nolint:contextcheck // cleans up whatever became of the context
	return stderrors.Join(f(ctx, e), e.Close()) //nolint:contextcheck // as above
}

// T returns the environment of Main for a test.
func T(t testing.TB) *Env {
	t.Helper()
	if testing.Short() {
		t.Skip("needs daemons; not with -short")
	}
	if current == nil {
		t.Fatal("no environment: TestMain must call harness.Main")
	}
	return current
}

// LogOnFailure prints the end of a daemon's log if the test has failed.
func LogOnFailure(t testing.TB, p *Process) {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of %s:\n%s", p.Name, p.LogTail())
		}
	})
}
