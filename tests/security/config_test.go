package security

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// TestSettingsOfTheBuilder: what buildkitd.toml says of a registry host counts for
// that spelling of it only. The try without credentials therefore never uses a
// mirror nor leaves TLS, whatever is allowed for the host as written.
func TestSettingsOfTheBuilder(t *testing.T) {
	slow(t) // each needs a daemon
	broken := harness.FaultWhen(isManifest, harness.FaultReset())
	missing := harness.FaultWhen(isManifest, harness.FaultStatus(http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown"))
	deny := harness.FaultWhen(isManifest, harness.FaultStatus(http.StatusForbidden, "DENIED", "not here"))
	const mirrors = "[registry.\"%s\"]\n  mirrors = [\"%m\"]\n"
	for _, tc := range []struct {
		name   string
		config string // %s: the host, %m: another registry
		opt    harness.RegistryOpt
		mirror harness.Fault // what the mirror does, if it is one
		login  bool          // for the mirror too
		want   []string      // in the error; empty: rescued
	}{
		// Limits: BuildKit tells only what became of the mirror, so that the refusal
		// behind it is not seen. It ends as upstream.
		{name: "mirror that fails", config: mirrors, mirror: broken, want: []string{"no connection to a mirror of %s (\"%m\") from the builder", "buildkitd.toml of the builder ([registry.\"%s\"]"}},
		{name: "mirror that fails, with a login of its own", config: mirrors, mirror: broken, login: true, want: []string{"no connection to a mirror of %s (\"%m\") from the builder"}},
		{name: "mirror without the image", config: mirrors, mirror: missing, want: []string{"has no such image or tag"}},
		{name: "mirror that refuses too", config: mirrors, mirror: deny, want: []string{"a mirror of %s (\"%m\") denied access", "docker logout %s"}},
		{name: "http", config: "[registry.\"%s\"]\n  http = true\n"},
		{name: "http, no TLS there", config: "[registry.\"%s\"]\n  http = true\n", opt: harness.RegistryOpt{NoTLS: true}, want: []string{
			"rejected the stored credentials", "a private CA or http setting in buildkitd.toml applies only to the host as spelled there",
		}},
		{name: "insecure, no TLS there", config: "[registry.\"%s\"]\n  insecure = true\n  http = true\n", opt: harness.RegistryOpt{NoTLS: true}, want: []string{
			"rejected the stored credentials", "a private CA or http setting in buildkitd.toml applies only to the host as spelled there",
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			each(t, func(t *testing.T, fe harness.Frontend) {
				s, m := newSite(t, "site", tc.opt), newSite(t, "mirror", harness.RegistryOpt{})
				m.SetFault(tc.mirror)
				names := strings.NewReplacer("%s", s.host, "%m", m.host)
				e, c := ownDaemon(t, names.Replace(tc.config))
				logins := []string{s.host}
				if tc.login {
					logins = append(logins, m.host)
				}
				res := world.Solve(t, e, c, harness.SolveInput{Frontend: fe, Files: from(s.base()), DockerConfig: stale(t, e, logins...)})
				requireOwnWay(t, s)
				m.requireNoCredential(t)
				require.Equal(t, tc.mirror == nil, len(m.Requests()) == 0)
				if tc.mirror != nil {
					require.Equal(t, []string{m.host}, m.Requests().Hosts(), "a mirror is asked in no other spelling")
				}
				for _, want := range tc.want {
					require.ErrorContains(t, res.Err, names.Replace(want))
				}
				if len(tc.want) == 0 {
					require.NoError(t, res.Err, "%s", s.Requests())
					require.Equal(t, []string{s.upper}, s.Requests().Blobs().Hosts())
				}
			})
		})
	}
}

// requireOwnWay: only the host as written, and the token service of a registry
// without TLS, get a credential; the other spellings are asked over TLS.
func requireOwnWay(t *testing.T, s site) {
	t.Helper()
	for _, r := range s.Requests() {
		own := r.Host == s.host || r.Host == s.Addr
		require.True(t, own || r.Auth.Anonymous(), "a credential in another spelling: %s", s.Requests())
		require.True(t, own || r.SNI != "", "another spelling without TLS: %s", s.Requests())
	}
}

// TestMirrorThatHasTheImage: then there is nothing to try without credentials.
func TestMirrorThatHasTheImage(t *testing.T) {
	slow(t)
	each(t, func(t *testing.T, fe harness.Frontend) {
		s, m := newSite(t, "site", harness.RegistryOpt{}), newSite(t, "mirror", harness.RegistryOpt{})
		_, err := m.Push(t.Context(), s.repo+":1", world.Base(m.host))
		require.NoError(t, err)
		e, c := ownDaemon(t, "[registry.\""+s.host+"\"]\n  mirrors = [\""+m.host+"\"]\n")
		res := world.Solve(t, e, c, harness.SolveInput{
			Frontend: fe, Files: world.Dockerfile("FROM " + s.base() + "\nRUN true\n"), DockerConfig: stale(t, e, s.host),
		})
		require.NoError(t, res.Err)
		require.Empty(t, s.Requests())
		require.Empty(t, m.Requests().WithCredentials())
		require.Empty(t, world.RefusedWarnings(res))
	})
}

// helperScript is a docker-credential program. It notes which hosts it was asked
// for.
func helperScript(body string) string {
	return "#!/bin/sh\nread host\necho \"$host\" >> \"$(dirname \"$0\")/asked\"\n" + body
}

const answerStale = `printf '{"ServerURL":"%s","Username":"` + harness.GoodUser + `","Secret":"` + harness.StalePassword + `"}' "$host"` + "\n"

// TestCredentialHelpers: the one way in which a try without credentials can carry
// some is a helper that answers for any host. That is noticed, is not called a try
// without credentials, and its answer goes to no other registry.
func TestCredentialHelpers(t *testing.T) {
	for _, tc := range []struct {
		name    string
		body    string
		store   bool // for every host, not only for the site's
		want    string
		not     string
		spelled func(site) string // the spelling that had the image
		sent    func(site) []string
	}{
		{
			name: "for this host, refused", body: answerStale,
			spelled: func(s site) string { return s.upper }, sent: func(s site) []string { return []string{s.host} },
		},
		{
			name: "for every host, refused", body: answerStale, store: true,
			want: "credentials were sent for the host alias too", not: "the anonymous fallback was denied",
			sent: func(s site) []string { return []string{s.host, s.upper, s.upper + ":443", s.host + ":443"} },
		},
		{
			name: "for the host in any letter case", store: true,
			body:    "case \"$host\" in *:443) echo 'credentials not found in native keychain'; exit 1;; esac\n" + answerStale,
			spelled: func(s site) string { return s.upper + ":443" }, sent: func(s site) []string { return []string{s.host, s.upper} },
		},
		{
			name: "broken, for this host", body: "echo no display >&2; echo no display; exit 1\n",
			spelled: func(s site) string { return s.upper }, sent: func(site) []string { return nil },
		},
		{
			name: "broken, for every host", body: "echo no display; exit 1\n", store: true,
			want: "the credential helper for ", not: "docker login", sent: func(site) []string { return nil },
		},
		{
			name: "prints what it should not", body: "echo 'token=hunter2-hunter2-hunter2'; exit 1\n", store: true,
			want: "the credential helper for ", sent: func(site) []string { return nil },
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if strings.HasPrefix(tc.name, "broken") || strings.HasPrefix(tc.name, "prints") {
				slow(t)
			}
			e, c, _ := sharedDaemon(t)
			e.AddSecret(harness.Secret{Name: "output of a helper", Value: "hunter2-hunter2", BuildKitPrints: true})
			s := newSite(t, "site", harness.RegistryOpt{})
			cfg := helperConfig(t, e, s, tc.body, tc.store)
			res := world.Solve(t, e, c, harness.SolveInput{Frontend: shared.Frontends()[0], Files: from(s.base()), DockerConfig: cfg})
			for _, r := range s.Requests().WithCredentials() {
				require.Equal(t, harness.KindToken, r.Kind, "%s", s.Requests())
				require.Equal(t, s.host, r.Host, "the token service is at one place")
			}
			require.Equal(t, len(tc.sent(s)), len(s.Requests().Tokens().WithCredentials().Where(func(r harness.Request) bool { return r.Method == http.MethodGet })),
				"%s", s.Requests())
			s.requireTLS(t)
			if tc.want == "" {
				require.NoError(t, res.Err)
				require.Equal(t, []string{tc.spelled(s)}, s.Requests().Blobs().Hosts())
				require.Empty(t, s.Requests().Blobs().WithCredentials())
				require.Len(t, world.RefusedWarnings(res), 1)
				return
			}
			require.ErrorContains(t, res.Err, tc.want)
			require.NotContains(t, res.Err.Error(), "private, missing")
			if tc.not != "" {
				require.NotContains(t, res.Err.Error(), tc.not)
			}
		})
	}
}

// helperConfig writes a docker-credential program and a configuration that names it, but
// has no helper for the hosts in empty. The frontend runs in this process, so the program
// is found on its PATH.
func helperConfig(t *testing.T, e *harness.Env, s site, body string, store bool, empty ...string) *harness.DockerConfig {
	t.Helper()
	name := "security-" + strings.ReplaceAll(s.host, ".", "-")
	dir, err := e.WriteFiles(map[string]string{"docker-credential-" + name: helperScript(body)})
	require.NoError(t, err)
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	opt := harness.DockerConfigOpt{CredHelpers: map[string]string{s.host: name}}
	if store {
		opt = harness.DockerConfigOpt{CredsStore: name, CredHelpers: map[string]string{}}
	}
	for _, host := range empty {
		opt.CredHelpers[host] = ""
	}
	cfg, err := e.DockerConfig(opt)
	require.NoError(t, err)
	return cfg
}
