package tests

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// sixty is a Dockerfile of 60 references over six registries, with what has to
// come of each.
type sixty struct {
	dockerfile string
	want       map[string]want
}

type want struct {
	outcome report.Outcome
	class   diagnosis.Class
	remedy  string // in the commands and notes
}

// newSixty starts the registries that are not there yet: one that limits, one
// that hangs, one without TLS, one that asks for nothing.
func newSixty(t *testing.T, e *harness.Env, prefix string) *sixty {
	t.Helper()
	for name, set := range map[string]func(*harness.RegistryOpt, *harness.Fault){
		"limit": func(_ *harness.RegistryOpt, f *harness.Fault) {
			*f = harness.FaultStatus(http.StatusTooManyRequests, "TOOMANYREQUESTS", "slow down")
		},
		"hang":  func(_ *harness.RegistryOpt, f *harness.Fault) { *f = harness.FaultHang() },
		"notls": func(o *harness.RegistryOpt, _ *harness.Fault) { o.NoTLS = true },
		"open":  func(o *harness.RegistryOpt, _ *harness.Fault) { o.Mode = harness.ModeOpen },
	} {
		opt := harness.RegistryOpt{Hosts: []string{prefix + name + ".test"}, Mode: harness.ModeToken}
		var fault harness.Fault
		set(&opt, &fault)
		reg, err := e.StartRegistry(t.Context(), opt)
		require.NoError(t, err)
		reg.SetFault(fault)
		t.Cleanup(reg.Disconnect)
	}
	s := &sixty{want: map[string]want{}}
	add := func(n int, ref string, w want) {
		for i := range n {
			name := fmt.Sprintf(ref, i)
			s.want[name] = w
			if len(s.want)%2 == 0 {
				s.dockerfile += "COPY --from=" + name + " / /x/\n"
			} else {
				s.dockerfile += "RUN --mount=from=" + name + ",target=/m true\n"
			}
		}
	}
	for i := range 10 {
		_, err := shared.Hub.Push(t.Context(), fmt.Sprintf("library/sixty:%d", i), world.Base(fmt.Sprint(i)))
		require.NoError(t, err)
		for _, repo := range []string{"sixty/public-%d:1", "sixty/private-%d:1"} {
			_, err = shared.GHCR.Push(t.Context(), fmt.Sprintf(repo, i), world.Base(fmt.Sprint(i)))
			require.NoError(t, err)
		}
	}
	add(10, "docker.io/library/sixty:%d", want{outcome: report.OK})
	add(10, "ghcr.io/sixty/public-%d:1", want{report.OKWithoutCredentials, diagnosis.CredentialsRejected, "docker logout ghcr.io"})
	add(10, "ghcr.io/sixty/private-%d:1", want{report.Failed, diagnosis.CredentialsRejected, "docker login ghcr.io"})
	add(10, prefix+"open.test/missing/image-%d:1", want{report.Failed, diagnosis.NotFound, "typo"})
	add(7, prefix+"limit.test/a/b-%d:1", want{report.Failed, diagnosis.RateLimited, "wait"})
	add(6, prefix+"notls.test/a/b-%d:1", want{report.Failed, diagnosis.TLSFailure, "http = true"})
	add(7, prefix+"hang.test/a/b-%d:1", want{outcome: report.NotChecked})
	require.Len(t, s.want, 60)
	s.dockerfile = "FROM scratch\n" + s.dockerfile
	return s
}

// TestSixtyReferences: one run names every failing image, with the right cause
// and remedy, and a registry that hangs does not hold the answer back.
func TestSixtyReferences(t *testing.T) {
	t.Parallel() // mostly waits, and looks at no requests
	world.Both(t, func(t *testing.T, fe harness.Frontend) {
		t.Parallel()
		e, c := world.Fresh(t)
		s := newSixty(t, e, "sixty-"+fe.Name+"-")
		began := time.Now()
		res := world.Solve(t, e, c, harness.SolveInput{Frontend: fe, Files: world.Dockerfile(s.dockerfile), DockerConfig: world.Stale(t, e)})
		took := time.Since(began)
		require.Error(t, res.Err)
		text := res.Err.Error()
		require.Contains(t, text, "33 of 60 images could not be resolved")
		require.Contains(t, text, "\n\nghcr.io rejected the stored credentials (\"denied\"); the anonymous fallback was denied: private or missing [pullsafe:credentials-rejected/auth-required]\n")
		for _, host := range []string{"open.test has no such image or tag", "-limit.test is exceeded", "TLS verification failed for sixty-" + fe.Name + "-notls.test"} {
			require.Contains(t, text, host)
		}
		require.Contains(t, text, "not checked: no response in time after another image failed")
		for ref, w := range s.want {
			if w.outcome == report.Failed {
				require.Contains(t, text, ref+" ", "every image that failed is named")
			}
		}
		require.Less(t, took, 25*time.Second, "a registry that hangs must not hold the error back")
		require.Len(t, world.RefusedWarnings(res), 1)
	})
}

var escapes = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`)

// terminal is what buildx showed in a terminal, without the sequences that move
// the cursor, when it had failed.
func terminal(t *testing.T, d *harness.Buildkitd, opt harness.CommandOpt) string {
	t.Helper()
	out := world.Terminal(t, d, shared.Pullsafe, opt, 180)
	require.NotZero(t, out.Code)
	return strings.ReplaceAll(escapes.ReplaceAllString(string(out.Stream), ""), "\r", "")
}

// TestTerminal looks at a terminal: the steps and the final error must read the
// same there.
func TestTerminal(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	text := terminal(t, d, harness.CommandOpt{
		Files:        world.Dockerfile("FROM ghcr.io/acme/base:1\nCOPY --from=ghcr.io/acme/private-tools:1 / /x\n"),
		DockerConfig: world.Stale(t, e),
	})
	require.Contains(t, text, "[pullsafe] ghcr.io rejected the stored credentials (\"denied\"). Run: docker logout ghcr.io. Resolved ghcr.io/acme/base:1 without them")
	require.Contains(t, text, "ERROR: failed to build: failed to solve: 1 of 2 images could not be resolved\n\nghcr.io rejected the stored credentials (\"denied\"); the anonymous fallback was denied")
	require.Contains(t, text, "\n  docker logout ghcr.io\n")
	require.Contains(t, text, "RegistryCredentialsRejected: ghcr.io rejected the stored credentials; resolved ghcr.io/acme/base:1 without them.")
}

// TestSixtyReferencesThroughBuildx: the same build as a user sees it, in a log
// and in a terminal.
func TestSixtyReferencesThroughBuildx(t *testing.T) {
	t.Parallel()
	e, _, d := world.FreshDaemon(t)
	s := newSixty(t, e, "buildx-")
	opt := harness.CommandOpt{Files: world.Dockerfile(s.dockerfile), DockerConfig: world.Stale(t, e)}
	plain := world.Buildx(t, d, shared.Pullsafe, opt)
	require.Equal(t, 1, plain.Code)
	for _, text := range []string{plain.Stderr, terminal(t, d, opt)} {
		_, final, ok := strings.Cut(text, "ERROR: failed to build: failed to solve: ")
		require.True(t, ok)
		require.Contains(t, final, "33 of 60 images could not be resolved\n\nghcr.io rejected the stored credentials (\"denied\"); the anonymous fallback was denied")
		require.Contains(t, final, "not checked: no response in time after another image failed")
		require.Contains(t, final, "docker login ghcr.io")
		require.LessOrEqual(t, strings.Count(final, "\n"), 75, "40 images of five causes, each with its remedies")
		require.NotContains(t, final, "oauth token")
	}
}
