package credentials

import (
	"context"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/docker/cli/cli/config/types"
	"github.com/docker/docker-credential-helpers/client"
	"github.com/docker/docker-credential-helpers/credentials"
	"github.com/pkg/errors"
)

const (
	helperPrefix = "docker-credential-"

	// tokenUser is the user name with which helpers mark an identity token
	// (docker/cli, cli/config/credentials/native_store.go).
	tokenUser = "<token>"

	// helperWords open every error of a helper, so that it is known for one
	// (docker-credential-helpers, client/client.go).
	helperWords = "error getting credentials - err: "

	// pipeWait is how long the output of a helper that was ended may stay open
	// by what it started.
	pipeWait = time.Second
)

// notFound is what a helper says of a key that it does not hold.
var notFound = credentials.NewErrCredentialsNotFound().Error()

// askHelper gets the credential for key from a helper program. The program gets
// no more than limit: one that waits for a person would hold the command forever.
func askHelper(ctx context.Context, program, key string, limit time.Duration) (types.AuthConfig, error) {
	slow := errors.Errorf("%s%s gave no answer within %s", helperWords, program, limit)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, slow)
	defer cancel()
	creds, err := client.Get(programs(ctx, program), key)
	switch {
	case err == nil:
	case credentials.IsErrCredentialsNotFound(err):
		return types.AuthConfig{}, nil
	case context.Cause(ctx) != nil:
		return types.AuthConfig{}, context.Cause(ctx)
	case !strings.HasPrefix(err.Error(), helperWords):
		return types.AuthConfig{}, errors.Errorf("%s%s printed something else than a credential", helperWords, program)
	default:
		return types.AuthConfig{}, err
	}
	if creds.Username == tokenUser {
		return types.AuthConfig{IdentityToken: creds.Secret, ServerAddress: key}, nil
	}
	return types.AuthConfig{Username: creds.Username, Password: creds.Secret, ServerAddress: key}, nil
}

// Erase removes an entry of a helper program. One that is not there is removed.
func Erase(ctx context.Context, e Entry, limit time.Duration) error {
	slow := errors.Errorf("%s gave no answer within %s", e.Helper, limit)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, slow)
	defer cancel()
	err := client.Erase(programs(ctx, e.Helper), e.Key)
	switch {
	case err == nil || strings.Contains(err.Error(), notFound):
		return nil
	case context.Cause(ctx) != nil:
		return context.Cause(ctx)
	}
	return errors.WithStack(err)
}

// programs starts a helper that ends with ctx.
func programs(ctx context.Context, program string) client.ProgramFunc {
	return func(args ...string) client.Program {
		return &helperProgram{cmd: exec.CommandContext(ctx, program, args...)} //nolint:gosec // G204: config.json names the program
	}
}

// helperProgram is client.Program for a program that ends with a context. What
// it prints on standard error is dropped: nobody knows what is in it.
type helperProgram struct{ cmd *exec.Cmd }

// Output is client.Program's.
func (p *helperProgram) Output() ([]byte, error) {
	p.cmd.WaitDelay = pipeWait
	out, err := p.cmd.Output()
	if err != nil && strings.Contains(string(out), `"Secret"`) {
		out = nil // becomes part of the error
	}
	return out, err
}

// Input is client.Program's.
func (p *helperProgram) Input(in io.Reader) { p.cmd.Stdin = in }
