package security

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/registry"
	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// requireOrder asserts that the texts stand in an error, one behind the other.
func requireOrder(t *testing.T, err error, texts ...string) {
	t.Helper()
	require.Error(t, err)
	rest := err.Error()
	for _, text := range texts {
		_, after, ok := strings.Cut(rest, text)
		require.True(t, ok, "%q stands nowhere behind the ones before it:\n%s", text, err)
		rest = after
	}
}

// TestClientThatIgnoresLetterCase: it finds the rejected credentials under the alias in
// capitals too, as if they were stored for both. Docker Hub's are stored under another
// name, and are not found in either case.
func TestClientThatIgnoresLetterCase(t *testing.T) {
	each(t, func(t *testing.T, fe harness.Frontend) {
		e, c := world.Fresh(t)
		private := newSite(t, "site", harness.RegistryOpt{})
		for _, tc := range []struct {
			reg        *harness.Registry
			ref, repo  string
			stored     []string
			want       string // the alias that has the image
			aliasTried []string
		}{
			{shared.GHCR, "ghcr.io/acme/base:1", "acme/base", []string{"ghcr.io", "GHCR.IO"}, "GHCR.IO:443", nil},
			{shared.Hub, "alpine:3.23", "library/alpine", []string{harness.HubAuthKey}, "REGISTRY-1.DOCKER.IO", nil},
			{private.Registry, private.base(), private.repo, []string{private.host, private.upper}, private.upper + ":443", []string{private.upper}},
		} {
			t.Run(tc.ref, func(t *testing.T) {
				var dockerfile map[string]string
				if tc.reg == private.Registry {
					dockerfile = from(tc.ref)
				} else {
					dockerfile = world.Dockerfile("FROM " + tc.ref + "\nRUN true\n")
				}
				res := world.Solve(t, e, c, harness.SolveInput{Frontend: fe, Files: dockerfile, DockerConfig: stale(t, e, tc.stored...)})
				world.RequireNoScar(t, res, true)
				world.RequireAnonymousPull(t, tc.reg, tc.repo, tc.want)
				warnings := world.RefusedWarnings(res)
				require.Len(t, warnings, 1)
				require.Contains(t, warnings[0], "rejected the stored credentials")
				manifests := tc.reg.Requests().Manifests(tc.repo).Hosts()
				require.Subset(t, append([]string{tc.want, tc.reg.Host()}, tc.aliasTried...), manifests, "no other alias: %s", tc.reg.Requests())
			})
		}
	})
}

// TestClientThatFindsEveryAlias: credentials are stored for all of them, which ends the
// build with what was seen, and no word on the image.
func TestClientThatFindsEveryAlias(t *testing.T) {
	e := harness.T(t)
	s := newSite(t, "site", harness.RegistryOpt{})
	res := solve(t, shared.Frontends()[0], s, stale(t, e, s.host, s.upper, s.host+":443", s.upper+":443"))
	requireOrder(t, res.Err, s.host+` rejected the stored credentials ("denied"); credentials were sent for the host alias too (from a credential helper, stored for the alias itself, or after a redirect), and rejected ("denied")`,
		"docker logout "+s.host, "docker login "+s.host, `"credHelpers": {"`+s.upper+`": ""}`)
	require.NotContains(t, res.Err.Error(), "private or missing")
	s.requireTLS(t)
}

// onlyFor is a helper that has the stale login for one host, and fails for others as
// those of clouds do.
func onlyFor(host, otherwise string) string {
	return "if [ \"$host\" != '" + host + "' ]; then " + otherwise + "; exit 1; fi\n" + answerStale
}

// TestHelperThatFailsForTheAlias: the helper of every host knows the registry, and not
// its aliases. What it says is told, and the entry that is advised lets the image
// through and leaves the login where it is.
func TestHelperThatFailsForTheAlias(t *testing.T) {
	for name, tc := range map[string]struct{ says, want string }{
		"says why":      {"echo 'no such registry is configured'", `the credential helper failed for the host alias ("no such registry is configured")`},
		"says nothing":  {"true", `the credential helper failed for the host alias ("exit status 1")`},
		"on its stderr": {"echo 'only for people' >&2", `the credential helper failed for the host alias ("exit status 1")`},
	} {
		t.Run(name, func(t *testing.T) {
			e, c, _ := sharedDaemon(t)
			s := newSite(t, "site", harness.RegistryOpt{})
			cfg := helperConfig(t, e, s, onlyFor(s.host, tc.says), true)
			res := world.Solve(t, e, c, harness.SolveInput{Frontend: shared.Frontends()[0], Files: from(s.base()), DockerConfig: cfg})
			advised := `"credHelpers": {"` + s.upper + `": ""}`
			requireOrder(t, res.Err, s.host+" rejected the stored credentials", tc.want, "docker login "+s.host, advised, "docker logout "+s.host)
			require.Equal(t, name != "says why", strings.Contains(res.Err.Error(), "echo "+s.upper+" | docker-credential-X get"))
			require.NotContains(t, res.Err.Error(), "every host")

			s.ResetRequests()
			cfg = helperConfig(t, e, s, onlyFor(s.host, tc.says), true, s.upper)
			res = world.Solve(t, e, c, harness.SolveInput{Frontend: shared.Frontends()[0], Files: from(s.base()), DockerConfig: cfg})
			s.requireRescued(t, res, s.upper)
		})
	}
}

// TestHelperThatFailsForEverything: the empty entry helps here too.
func TestHelperThatFailsForEverything(t *testing.T) {
	e, c, _ := sharedDaemon(t)
	s := newSite(t, "site", harness.RegistryOpt{})
	const body = "echo 'Cannot autolaunch D-Bus without X11 $DISPLAY'; exit 1\n"
	res := world.Solve(t, e, c, harness.SolveInput{Frontend: shared.Frontends()[0], Files: from(s.base()), DockerConfig: helperConfig(t, e, s, body, true)})
	requireOrder(t, res.Err, "the credential helper for "+s.host+" failed", ", for the host alias too: no anonymous attempt was possible",
		"repair the credential helper", `"credHelpers": {"`+s.upper+`": ""}`)
	require.Empty(t, s.Requests().Tokens())

	s.ResetRequests()
	res = world.Solve(t, e, c, harness.SolveInput{
		Frontend: shared.Frontends()[0], Files: from(s.base()), DockerConfig: helperConfig(t, e, s, body, true, registry.FirstAlias(s.host)),
	})
	require.NoError(t, res.Err)
	require.Equal(t, []string{s.upper}, s.Requests().Blobs().Hosts())
	require.Len(t, world.RefusedWarnings(res), 1)
}

// TestHelperOutOfBounds: a helper that prints megabytes, or never ends, does neither
// hang the build nor fill the screen.
func TestHelperOutOfBounds(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		slow       bool
	}{
		{name: "megabytes of failure", body: "head -c 3000000 /dev/zero | tr '\\0' x; exit 1\n"},
		{name: "megabytes of credentials", body: "head -c 3000000 /dev/zero | tr '\\0' x\n"},
		{name: "no end", body: "exec sleep 90\n", slow: true}, // the client waits for a minute
	} {
		for _, all := range []bool{false, true} {
			name := tc.name + ", for this host"
			if all {
				name = tc.name + ", for every host"
			}
			t.Run(name, func(t *testing.T) {
				if tc.slow {
					slow(t)
				}
				e, c, _ := sharedDaemon(t)
				s := newSite(t, "site", harness.RegistryOpt{})
				cfg := helperConfig(t, e, s, tc.body, all)
				ctx, cancel := context.WithTimeoutCause(t.Context(), 5*time.Minute, context.DeadlineExceeded)
				defer cancel()
				res, err := e.Solve(ctx, c, harness.SolveInput{Frontend: shared.Frontends()[0], Files: from(s.base()), DockerConfig: cfg})
				require.NoError(t, err)
				require.NoError(t, context.Cause(ctx), "it hangs")
				switch {
				case tc.slow:
					requireOrder(t, res.Err, "no response from "+s.host+" in time", "echo "+s.host+" | docker-credential-X get")
				case strings.Contains(tc.name, "credentials"):
					// What is no JSON may as well be the registry's: it is BuildKit's error.
					require.ErrorContains(t, res.Err, "invalid character 'x'")
				case all:
					require.ErrorContains(t, res.Err, "the credential helper for "+s.host+" failed")
				default:
					require.NoError(t, res.Err)
				}
				if res.Err != nil {
					require.Less(t, len(res.Err.Error()), 4<<10)
				}
			})
		}
	}
}

// TestRedirectForEver: what redirects in a circle is left after ten requests for each
// alias, and is called what it is.
func TestRedirectForEver(t *testing.T) {
	for _, tc := range []struct {
		name  string
		alias bool // not the host as written
		want  []string
	}{
		{"alias", true, []string{" rejected the stored credentials", "is redirected back to ", "stopped after 10 redirects", "docker logout ", "docker login "}},
		{"host", false, []string{" redirected the request (", "and the redirect failed (\"stopped after 10 redirects\")", "ask the registry's administrator"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := harness.T(t)
			s := newSite(t, "site", harness.RegistryOpt{})
			s.SetFault(func(w http.ResponseWriter, req *http.Request) bool {
				if !strings.HasPrefix(req.URL.Path, "/v2/") || tc.alias && req.Host == s.host {
					return false
				}
				http.Redirect(w, req, "https://"+req.Host+req.URL.Path, http.StatusTemporaryRedirect)
				return true
			})
			res := solve(t, shared.Frontends()[0], s, stale(t, e, s.host))
			requireOrder(t, res.Err, tc.want...)
			require.NotContains(t, res.Err.Error(), "build again: the anonymous")
			require.Less(t, len(s.Requests()), 100, "%s", s.Requests())
			s.requireNoCredential(t)
		})
	}
}

// TestSeveralChallenges: a registry may name more than one way to log in.
func TestSeveralChallenges(t *testing.T) {
	for _, tc := range []struct {
		name   string
		values func(bearer string) []string
		fails  string
	}{
		{name: "Basic, then Bearer", values: func(bearer string) []string { return []string{`Basic realm="x"`, bearer} }},
		{name: "Bearer, then Basic", values: func(bearer string) []string { return []string{bearer, `Basic realm="x"`} }},
		{name: "two Bearers", values: func(bearer string) []string { return []string{bearer, bearer} }},
		{name: "an unknown one first", values: func(bearer string) []string { return []string{`Negotiate`, bearer} }},
		{
			name: "the first Bearer leads nowhere",
			values: func(bearer string) []string {
				return []string{strings.Replace(bearer, "/token", "/nowhere", 1), bearer}
			},
			fails: " rejected the stored credentials (\"unauthorized\")",
		},
		{name: "unknown ones alone", values: func(string) []string { return []string{`Negotiate`, `Digest realm="x"`} }, fails: " denied access"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := harness.T(t)
			s := newSite(t, "site", harness.RegistryOpt{})
			s.SetFault(func(w http.ResponseWriter, req *http.Request) bool {
				if req.Header.Get("Authorization") != "" || !strings.HasPrefix(req.URL.Path, "/v2/") {
					return false
				}
				bearer := `Bearer realm="https://` + s.host + `/token",service="` + s.host + `",scope="repository:` + s.repo + `:pull"`
				for _, v := range tc.values(bearer) {
					w.Header().Add("WWW-Authenticate", v)
				}
				w.WriteHeader(http.StatusUnauthorized)
				return true
			})
			res := solve(t, shared.Frontends()[0], s, stale(t, e, s.host))
			if tc.fails == "" {
				s.requireRescued(t, res, s.upper)
			} else {
				require.ErrorContains(t, res.Err, tc.fails)
				require.ErrorContains(t, res.Err, s.host)
			}
			s.requireNoCredential(t)
			require.Less(t, len(s.Requests()), 60, "%s", s.Requests())
		})
	}
}
