// Package security holds the try without credentials to its promises: it decides
// nothing that a source policy has decided, it sends no credential, stays at the
// registry that the user named and on TLS, and prints no secret. What counts is
// what the registries saw.
//
// The tests share one daemon. Each has a registry host and a repository of its
// own, so nothing that the daemon remembers is of use to another.
package security

import (
	"context"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/moby/buildkit/client"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

var shared = world.Get()

func TestMain(m *testing.M) {
	os.Exit(world.Main(m))
}

// daemonOnce is the daemon of the tests that need no settings of their own.
var daemonOnce sync.Once

var daemon struct {
	*harness.Buildkitd
	client *client.Client
	err    error
}

func sharedDaemon(t *testing.T) (*harness.Env, *client.Client, *harness.Buildkitd) {
	t.Helper()
	e := harness.T(t)
	daemonOnce.Do(func() {
		ctx := context.WithoutCancel(t.Context())
		if daemon.Buildkitd, daemon.err = e.StartBuildkitd(ctx, harness.BuildkitdOpt{}); daemon.err == nil {
			daemon.client, daemon.err = daemon.Client(ctx)
		}
	})
	require.NoError(t, daemon.err)
	harness.LogOnFailure(t, daemon.Process)
	return e, daemon.client, daemon.Buildkitd
}

// ownDaemon is a daemon with settings of its own.
func ownDaemon(t *testing.T, config string) (*harness.Env, *client.Client) {
	t.Helper()
	e := harness.T(t)
	d, err := e.StartBuildkitd(t.Context(), harness.BuildkitdOpt{Config: config})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Stop(context.WithoutCancel(t.Context()))) })
	harness.LogOnFailure(t, d.Process)
	c, err := d.Client(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return e, c
}

// each runs f with the frontend in this process, and with -full as the image too.
func each(t *testing.T, f func(t *testing.T, fe harness.Frontend)) {
	t.Helper()
	for i, fe := range shared.Frontends() {
		if i == 0 || world.Full() {
			t.Run(fe.Name, func(t *testing.T) { f(t, fe) })
		}
	}
}

func slow(t *testing.T) {
	t.Helper()
	if !world.Full() {
		t.Skip("slow: make faults")
	}
}

// site is a registry with a host name and a repository that nobody else has.
type site struct {
	*harness.Registry
	host, upper string
	repo        string
}

// base is the image that a site has, as a reference with the host as written.
func (s site) base() string { return s.host + "/" + s.repo + ":1" }

// source is the identifier of a repository's image for the rules of a policy.
func (s site) source(host, tag string) string {
	return "docker-image://" + host + "/" + s.repo + ":" + tag
}

// newSite opens a registry; host names are made of the test's name and kind.
func newSite(t *testing.T, kind string, opt harness.RegistryOpt) site {
	t.Helper()
	label := strings.ToLower(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.TrimPrefix(t.Name(), "Test")))
	label = strings.Trim(label, "-")
	if len(label) > 55 {
		label = label[len(label)-55:] // a label of a host name has at most 63 characters
	}
	name := kind + "-" + strings.TrimLeft(label, "-")
	if opt.Mode == "" {
		opt.Mode = harness.ModeToken
	}
	s := site{host: name + ".test", upper: strings.ToUpper(name) + ".TEST", repo: "acme/" + name}
	opt.Hosts = []string{s.host}
	if opt.TokenHost == "own" {
		opt.TokenHost = "auth-" + kind + "." + strings.TrimLeft(label, "-") + ".test"
	}
	var err error
	s.Registry, err = shared.Local.Front(t.Context(), opt)
	require.NoError(t, err)
	t.Cleanup(s.Disconnect)
	s.push(t, "1")
	return s
}

// push adds an image whose layers no other has.
func (s site) push(t *testing.T, tag string) string {
	t.Helper()
	img := harness.Image{Files: map[string]string{"/image": s.repo + ":" + tag}}
	dgst, err := s.Push(t.Context(), s.repo+":"+tag, img)
	require.NoError(t, err)
	return dgst
}

// requireNoCredential asserts that nothing but the host as written, and the token
// service that it names, got a credential, and that over TLS.
func (s site) requireNoCredential(t *testing.T, tokenHosts ...string) {
	t.Helper()
	for _, r := range s.Requests().WithCredentials() {
		require.Contains(t, append(tokenHosts, s.host), r.Host, "%s", s.Requests())
		require.NotEmpty(t, r.SNI, "a credential without TLS: %s", s.Requests())
	}
}

// requireTLS asserts that every request came over TLS.
func (s site) requireTLS(t *testing.T) {
	t.Helper()
	for _, r := range s.Requests() {
		require.NotEmpty(t, r.SNI, "%s %s without TLS", r.Method, r.Path)
	}
}

// requireRescued asserts that the layers came without credentials from want.
func (s site) requireRescued(t *testing.T, res *harness.Result, want string) {
	t.Helper()
	require.NoError(t, res.Err, "%s", s.Requests())
	world.RequireAnonymousPull(t, s.Registry, s.repo, want)
	require.Len(t, world.RefusedWarnings(res), 1)
}

// from is a Dockerfile that needs the layers of the images.
func from(refs ...string) map[string]string {
	var b strings.Builder
	b.WriteString("FROM scratch\n")
	for i, ref := range refs {
		b.WriteString("COPY --from=" + ref + " /image /" + string(rune('a'+i)) + "\n")
	}
	return world.Dockerfile(b.String())
}

func isManifest(req *http.Request) bool { return strings.Contains(req.URL.Path, "/manifests/") }

func isBlob(req *http.Request) bool { return strings.Contains(req.URL.Path, "/blobs/") }
