package world

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend"
	"github.com/org/pullsafe/tests/harness"
)

// UVDockerfile is the reported case.
const UVDockerfile = `FROM alpine:3.23
COPY --from=ghcr.io/astral-sh/uv:0.7.1 /uv /uvx /bin/
RUN uv > /version
`

// RequireAnonymousPull asserts what the registry saw of a repository that was
// pulled in spite of a refused login: the login once at the token service, and
// nobody's credentials in anything that came after.
func RequireAnonymousPull(t *testing.T, reg *harness.Registry, repository string, wantHost string) {
	t.Helper()
	seen := reg.Requests()
	require.NotEmpty(t, seen.WithCredentials(), "the login was not tried")
	require.Empty(t, seen.Manifests(repository).WithCredentials(), "%s", seen)
	require.Empty(t, seen.Blobs(repository).WithCredentials(), "%s", seen)
	require.NotEmpty(t, seen.Blobs(repository), "%s", seen)
	for _, r := range seen {
		if r.Host == wantHost {
			require.True(t, r.Auth.Anonymous(), "credentials went to %s: %s", wantHost, seen)
		}
	}
	for _, r := range seen.Blobs(repository) {
		require.Equal(t, wantHost, r.Host)
	}
}

// StepOfFallback begins the name of the step that tells of an anonymous fallback.
const StepOfFallback = "[pullsafe] "

// RequireNoScar asserts that a build that went through looks like one: no step
// failed, and none bears a host alias. Where it fell back, a step says so.
func RequireNoScar(t *testing.T, res *harness.Result, fellBack bool) {
	t.Helper()
	require.NoError(t, res.Err)
	for _, v := range res.Vertexes {
		require.Empty(t, v.Error, v.Name)
		require.NotContains(t, v.Name, "GHCR.IO", "steps must keep the name that the user wrote")
	}
	require.Equal(t, fellBack, res.Vertex(StepOfFallback) != nil, "%q", res.Names())
}

// RefusedWarnings leaves out what upstream's linter has to say.
func RefusedWarnings(res *harness.Result) []string {
	var out []string
	for _, w := range res.Warnings {
		if strings.HasPrefix(string(w.Short), frontend.RuleCredentialsRejected) {
			out = append(out, string(w.Short))
		}
	}
	return out
}

// Stale is StaleLogin for ghcr.io.
func Stale(t *testing.T, e *harness.Env) *harness.DockerConfig {
	t.Helper()
	return StaleLogin(t, e, "ghcr.io")
}

// Good is GoodLogin for ghcr.io.
func Good(t *testing.T, e *harness.Env) *harness.DockerConfig {
	t.Helper()
	return GoodLogin(t, e, "ghcr.io")
}

// Terminal is Buildx in a terminal that is so many columns wide.
func Terminal(t *testing.T, d *harness.Buildkitd, image string, opt harness.CommandOpt, columns uint16) *harness.TerminalOutput {
	t.Helper()
	opt.Args = []string{"build", "--progress=tty", "--build-arg", "BUILDKIT_SYNTAX=" + image, "."}
	out, err := d.BuildxTerminal(t.Context(), opt, columns, 50)
	require.NoError(t, err)
	return out
}

// Buildx runs the real buildx with the frontend of the given image.
func Buildx(t *testing.T, d *harness.Buildkitd, image string, opt harness.CommandOpt, args ...string) *harness.Output {
	t.Helper()
	opt.Args = append([]string{"build", "--progress=plain", "--build-arg", "BUILDKIT_SYNTAX=" + image}, args...)
	opt.Args = append(opt.Args, ".")
	opt.Env = append(opt.Env, "NO_COLOR=1")
	out, err := d.Buildx(t.Context(), opt)
	require.NoError(t, err)
	return out
}
