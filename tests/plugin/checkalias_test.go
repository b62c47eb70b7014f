package plugin

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// answersOnly is a proxy that answers requests for hosts that ok does not know.
func answersOnly(answer http.HandlerFunc, ok ...string) harness.Fault {
	return func(w http.ResponseWriter, req *http.Request) bool {
		if req.Host == "ghcr.io" || slices.Contains(ok, req.Host) {
			return false
		}
		answer(w, req)
		return true
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func redirect(w http.ResponseWriter, req *http.Request) {
	http.Redirect(w, req, "https://ghcr.io"+req.URL.RequestURI(), http.StatusMovedPermanently)
}

// TestCheckAgreesWithPullsafe: what check says of a host alias is what a build with
// pullsafe does with the same configuration and the same proxy in front of the registry.
func TestCheckAgreesWithPullsafe(t *testing.T) {
	e := harness.T(t)
	h := newHelpers(t, e)
	stale := harness.DockerConfigOpt{Auths: map[string]harness.Login{"ghcr.io": harness.Stale}}
	store := func(helper string, silent ...string) harness.DockerConfigOpt {
		o := harness.DockerConfigOpt{CredsStore: helper, CredHelpers: map[string]string{}}
		for _, host := range silent {
			o.CredHelpers[host] = ""
		}
		return o
	}
	for i, tc := range []struct {
		name    string
		config  harness.DockerConfigOpt
		proxy   harness.Fault
		alias   string // "" for a build that fails
		table   string
		explain string
	}{
		{"all are served", stale, nil, "GHCR.IO:443", "via GHCR.IO:443 ", ""},
		{"404 for capitals", stale, answersOnly(status(http.StatusNotFound), "ghcr.io:443"), "ghcr.io:443", "via ghcr.io:443 ", ""},
		{"404", stale, answersOnly(status(http.StatusNotFound)), "", "no alias is served", `no host alias is served`},
		{"helper fails for all hosts", store("locked"), nil, "", "blocked by docker-credential-locked", "and for the host alias GHCR.IO:443, under which the image resolves without credentials"},
		{"helper fails, but is not asked for one alias", store("locked", "GHCR.IO"), nil, "GHCR.IO", "via GHCR.IO ", ""},
		{"helper answers for all hosts", store("stale"), nil, "", "blocked by docker-credential-stale", "docker-credential-stale answers for the host alias GHCR.IO:443 too"},
		{"503 for capitals", stale, answersOnly(status(http.StatusServiceUnavailable), "ghcr.io:443"), "ghcr.io:443", "via ghcr.io:443 ", ""},
		{"421", stale, answersOnly(status(http.StatusMisdirectedRequest)), "", `asked: GHCR.IO:443 ("421`, "no host alias is served"},
		{"400 for each port", stale, answersOnly(status(http.StatusBadRequest), "GHCR.IO"), "GHCR.IO", "via GHCR.IO ", ""},
		{"redirect", stale, answersOnly(redirect), "", `asked: GHCR.IO:443 ("301`, "no host alias is served"},
		{"a login under one alias too", harness.DockerConfigOpt{Auths: map[string]harness.Login{"ghcr.io": harness.Stale, "GHCR.IO:443": harness.Stale}}, nil, "ghcr.io:443", "via ghcr.io:443 ", ""},
		{"helper answers, but is not asked for one alias", store("stale", "GHCR.IO"), nil, "GHCR.IO", "via GHCR.IO ", ""},
	} {
		if i >= 6 && !world.Full() {
			break
		}
		t.Run(tc.name, func(t *testing.T) {
			shared.GHCR.SetFault(tc.proxy)
			t.Cleanup(func() { shared.GHCR.SetFault(nil) })
			cfg, err := e.DockerConfig(tc.config)
			require.NoError(t, err)
			opt := harness.CommandOpt{DockerConfig: cfg, Env: h.env()}
			code, outcome := 1, "failed"
			if tc.alias != "" {
				code, outcome = 0, "ok-without-credentials"
			}
			got := check(t, e, code, opt, publicImage).References[0]
			require.Equal(t, outcome, got.Outcome)
			require.Equal(t, tc.alias, got.Alias)
			require.Equal(t, "ok", got.Without)
			require.Contains(t, got.Explanation, tc.explain)
			requireVersions(t)
			opt.Args = []string{"check", publicImage}
			table := runPlugin(t, e, opt)
			require.Contains(t, table.Stdout, tc.table)

			asked := shared.GHCR.Requests().Manifests().Hosts()
			out := buildWithPullsafe(t, e, cfg, h.env(), "FROM "+publicImage+"\nCOPY Dockerfile /\n")
			require.Equal(t, tc.alias != "", out.Code == 0, out.Stderr)
			require.Equal(t, shared.GHCR.Requests().Manifests().Hosts(), asked, "a build asks the same hosts")
			if tc.alias != "" {
				require.NotEmpty(t, shared.GHCR.Requests().Blobs().Where(func(r harness.Request) bool { return r.Host == tc.alias }))
			}
		})
	}
}

// requireVersions: as in a build, the registry is asked by HTTP/1.1 and the token service
// by HTTP/2.
func requireVersions(t *testing.T) {
	t.Helper()
	for _, r := range shared.GHCR.Requests() {
		want := "HTTP/1.1"
		if r.Kind == harness.KindToken {
			want = "HTTP/2.0"
		}
		require.Equal(t, want, r.Proto, r.Path)
		require.Equal(t, strings.Split(r.Host, ":")[0], r.SNI, "as the host is spelled")
	}
}

// buildWithPullsafe builds on a daemon of its own.
func buildWithPullsafe(t *testing.T, e *harness.Env, cfg *harness.DockerConfig, env []string, dockerfile string) *harness.Output {
	t.Helper()
	_, _, d := world.FreshDaemon(t)
	run := func(args ...string) *harness.Output {
		out, err := e.Run(t.Context(), e.Tools.Path(harness.ToolBuildx), harness.CommandOpt{
			Args: args, DockerConfig: cfg, Env: env, Files: world.Dockerfile(dockerfile),
		})
		require.NoError(t, err)
		return out
	}
	out := run("create", "--name", "pullsafe", "--driver", "remote", d.Addr)
	require.Zero(t, out.Code, out.Stderr)
	defer run("rm", "-f", "pullsafe")
	shared.Reset()
	return run("build", "--builder", "pullsafe", "--progress=plain", "--build-arg=BUILDKIT_SYNTAX="+shared.Pullsafe, ".")
}
