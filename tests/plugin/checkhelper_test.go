package plugin

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// cloud writes a helper as those of clouds are: it makes the stale credentials anew for
// every host, and erases nothing, with the exit status.
func (h *helpers) cloud(t *testing.T, name string, eraseStatus int) {
	t.Helper()
	script := fmt.Sprintf("#!/bin/sh\ncat >/dev/null\n[ $1 = get ] || exit %d\nprintf '{\"Username\":\"%s\",\"Secret\":\"%s\"}'\n", eraseStatus, harness.Stale.User, harness.Stale.Password)
	require.NoError(t, os.WriteFile(filepath.Join(h.dir, "docker-credential-"+name), []byte(script), 0o700))
}

// TestFixAlias: where a helper for all hosts answers or fails for the alias too, --fix has
// docker not ask it for the alias. Then a build goes by that, the credentials stay, and
// what is written is taken back as it says.
func TestFixAlias(t *testing.T) {
	e := harness.T(t)
	h := newHelpers(t, e)
	h.cloud(t, "gcloud", 0)
	for _, tc := range []struct{ helper, remedy string }{
		{"gcloud", "docker-credential-gcloud generates credentials on demand, so docker logout has no effect"},
		{"locked", `repair docker-credential-locked ("the keychain is locked")`},
	} {
		t.Run(tc.helper, func(t *testing.T) {
			cfg, err := e.DockerConfig(harness.DockerConfigOpt{CredsStore: tc.helper, Auths: map[string]harness.Login{"other.test": harness.Stale}})
			require.NoError(t, err)
			before := readConfig(t, cfg)
			opt := harness.CommandOpt{DockerConfig: cfg, Env: h.env()}
			dockerfile := "FROM " + publicImage + "\nCOPY Dockerfile /\n"
			require.NotZero(t, buildWithPullsafe(t, e, cfg, h.env(), dockerfile).Code, "as it is")
			out := fixed(t, e, 1, harness.CommandOpt{DockerConfig: cfg, Env: h.env()}, "--fix=keep-for-push", "--timeout=5s", "ghcr.io/acme/missing:1")
			require.Equal(t, before, readConfig(t, cfg), out.Stderr)

			out = fixed(t, e, 0, opt, "--fix", publicImage)
			require.Contains(t, out.Stdout, `or add it yourself: "credHelpers": {"GHCR.IO:443": ""} in `)
			require.Contains(t, out.Stdout, tc.remedy)
			require.NotRegexp(t, `(?m)^  docker logout`, out.Stdout)
			require.Contains(t, out.Stderr, `  add "credHelpers": {"GHCR.IO:443": ""} to `)
			require.Contains(t, out.Stderr, `Added "credHelpers": {"GHCR.IO:443": ""} to `)
			require.Contains(t, out.Stderr, `To undo it: remove "GHCR.IO:443" under credHelpers from `)
			after := readConfig(t, cfg)
			require.Contains(t, after, `"GHCR.IO:443": ""`)
			require.Contains(t, after, `"credsStore"`)
			require.Contains(t, after, "other.test")

			got := check(t, e, 0, opt, publicImage).References[0]
			require.Equal(t, "GHCR.IO:443", got.Alias)
			built := buildWithPullsafe(t, e, cfg, h.env(), dockerfile)
			require.Zero(t, built.Code, built.Stderr)
			out = fixed(t, e, map[string]int{"gcloud": 2, "locked": 0}[tc.helper], opt, "--fix", publicImage)
			require.Equal(t, after, readConfig(t, cfg), "there is no more to do: %s", out.Stderr)
		})
	}
}

// TestFixHelpersOfClouds: they cannot erase, whatever they say, so --fix does not try,
// says what works, and fails.
func TestFixHelpersOfClouds(t *testing.T) {
	e := harness.T(t)
	for helper, eraseStatus := range map[string]int{"gcloud": 0, "ecr-login": 1, "gcr": 1, "acr-env": 1} {
		t.Run(helper, func(t *testing.T) {
			h := newHelpers(t, e)
			h.cloud(t, helper, eraseStatus)
			cfg, err := e.DockerConfig(harness.DockerConfigOpt{CredHelpers: map[string]string{"ghcr.io": helper}})
			require.NoError(t, err)
			opt := harness.CommandOpt{DockerConfig: cfg, Env: h.env()}
			before := readConfig(t, cfg)
			out := fixed(t, e, 2, opt, "--fix", publicImage, privateImage)
			require.Contains(t, out.Stdout, "via GHCR.IO:443")
			require.Contains(t, out.Stderr, "docker-credential-"+helper+" cannot erase credentials, it generates them on demand")
			require.Contains(t, out.Stderr, `"credHelpers": {"ghcr.io": ""}`)
			require.NotContains(t, out.Stdout, "docker logout ghcr.io")
			require.Equal(t, before, readConfig(t, cfg))
			fixed(t, e, 1, harness.CommandOpt{DockerConfig: cfg, Env: append(h.env(), "BUILDX_CONFIG="+t.TempDir())}, "--fix=keep-for-push", publicImage, privateImage)
		})
	}
}

// TestHelperWithoutWords: of a helper that says nothing, the way to find out is told.
func TestHelperWithoutWords(t *testing.T) {
	e := harness.T(t)
	h := newHelpers(t, e)
	require.NoError(t, os.WriteFile(filepath.Join(h.dir, "docker-credential-mute"), []byte("#!/bin/sh\ncat >/dev/null\nexit 1\n"), 0o700))
	for _, tc := range []struct {
		config harness.DockerConfigOpt
		want   string
	}{
		{harness.DockerConfigOpt{CredsStore: "mute"}, `or pull and push without credentials: add "credHelpers": {"ghcr.io": ""} to `},
		{harness.DockerConfigOpt{CredHelpers: map[string]string{"ghcr.io": "mute"}}, `or remove "ghcr.io" under credHelpers from `},
	} {
		cfg, err := e.DockerConfig(tc.config)
		require.NoError(t, err)
		out := runPlugin(t, e, harness.CommandOpt{DockerConfig: cfg, Env: h.env(), Args: []string{"check", publicImage}})
		require.Contains(t, out.Stdout, "echo ghcr.io | docker-credential-mute get")
		require.Contains(t, out.Stdout, tc.want)
		require.NotContains(t, out.Stdout, "were rejected")
		require.Contains(t, out.Stdout, "A credential helper failed for 1 image that can be pulled without credentials.")
	}
}

// TestHelperWithoutEnd: what a helper prints is bounded, and how long it may take.
func TestHelperWithoutEnd(t *testing.T) {
	e := harness.T(t)
	h := newHelpers(t, e)
	require.NoError(t, os.WriteFile(filepath.Join(h.dir, "docker-credential-flood"), []byte("#!/bin/sh\ncat >/dev/null\nexec yes 0123456789\n"), 0o700))
	cfg, err := e.DockerConfig(harness.DockerConfigOpt{CredHelpers: map[string]string{"ghcr.io": "flood"}})
	require.NoError(t, err)
	got := check(t, e, 0, harness.CommandOpt{DockerConfig: cfg, Env: h.env()}, publicImage)
	require.Contains(t, got.Registries[0].Answer, "it printed more than 1 MB")
	require.Equal(t, "GHCR.IO:443", got.References[0].Alias)
}

// TestLoginIsTested: a token service that gives anonymous tokens for a wrong password, as
// Harbor's does, accepts nothing; GET /v2/ tells, which is asked once, and not where an
// image tells it already.
func TestLoginIsTested(t *testing.T) {
	e := harness.T(t)
	pings := func() harness.Requests {
		return shared.GHCR.Requests().Where(func(r harness.Request) bool { return r.Kind == harness.KindPing })
	}
	t.Cleanup(func() { shared.GHCR.SetFault(nil) })
	for _, tc := range []struct {
		name    string
		login   harness.Login
		fault   harness.Fault
		refs    []string
		code    int
		verdict string
		pings   int
		table   string
	}{
		{"good, public", harness.Good, nil, []string{publicImage, "ghcr.io/acme/base:1"}, 0, "accepted", 2, "accepted"},
		{"good, private", harness.Good, nil, []string{publicImage, privateImage}, 0, "accepted", 0, "accepted"},
		{
			"wrong, tokens for all", harness.Stale, tokensForAll,
			[]string{publicImage, "ghcr.io/acme/base:1"},
			0, "login-rejected", 2, `REJECTED by GET /v2/ ("401 Unauthorized"), images resolve`,
		},
		{"GET /v2/ is open", harness.Good, func(_ http.ResponseWriter, req *http.Request) bool {
			return req.URL.Path == "/v2/"
		}, []string{publicImage}, 0, "not-rejected", 1, "not rejected: GET /v2/ asks for none"},
		{"GET /v2/ fails", harness.Good, func(w http.ResponseWriter, req *http.Request) bool {
			if req.URL.Path == "/v2/" {
				w.WriteHeader(http.StatusBadGateway)
				return true
			}
			return false
		}, []string{publicImage}, 0, "not-rejected", 1, `not rejected, not tested ("502 Bad Gateway")`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			shared.GHCR.SetFault(tc.fault)
			cfg := world.StaleLogin(t, e, "ghcr.io")
			if tc.login == harness.Good {
				cfg = world.Good(t, e)
			}
			got := check(t, e, tc.code, harness.CommandOpt{DockerConfig: cfg}, tc.refs...)
			require.Equal(t, tc.verdict, got.Registries[0].Credential.Verdict)
			require.Len(t, pings(), tc.pings)
			before := readConfig(t, cfg)
			out := fixed(t, e, tc.code, harness.CommandOpt{DockerConfig: cfg}, append([]string{"--fix"}, tc.refs...)...)
			t.Log("\n" + out.Stdout)
			require.Contains(t, out.Stdout, tc.table)
			require.Equal(t, before, readConfig(t, cfg), "no build fails because of them")
		})
	}
}

// tokensForAll gives an anonymous token for any credentials, and lets nobody in at GET
// /v2/ with one.
func tokensForAll(w http.ResponseWriter, req *http.Request) bool {
	switch {
	case req.TLS == nil: // the request below
		return false
	case req.URL.Path == "/v2/":
		if req.Header.Get("Authorization") != "" {
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		return false
	case req.URL.Path != "/token" || req.Method != http.MethodGet:
		return false
	}
	anonymous, err := http.NewRequestWithContext(req.Context(), http.MethodGet, "http://"+shared.GHCR.Addr+req.URL.RequestURI(), http.NoBody)
	if err != nil {
		return false
	}
	resp, err := http.DefaultTransport.RoundTrip(anonymous)
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body)
	return true
}

// TestSeveralChallenges: of several the one that BuildKit takes is answered.
func TestSeveralChallenges(t *testing.T) {
	e := harness.T(t)
	shared.GHCR.SetFault(func(w http.ResponseWriter, req *http.Request) bool {
		if !strings.HasPrefix(req.Header.Get("Authorization"), "Bearer ") && strings.Contains(req.URL.Path, "/manifests/") {
			w.Header().Add("WWW-Authenticate", `Negotiate`)
			w.Header().Add("WWW-Authenticate", `Basic realm="x"`)
			w.Header().Add("WWW-Authenticate", `Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:astral-sh/uv:pull"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		return false
	})
	t.Cleanup(func() { shared.GHCR.SetFault(nil) })
	got := check(t, e, 0, harness.CommandOpt{DockerConfig: world.Good(t, e)}, publicImage)
	require.Equal(t, "ok", got.References[0].With)
	require.Equal(t, "accepted", got.References[0].Credential.Verdict)
}

// TestRedirectsForEver end, and say so.
func TestRedirectsForEver(t *testing.T) {
	e := harness.T(t)
	shared.GHCR.SetFault(func(w http.ResponseWriter, req *http.Request) bool {
		http.Redirect(w, req, "https://"+req.Host+req.URL.Path, http.StatusTemporaryRedirect)
		return true
	})
	t.Cleanup(func() { shared.GHCR.SetFault(nil) })
	start := time.Now()
	got := check(t, e, 1, harness.CommandOpt{DockerConfig: world.Stale(t, e)}, publicImage)
	require.Contains(t, got.References[0].Explanation, "stopped after 10 redirects")
	require.Less(t, time.Since(start), time.Minute, "it ends")
	require.Less(t, len(shared.GHCR.Requests()), 100)
}
