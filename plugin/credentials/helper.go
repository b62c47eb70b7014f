package credentials

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"slices"
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

	// maxOutput bounds what a helper prints: far more than any credential.
	maxOutput = 1 << 20
)

// makers are helpers that generate credentials on demand, from a login of their own,
// and cannot erase any: for them `docker logout` changes nothing
// (google-cloud-sdk, gcloud auth docker-helper; docker-credential-gcr v2.2.1,
// cli/dockerHelper.go; amazon-ecr-credential-helper v0.12.0, ecr-login/ecr.go;
// docker-credential-acr-env, pkg/credhelper/helper.go).
var makers = []string{"gcloud", "gcr", "ecr-login", "acr-env"}

// CannotErase tells that the helper of a source generates its credentials on demand.
func (s Source) CannotErase() bool {
	return s.Helped() && slices.Contains(makers, strings.TrimPrefix(s.Helper, helperPrefix))
}

// slowError says that a helper gave no answer in time.
type slowError string

// Error is error's.
func (e slowError) Error() string { return string(e) }

// notFound is what a helper says of a key that it does not hold.
var notFound = credentials.NewErrCredentialsNotFound().Error()

// askHelper gets the credential for key from a helper program. The program gets
// no more than limit: one that waits for a person would hold the command forever.
func askHelper(ctx context.Context, program, key string, limit time.Duration) (types.AuthConfig, error) {
	slow := slowError(fmt.Sprintf("%s%s did not respond within %s", helperWords, program, limit))
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
		return types.AuthConfig{}, errors.Errorf("%s%s printed something other than credentials", helperWords, program)
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
	slow := errors.Errorf("%s did not respond within %s", e.Helper, limit)
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
	var out bounded
	p.cmd.WaitDelay, p.cmd.Stdout = pipeWait, &out
	err := p.cmd.Run()
	if out.full {
		return nil, errors.Errorf("it printed more than %d MB", maxOutput>>20)
	}
	if err != nil && bytes.Contains(out.text, []byte(`"Secret"`)) {
		return nil, err // the output becomes part of the error
	}
	return out.text, err
}

// Input is client.Program's.
func (p *helperProgram) Input(in io.Reader) { p.cmd.Stdin = in }

// bounded takes maxOutput bytes. One more ends the pipe, and with it the program.
type bounded struct {
	text []byte
	full bool
}

// Write is io.Writer's.
func (b *bounded) Write(p []byte) (int, error) {
	if len(b.text)+len(p) > maxOutput {
		b.full = true
		return 0, errors.WithStack(io.ErrShortWrite)
	}
	b.text = append(b.text, p...)
	return len(p), nil
}
