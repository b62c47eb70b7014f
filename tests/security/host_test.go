package security

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// redirect sends what when matches to another place; to is made of the path.
func redirect(status int, when func(*http.Request) bool, to func(path string) string) harness.Fault {
	return harness.FaultWhen(when, func(w http.ResponseWriter, req *http.Request) bool {
		http.Redirect(w, req, to(req.URL.Path), status)
		return true
	})
}

// authorized: the registry itself answers what has no token, with a challenge.
func authorized(when func(*http.Request) bool) func(*http.Request) bool {
	return func(req *http.Request) bool { return req.Header.Get("Authorization") != "" && when(req) }
}

func solve(t *testing.T, fe harness.Frontend, s site, cfg *harness.DockerConfig) *harness.Result {
	t.Helper()
	e, c, _ := sharedDaemon(t)
	return world.Solve(t, e, c, harness.SolveInput{Frontend: fe, Files: from(s.base()), DockerConfig: cfg})
}

const signature = "X-Amz-Signature=5ec7e75161a7e0f5164ed0123456789abcdef"

// TestBlobsOnAnotherHost: the registry sends the layers to a store by signed URLs,
// as the public ones do. The store gets no credential; the signature is printed
// nowhere (harness.Main looks for it).
func TestBlobsOnAnotherHost(t *testing.T) {
	each(t, func(t *testing.T, fe harness.Frontend) {
		e := harness.T(t)
		s, store := newSite(t, "site", harness.RegistryOpt{}), newSite(t, "store", harness.RegistryOpt{Mode: harness.ModeOpen})
		e.AddSecret(harness.Secret{Name: "signature of a URL", Value: signature})
		s.SetFault(redirect(http.StatusTemporaryRedirect, authorized(isBlob), func(path string) string {
			return "https://" + store.host + path + "?" + signature
		}))
		// A login for the store itself must stay at home too.
		res := solve(t, fe, s, stale(t, e, s.host, store.host))
		s.requireRescued(t, res, s.upper)
		s.requireNoCredential(t)
		require.NotEmpty(t, store.Requests().Blobs(s.repo))
		for _, r := range store.Requests() {
			require.Equal(t, harness.AuthNone, r.Auth, "%s", store.Requests())
			require.Contains(t, r.Query, signature)
		}
		s.requireTLS(t)
		store.requireTLS(t)
	})
}

// TestBlobsOnABrokenHost: what BuildKit says of a store that fails has the signed
// URL in it. The configuration is part of the metadata, whose errors pullsafe puts
// in its own words; an error of a layer is BuildKit's, as it is upstream.
func TestBlobsOnABrokenHost(t *testing.T) {
	slow(t)
	for _, layers := range []bool{false, true} {
		each(t, func(t *testing.T, fe harness.Frontend) {
			e := harness.T(t)
			s, store := newSite(t, "site", harness.RegistryOpt{}), newSite(t, "store", harness.RegistryOpt{Mode: harness.ModeOpen})
			query := "X-Amz-Signature=b40ce5161a7e0f5164ed" + s.host + strconv.FormatBool(layers)
			if !layers {
				e.AddSecret(harness.Secret{Name: "signature of a broken store", Value: query, BuildKitPrints: true})
			}
			s.SetFault(redirect(http.StatusTemporaryRedirect, authorized(isBlob), func(path string) string {
				return "https://" + store.host + path + "?" + query
			}))
			first := sync.OnceValue(func() bool { return true })
			served := ""
			store.SetFault(func(w http.ResponseWriter, req *http.Request) bool {
				if first() && layers && (served == "" || served == req.URL.Path) {
					served = req.URL.Path // the configuration is asked for first
					return false
				}
				return harness.FaultStatus(http.StatusForbidden, "DENIED", "Request has expired")(w, req)
			})
			res := solve(t, fe, s, stale(t, e, s.host))
			require.Error(t, res.Err)
			require.NotEmpty(t, store.Requests())
			require.Empty(t, store.Requests().WithCredentials())
			s.requireNoCredential(t)
			if !layers {
				require.NotContains(t, res.Err.Error(), query)
				return
			}
			// It comes from the daemon after the frontend has ended, in no words of ours.
			s.ResetRequests()
			up := solve(t, harness.Frontend{Image: shared.Upstream}, s, nil)
			require.ErrorContains(t, up.Err, query, "upstream prints it too")
		})
	}
}

// realm answers a request without a token with a challenge of the test's own.
func realm(value string) harness.Fault {
	return func(w http.ResponseWriter, req *http.Request) bool {
		if req.Header.Get("Authorization") != "" || !strings.HasPrefix(req.URL.Path, "/v2/") {
			return false
		}
		w.Header().Set("WWW-Authenticate", value)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
}

// TestTokensOnAnotherHost: the token service is at home elsewhere, and the user
// has a login for that host too. The first try sends the registry's login there,
// as the client always does; the try without credentials sends none of the two.
func TestTokensOnAnotherHost(t *testing.T) {
	for _, realmLogin := range []harness.Login{harness.Stale, harness.Good} {
		each(t, func(t *testing.T, fe harness.Frontend) {
			e := harness.T(t)
			s := newSite(t, "site", harness.RegistryOpt{TokenHost: "own"})
			tokens := s.tokenHost(t)
			cfg, err := e.DockerConfig(harness.DockerConfigOpt{Auths: map[string]harness.Login{
				s.host: harness.Stale, tokens: {User: "somebody-else", Password: realmLogin.Password},
			}})
			require.NoError(t, err)
			res := solve(t, fe, s, cfg)
			s.requireRescued(t, res, s.upper)
			s.requireNoCredential(t, tokens)
			s.requireTLS(t)
			asked := s.Requests().Tokens()
			require.Equal(t, []string{tokens}, asked.Hosts())
			require.NotEmpty(t, asked.WithCredentials())
			last := -1
			for i, r := range s.Requests() {
				if !r.Auth.Anonymous() {
					last = i
				}
				require.NotEqual(t, "somebody-else", r.User)
				require.NotEqual(t, harness.AuthTokenUnknown, r.Auth)
			}
			for i, r := range s.Requests() {
				require.False(t, r.Host == s.upper && i < last, "a credential after the try without began: %s", s.Requests())
			}
		})
	}
}

// tokenHost is the host of the token service that newSite made.
func (s site) tokenHost(t *testing.T) string {
	t.Helper()
	return strings.Replace(s.host, "site-", "auth-site.", 1)
}

// TestTokensWithoutTLS: a registry on TLS whose token service is not. The client
// follows it with a stored login, also upstream; the try without credentials asks
// for its token there, because nothing else gives one, but sends no credential,
// and everything else stays on TLS.
func TestTokensWithoutTLS(t *testing.T) {
	slow(t)
	each(t, func(t *testing.T, fe harness.Frontend) {
		e := harness.T(t)
		s := newSite(t, "site", harness.RegistryOpt{})
		s.SetFault(realm(`Bearer realm="http://` + s.host + `/token",service="` + s.host + `",scope="repository:` + s.repo + `:pull"`))
		up := solve(t, harness.Frontend{Image: shared.Upstream}, s, stale(t, e, s.host))
		require.Error(t, up.Err)
		upstream := s.Requests().WithCredentials()
		s.ResetRequests()
		res := solve(t, fe, s, stale(t, e, s.host))
		s.requireRescued(t, res, s.upper)
		require.Len(t, s.Requests().WithCredentials(), len(upstream), "no more than upstream: %s", s.Requests())
		for _, r := range s.Requests() {
			require.True(t, r.SNI != "" || r.Kind == harness.KindToken, "%s", s.Requests())
		}
	})
}

// TestWithoutTLSOnThatPort: a registry that lost its TLS. No spelling may be taken
// for one without.
func TestWithoutTLSOnThatPort(t *testing.T) {
	harness.T(t)
	each(t, func(t *testing.T, fe harness.Frontend) {
		s := newSite(t, "site", harness.RegistryOpt{NoTLS: true})
		res := solve(t, fe, s, stale(t, harness.T(t), s.host))
		require.ErrorContains(t, res.Err, "TLS verification failed for "+s.host)
		require.Nil(t, res.Vertex(world.StepOfFallback))
		require.Empty(t, s.Requests(), "a request without TLS")
	})
}

// TestSpellingLosesTLS: the first try is refused over TLS; behind the other
// spelling there is none.
func TestSpellingLosesTLS(t *testing.T) {
	slow(t)
	each(t, func(t *testing.T, fe harness.Frontend) {
		e := harness.T(t)
		s := newSite(t, "site", harness.RegistryOpt{})
		plain := newSite(t, "plain", harness.RegistryOpt{NoTLS: true, Mode: harness.ModeOpen})
		s.SetFault(harness.FaultWhen(func(req *http.Request) bool {
			return req.Host != s.host && !strings.HasSuffix(req.URL.Path, "/token")
		}, redirect(http.StatusTemporaryRedirect, func(*http.Request) bool { return true }, func(path string) string {
			return "https://" + plain.host + path
		})))
		res := solve(t, fe, s, stale(t, e, s.host))
		require.ErrorContains(t, res.Err, s.host+" rejected the stored credentials")
		require.Empty(t, plain.Requests())
		s.requireNoCredential(t)
	})
}

// TestSpellingLeadsBack: a registry that redirects the other spelling to its own
// name. BuildKit follows it, and there it has credentials again. They go where
// they went before, over TLS, and the result is not called one without them.
func TestSpellingLeadsBack(t *testing.T) {
	for _, tc := range []struct {
		name   string
		status int
		mode   harness.Mode
		port   bool // the aliases with a port lead back too
	}{
		{name: "301", status: http.StatusMovedPermanently, mode: harness.ModeToken, port: true},
		{name: "308", status: http.StatusPermanentRedirect, mode: harness.ModeToken, port: true},
		{name: "letter case only", status: http.StatusTemporaryRedirect, mode: harness.ModeToken},
		{name: "basic", status: http.StatusTemporaryRedirect, mode: harness.ModeBasic, port: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			each(t, func(t *testing.T, fe harness.Frontend) {
				e := harness.T(t)
				s := newSite(t, "site", harness.RegistryOpt{Mode: tc.mode, Access: access(tc.mode)})
				back := func(req *http.Request) bool {
					return strings.HasPrefix(req.URL.Path, "/v2/") && (req.Host == s.upper || tc.port && strings.HasSuffix(req.Host, ":443"))
				}
				s.SetFault(redirect(tc.status, back, func(path string) string { return "https://" + s.host + path }))
				res := solve(t, fe, s, stale(t, e, s.host))
				if tc.port {
					// BuildKit tells of a redirect only where no token was asked for.
					say := "; credentials were sent for the host alias too (from a credential helper, stored for the alias itself, or after a redirect)"
					if tc.mode == harness.ModeBasic {
						say = "; the host alias is redirected back to " + s.host
					}
					requireOrder(t, res.Err, say, "docker logout "+s.host, "docker login "+s.host)
					require.NotContains(t, res.Err.Error(), "the anonymous fallback was denied")
				} else {
					s.requireRescued(t, res, s.upper+":443")
				}
				s.requireNoCredential(t)
				s.requireTLS(t)
			})
		})
	}
}

// access lets nobody in without a login where the answer to that is a Basic
// challenge: a registry that lets everybody in never asks for one.
func access(mode harness.Mode) func(user, repository string) bool {
	if mode == harness.ModeBasic {
		return func(user, _ string) bool { return user != "" }
	}
	return nil
}

// TestSpellingLeadsOutOfTLS: the same without TLS. A frontend cannot see where
// BuildKit is sent, nor stop it. What must hold: nothing is done there that
// BuildKit does not do for a reference in that spelling whichever frontend builds,
// and nothing is pulled.
func TestSpellingLeadsOutOfTLS(t *testing.T) {
	slow(t)
	for _, mode := range []harness.Mode{harness.ModeToken, harness.ModeBasic} {
		t.Run(string(mode), func(t *testing.T) {
			each(t, func(t *testing.T, fe harness.Frontend) {
				e, c, _ := sharedDaemon(t)
				s := newSite(t, "site", harness.RegistryOpt{Mode: mode, Access: access(mode)})
				s.SetFault(redirect(http.StatusTemporaryRedirect, func(req *http.Request) bool {
					return strings.HasPrefix(req.URL.Path, "/v2/") && req.TLS != nil && req.Host != s.host
				}, func(path string) string { return "http://" + s.host + path }))
				res := solve(t, fe, s, stale(t, e, s.host))
				require.Regexp(t, regexp.QuoteMeta(s.host)+" (rejected the stored credentials|denied access)", res.Err.Error())
				require.Empty(t, s.Requests().Blobs())
				plain := withoutTLS(s)

				var upstream []string
				for _, host := range []string{s.upper, s.host + ":443", s.upper + ":443"} {
					s.ResetRequests()
					up := world.Solve(t, e, c, harness.SolveInput{
						Frontend: harness.Frontend{Image: shared.Upstream}, Files: from(host + "/" + s.repo + ":1"),
						DockerConfig: stale(t, e, s.host),
					})
					require.Error(t, up.Err)
					upstream = append(upstream, withoutTLS(s)...)
				}
				require.Subset(t, upstream, plain)
			})
		})
	}
}

// withoutTLS are the requests that came with a credential and without TLS.
func withoutTLS(s site) []string {
	var out []string
	for _, r := range s.Requests().WithCredentials() {
		if r.SNI == "" {
			out = append(out, r.Host+" "+r.Method+" "+r.Path+" "+string(r.Auth))
		}
	}
	return out
}

// TestNoChallenge: a registry that answers 401 and does not say how to log in.
func TestNoChallenge(t *testing.T) {
	for _, everywhere := range []bool{true, false} {
		each(t, func(t *testing.T, fe harness.Frontend) {
			e := harness.T(t)
			s := newSite(t, "site", harness.RegistryOpt{Mode: harness.ModeOpen})
			s.SetFault(harness.FaultWhen(func(req *http.Request) bool { return everywhere || req.Host == s.host },
				func(w http.ResponseWriter, _ *http.Request) bool {
					w.WriteHeader(http.StatusUnauthorized)
					return true
				}))
			res := solve(t, fe, s, stale(t, e, s.host))
			require.Empty(t, s.Requests().WithCredentials(), "%s", s.Requests())
			if everywhere {
				require.ErrorContains(t, res.Err, s.host+" denied access (\"401 Unauthorized\"); the anonymous fallback was denied")
				return
			}
			require.NoError(t, res.Err)
			require.Equal(t, []string{s.upper}, s.Requests().Blobs().Hosts())
		})
	}
}

// TestEverySpellingRefused: a registry, or what stands before it, that knows only
// its own name.
func TestEverySpellingRefused(t *testing.T) {
	for status, want := range map[int]string{
		http.StatusServiceUnavailable: `; the anonymous fallback failed ("503 Service Unavailable`,
		http.StatusBadRequest:         `; no host alias of HOST is served ("400 Bad Request`,
		http.StatusMisdirectedRequest: `; no host alias of HOST is served ("421 Misdirected Request`,
		http.StatusNotFound:           "; the anonymous fallback found no such image: missing, hidden, or a proxy in front of the registry does not know the host alias",
	} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			if status == http.StatusServiceUnavailable {
				slow(t)
			}
			each(t, func(t *testing.T, fe harness.Frontend) {
				var s site
				s = newSite(t, "site", harness.RegistryOpt{RefuseHost: func(host string) int {
					if host == s.host {
						return 0
					}
					return status
				}})
				res := solve(t, fe, s, stale(t, harness.T(t), s.host))
				requireOrder(t, res.Err, s.host+" rejected the stored credentials", strings.ReplaceAll(want, "HOST", s.host),
					"docker logout "+s.host, "docker login "+s.host)
				require.Equal(t, status == http.StatusServiceUnavailable, strings.Contains(res.Err.Error(), "build again: the anonymous fallback"))
				require.NotContains(t, res.Err.Error(), "the anonymous fallback was denied")
				require.NotContains(t, res.Err.Error(), s.upper)
				require.Subset(t, s.Requests().Hosts(), []string{s.upper, s.host + ":443", s.upper + ":443"})
				s.requireNoCredential(t)
				s.requireTLS(t)
			})
		})
	}
}
