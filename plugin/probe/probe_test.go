package probe_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/cli/cli/config"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/plugin/credentials"
	"github.com/org/pullsafe/plugin/probe"
)

// server records who asked for what.
type server struct {
	*httptest.Server

	mu   sync.Mutex
	seen []string // METHOD PATH AUTHORIZATION-SCHEME
}

func serve(t *testing.T, h func(w http.ResponseWriter, req *http.Request)) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		scheme, _, _ := strings.Cut(req.Header.Get("Authorization"), " ")
		if req.Method == http.MethodPost && req.PostFormValue("password") != "" {
			scheme = "Form"
		}
		s.mu.Lock()
		s.seen = append(s.seen, strings.TrimSpace(req.Method+" "+req.URL.Path+" "+scheme))
		s.mu.Unlock()
		h(w, req)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.seen...)
}

func (s *server) host() string { return strings.TrimPrefix(s.URL, "http://") }

// prober asks with a login for every one of the hosts.
func prober(t *testing.T, hosts ...string) *probe.Prober {
	t.Helper()
	auths := map[string]any{}
	for _, h := range hosts {
		auths[h] = map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte("user:password"))}
	}
	dt, err := json.Marshal(map[string]any{"auths": auths})
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, config.ConfigFileName), dt, 0o600))
	file, err := config.Load(dir)
	require.NoError(t, err)
	store := credentials.Open(credentials.Options{File: file, HelperTimeout: time.Minute})
	return probe.New(probe.Options{Lookup: store.Lookup, Timeout: 10 * time.Second, Concurrency: 4})
}

func ask(t *testing.T, p *probe.Prober, names ...string) []probe.Result {
	t.Helper()
	var refs []references.Reference
	for _, n := range names {
		refs = append(refs, references.Reference{Name: n, Written: n, Platform: &ocispecs.Platform{OS: "linux", Architecture: "amd64"}})
	}
	results, err := p.Probe(t.Context(), refs)
	require.NoError(t, err)
	return results
}

// image answers like a registry with one small image; edit may change what is
// sent for a path.
func image(edit func(path string, body []byte) []byte) func(http.ResponseWriter, *http.Request) {
	cfg := []byte(`{"os":"linux","architecture":"amd64","config":{"OnBuild":["RUN true"]}}`)
	manifest := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":%q,"digest":%q,"size":%d},"layers":[]}`,
		ocispecs.MediaTypeImageManifest, ocispecs.MediaTypeImageConfig, digest.FromBytes(cfg), len(cfg))
	return func(w http.ResponseWriter, req *http.Request) {
		body, kind := manifest, ocispecs.MediaTypeImageManifest
		if strings.Contains(req.URL.Path, "/blobs/") {
			body, kind = cfg, "application/octet-stream"
		}
		w.Header().Set("Docker-Content-Digest", digest.FromBytes(body).String())
		w.Header().Set("Content-Type", kind)
		if edit != nil {
			body = edit(req.URL.Path, body)
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		if req.Method != http.MethodHead {
			_, _ = w.Write(body)
		}
	}
}

func TestProbeReadsImage(t *testing.T) {
	s := serve(t, image(nil))
	r := ask(t, prober(t), s.host()+"/a:1")[0]
	require.NoError(t, r.With.Err)
	require.False(t, r.Sent)
	require.Equal(t, []string{"linux/amd64"}, r.With.Platforms)
	require.Equal(t, []string{"RUN true"}, r.With.OnBuild)
	require.Nil(t, r.Without)
}

// TestProbeChecksDigests: a registry that sends something else has no image.
func TestProbeChecksDigests(t *testing.T) {
	for _, part := range []string{"/manifests/sha256:", "/blobs/"} {
		s := serve(t, image(func(path string, body []byte) []byte {
			if strings.Contains(path, part) {
				return []byte("{}")
			}
			return body
		}))
		r := ask(t, prober(t), s.host()+"/a:1")[0]
		require.ErrorContains(t, r.With.Err, "the registry sent content that does not match sha256:", part)
	}
}

// TestProbeRedirect: what is kept elsewhere is fetched there, and the registry's
// login stays behind.
func TestProbeRedirect(t *testing.T) {
	files := serve(t, image(nil))
	s := serve(t, func(w http.ResponseWriter, req *http.Request) {
		if _, _, ok := req.BasicAuth(); !ok {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if strings.Contains(req.URL.Path, "/blobs/") {
			http.Redirect(w, req, files.URL+req.URL.Path, http.StatusTemporaryRedirect)
			return
		}
		image(nil)(w, req)
	})
	r := ask(t, prober(t, s.host()), s.host()+"/a:1")[0]
	require.NoError(t, r.With.Err)
	require.True(t, r.Sent)
	require.Equal(t, probe.Basic, r.Scheme)
	require.Error(t, r.Without.Err)
	require.Len(t, files.requests(), 1)
	require.NotContains(t, files.requests()[0], "Basic")
}

// TestProbeRedirectThatAsks: another host that asks for a login gets none.
func TestProbeRedirectThatAsks(t *testing.T) {
	thief := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	s := serve(t, func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, thief.URL+req.URL.Path, http.StatusTemporaryRedirect)
	})
	r := ask(t, prober(t, s.host(), thief.host()), s.host()+"/a:1")[0]
	require.ErrorContains(t, r.With.Err, "401 Unauthorized")
	require.False(t, r.Sent)
	for _, seen := range thief.requests() {
		require.NotContains(t, seen, "Basic")
	}
}

// bearer is a registry whose token service is at realm.
func bearer(realm func() string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Authorization") != "Bearer good" {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm=%q,service="s",scope="repository:other:pull"`, realm()))
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		image(nil)(w, req)
	}
}

// TestProbeTokenServiceElsewhere: a login goes to the token service that the
// registry names, and not where that redirects.
func TestProbeTokenServiceElsewhere(t *testing.T) {
	thief := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"token":"good","access_token":"good"}`))
	})
	for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		tokens := serve(t, func(w http.ResponseWriter, req *http.Request) { http.Redirect(w, req, thief.URL, status) })
		s := serve(t, bearer(func() string { return tokens.URL + "/token" }))
		r := ask(t, prober(t, s.host()), s.host()+"/a:1")[0]
		require.ErrorContains(t, r.With.Err, "the token service redirects to another host, to which no credentials are sent")
		require.Empty(t, thief.requests())
	}
	var scopes []string
	tokens := serve(t, func(w http.ResponseWriter, req *http.Request) {
		scopes = append(scopes, req.FormValue("scope"))
		_, _ = w.Write([]byte(`{"token":"good","access_token":"good"}`))
	})
	s := serve(t, bearer(func() string { return tokens.URL + "/token" }))
	r := ask(t, prober(t, s.host()), s.host()+"/a:1", s.host()+"/a:2")[0]
	require.NoError(t, r.With.Err)
	require.Equal(t, probe.Bearer, r.Scheme)
	require.Equal(t, []string{"POST /token Form", "GET /token", "POST /token Form"}, tokens.requests(),
		"one token with the login and one without; and one for GET /v2/, since both resolved the image")
	require.Equal(t, []string{"repository:a:pull", "repository:a:pull", ""}, scopes, "the scope is that of the image")
	require.Equal(t, probe.LoginAccepted, r.Login.State)
	for _, seen := range s.requests() {
		require.NotContains(t, seen, "Basic")
	}
}

// TestProbeWrongRealm: a login is not sent to a realm without TLS elsewhere.
func TestProbeWrongRealm(t *testing.T) {
	s := serve(t, bearer(func() string { return "http://auth.test/token" }))
	r := ask(t, prober(t, s.host()), s.host()+"/a:1")[0]
	require.ErrorContains(t, r.With.Err, "credentials are not sent to auth.test without TLS")
	require.False(t, r.Sent)
}

// TestProbeRefusedBasic: a refused login is sent once, not five times.
func TestProbeRefusedBasic(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	r := ask(t, prober(t, s.host()), s.host()+"/a:1")[0]
	require.ErrorContains(t, r.With.Err, "401 Unauthorized")
	require.True(t, r.Sent)
	head := "HEAD /v2/a/manifests/1"
	require.Equal(t, []string{head, head + " Basic", head, head}, s.requests(), "under an alias too, and without")
}

// TestProbeRenewsToken: a token that the registry does not take is renewed once.
func TestProbeRenewsToken(t *testing.T) {
	tokens := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"token":"bad","access_token":"bad"}`))
	})
	s := serve(t, bearer(func() string { return tokens.URL }))
	r := ask(t, prober(t, s.host()), s.host()+"/a:1")[0]
	require.ErrorContains(t, r.With.Err, "401 Unauthorized")
	require.Equal(t, []string{"POST / Form", "POST / Form", "GET /", "GET /", "GET /", "GET /"}, tokens.requests(), "under an alias too, and without")
}

// TestProbeEndless: an endless answer ends, and a registry that says nothing does
// not hold the command.
func TestProbeEndless(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", ocispecs.MediaTypeImageIndex)
		for range 64 << 10 {
			if _, err := w.Write([]byte(strings.Repeat(" ", 1<<10))); err != nil {
				return
			}
		}
	})
	require.Error(t, ask(t, prober(t), s.host()+"/a:1")[0].With.Err)

	hang := serve(t, func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
	p := probe.New(probe.Options{Timeout: 100 * time.Millisecond, Concurrency: 1})
	require.ErrorContains(t, ask(t, p, hang.host()+"/a:1")[0].With.Err, "context deadline exceeded")
}

func TestProbeCanceled(t *testing.T) {
	hang := serve(t, func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(context.Canceled) })
	_, err := prober(t).Probe(ctx, []references.Reference{{Name: hang.host() + "/a:1"}})
	require.ErrorIs(t, err, context.Canceled)
}

// TestProbePlatforms: the platforms of an index, and one that it has not.
func TestProbePlatforms(t *testing.T) {
	index := []byte(`{"schemaVersion":2,"manifests":[
		{"digest":"sha256:` + strings.Repeat("a", 64) + `","platform":{"os":"linux","architecture":"arm64"}},
		{"digest":"sha256:` + strings.Repeat("b", 64) + `","platform":{"os":"unknown","architecture":"unknown"}},
		{"digest":"sha256:` + strings.Repeat("c", 64) + `","platform":{"os":"linux","architecture":"arm","variant":"v7"}}]}`)
	s := serve(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", ocispecs.MediaTypeImageIndex)
		w.Header().Set("Docker-Content-Digest", digest.FromBytes(index).String())
		w.Header().Set("Content-Length", fmt.Sprint(len(index)))
		if req.Method != http.MethodHead {
			_, _ = w.Write(index)
		}
	})
	r := ask(t, prober(t), s.host()+"/a:1")[0]
	require.EqualError(t, r.With.Err, "no match for platform in manifest "+digest.FromBytes(index).String()+": not found")
	require.Equal(t, []string{"linux/arm64", "linux/arm/v7"}, r.With.Platforms)
}

// alias is the host alias of a server: an address has the port alone.
func (s *server) alias() string { return strings.Replace(s.host(), ":", ":0", 1) }

// knows is a registry that rejects tokens of the login, behind a proxy that answers for
// aliases of its host.
func knows(tokens func() string, host func() string, proxy http.HandlerFunc) func(http.ResponseWriter, *http.Request) {
	registry := bearer(tokens)
	return func(w http.ResponseWriter, req *http.Request) {
		if req.Host != host() {
			proxy(w, req)
			return
		}
		registry(w, req)
	}
}

// anonymousOnly is a token service that rejects every login.
func anonymousOnly(t *testing.T) *server {
	return serve(t, func(w http.ResponseWriter, req *http.Request) {
		if _, _, ok := req.BasicAuth(); ok || req.Method == http.MethodPost {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = w.Write([]byte(`{"token":"good"}`))
	})
}

// TestProbeAlias: after a rejection the alias is asked, without what is stored for the
// host as written.
func TestProbeAlias(t *testing.T) {
	tokens := anonymousOnly(t)
	s := serve(t, bearer(func() string { return tokens.URL }))
	r := ask(t, prober(t, s.host()), s.host()+"/a:1")[0]
	require.ErrorContains(t, r.With.Err, "403")
	require.NoError(t, r.Without.Err)
	require.Len(t, r.Aliases, 1)
	require.Equal(t, s.alias(), r.Aliases[0].Host)
	require.NoError(t, r.Aliases[0].Err)
	require.False(t, r.Aliases[0].Held())
	require.Equal(t, []string{"RUN true"}, r.Aliases[0].OnBuild)
	require.Nil(t, r.Served)

	// What is stored under the alias too is sent, as in a build.
	r = ask(t, prober(t, s.host(), s.alias()), s.host()+"/a:1")[0]
	require.ErrorContains(t, r.Aliases[0].Err, "403")
	require.True(t, r.Aliases[0].Sent)
	require.Nil(t, r.Served, "no helper blocks the alias")
}

// TestProbeAliasNotServed: what a proxy answers for the alias is told, once.
func TestProbeAliasNotServed(t *testing.T) {
	tokens := anonymousOnly(t)
	var s *server
	for want, proxy := range map[string]http.HandlerFunc{
		"not found": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) },
		"421":       func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusMisdirectedRequest) },
		"301": func(w http.ResponseWriter, req *http.Request) {
			http.Redirect(w, req, s.URL+req.URL.Path, http.StatusMovedPermanently)
		},
		"stopped after 10 redirects": func(w http.ResponseWriter, req *http.Request) {
			http.Redirect(w, req, "http://"+req.Host+req.URL.Path, http.StatusFound)
		},
	} {
		s = serve(t, knows(func() string { return tokens.URL }, func() string { return s.host() }, proxy))
		r := ask(t, prober(t, s.host()), s.host()+"/a:1")[0]
		require.NoError(t, r.Without.Err)
		require.Len(t, r.Aliases, 1)
		require.ErrorContains(t, r.Aliases[0].Err, want)
	}
}

// TestProbeNothingStored: where nothing was sent, and nothing would be under an alias, a
// build gets the same answer once more, and check does not ask again.
func TestProbeNothingStored(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	r := ask(t, prober(t), s.host()+"/a:1")[0]
	require.ErrorContains(t, r.With.Err, "403 Forbidden")
	require.Empty(t, r.Aliases)
	require.Equal(t, []string{"HEAD /v2/a/manifests/1", "GET /v2/a/manifests/1"}, s.requests())
}

// TestProbeChallenges: many challenges, or an endless header, end.
func TestProbeChallenges(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for range 500 {
			w.Header().Add("WWW-Authenticate", `Negotiate abc, Basic realm="x", Bearer realm="`+strings.Repeat("y", 100)+`"`)
		}
		w.WriteHeader(http.StatusUnauthorized)
	})
	r := ask(t, prober(t, s.host()), s.host()+"/a:1")[0]
	require.Error(t, r.With.Err)
	require.Less(t, len(s.requests()), 20)

	s = serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", strings.Repeat("x", 1<<20))
		w.WriteHeader(http.StatusUnauthorized)
	})
	r = ask(t, prober(t, s.host()), s.host()+"/a:1")[0]
	require.ErrorContains(t, r.With.Err, "server response headers exceeded")
}

// TestRegistry: hosts that are none, and one that hangs.
func TestRegistry(t *testing.T) {
	for _, bad := range []string{"", "https://ghcr.io", "ghcr.io/a", "ghcr", "a b"} {
		_, err := prober(t).Registry(t.Context(), bad)
		require.ErrorContains(t, err, "is not a registry host", bad)
	}
	hang := serve(t, func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
	p := probe.New(probe.Options{Timeout: 100 * time.Millisecond, Concurrency: 1})
	r, err := p.Registry(t.Context(), hang.host())
	require.NoError(t, err)
	require.False(t, r.Works())
	require.Contains(t, r.AsWritten.Err, "context deadline exceeded")
}
