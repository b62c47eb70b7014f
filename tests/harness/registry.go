package harness

import (
	"context"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/pkg/errors"
)

// Mode is the way in which a registry asks who somebody is.
type Mode string

// The modes of registries.
const (
	// ModeToken is ghcr.io: a token service on the same host that refuses a bad
	// credential with 403 and an anonymous request for a private repository with 401.
	ModeToken Mode = "token"
	// ModeHub is Docker Hub: a token service on another host that refuses a bad
	// credential with 401 and gives anybody a token; the registry refuses that.
	ModeHub Mode = "hub"
	// ModeBasic answers with a Basic challenge; public repositories are read without.
	ModeBasic Mode = "basic"
	// ModeOpen asks for nothing.
	ModeOpen Mode = "open"
)

// A user whom a registry knows when RegistryOpt.Users is empty, and a password
// that is none of theirs.
const (
	GoodUser      = "octocat"
	GoodPassword  = "good-password"
	StalePassword = "stale-password"
)

// RegistryOpt says what a registry is like.
type RegistryOpt struct {
	// Hosts are the names under which it is reached over TLS, the canonical one
	// first. Without any it is reached as Registry.Addr only.
	Hosts []string
	Mode  Mode
	// TokenHost is the host of the token service, if another.
	TokenHost string
	// Users maps names to passwords.
	Users map[string]string
	// Access tells whether a user, "" for nobody, may read a repository.
	// By default everybody reads what is not a PrivateRepository.
	Access func(user, repository string) bool
	// Behind is a registry behind a program that has its names and speaks TLS for it:
	// the names are not claimed, and the realm is the canonical one over TLS.
	Behind bool
	// NoTLS answers clients that expect TLS without it.
	NoTLS bool
	// RefuseHost answers with a status, unless 0, every request whose Host header
	// is spelled so.
	RefuseHost func(host string) int
}

// GHCR is a registry like ghcr.io.
func GHCR() RegistryOpt {
	return RegistryOpt{Hosts: []string{"ghcr.io"}, Mode: ModeToken}
}

// DockerHub is a registry like Docker Hub. Images are pushed to library/NAME.
func DockerHub() RegistryOpt {
	return RegistryOpt{Hosts: []string{"registry-1.docker.io"}, Mode: ModeHub, TokenHost: "auth.docker.io"}
}

// PrivateRepository is true for private/... and for names with a part that
// begins with private-.
func PrivateRepository(repository string) bool {
	return strings.HasPrefix(repository, "private/") || strings.HasPrefix(repository, "private-") ||
		strings.Contains(repository, "/private-")
}

// Fault answers a request in place of the registry and returns true, or returns
// false to let the request go its way.
type Fault func(w http.ResponseWriter, req *http.Request) bool

// Registry is distribution's registry behind a proxy that authenticates.
type Registry struct {
	// Addr is 127.0.0.1:PORT, without TLS.
	Addr string

	opt     RegistryOpt
	env     *Env
	backend string
	dir     string
	tlsAddr string
	proxy   *httputil.ReverseProxy

	mu       sync.Mutex
	fault    Fault
	requests []*Request
	tokens   map[string]string
}

// StartRegistry starts a registry and its proxy and claims its host names. It
// ends with the environment.
func (e *Env) StartRegistry(ctx context.Context, opt RegistryOpt) (*Registry, error) {
	r := &Registry{opt: opt.withDefaults(), env: e, tokens: map[string]string{}}
	if err := r.startBackend(ctx); err != nil {
		return nil, err
	}
	return r, r.open(ctx)
}

// Front is another registry with the same images: hosts, tokens, faults and
// requests of its own, but no process, so that a test can have many.
func (r *Registry) Front(ctx context.Context, opt RegistryOpt) (*Registry, error) {
	f := &Registry{opt: opt.withDefaults(), env: r.env, backend: r.backend, tokens: map[string]string{}}
	return f, f.open(ctx)
}

func (opt RegistryOpt) withDefaults() RegistryOpt {
	if opt.Users == nil {
		opt.Users = map[string]string{GoodUser: GoodPassword}
	}
	if opt.Access == nil {
		opt.Access = func(user, repository string) bool { return user != "" || !PrivateRepository(repository) }
	}
	return opt
}

// open starts the proxy and claims the host names.
func (r *Registry) open(ctx context.Context) (err error) {
	for user, password := range r.opt.Users {
		r.env.addLogin(r.Host(), user, password)
	}
	r.proxy = &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(&url.URL{Scheme: "http", Host: r.backend})
			p.Out.Header.Del("Authorization")
		},
		Transport: directTransport,
		ErrorLog:  quiet,
	}
	if r.Addr, err = r.env.serve(ctx, "registry", r, nil); err != nil {
		return err
	}
	if r.tlsAddr, err = r.env.serve(ctx, "registry with TLS", r, r.env.Network.ca); err != nil {
		return err
	}
	if r.opt.NoTLS {
		r.tlsAddr = r.Addr
	}
	if r.opt.Behind {
		return nil
	}
	for _, host := range r.names() {
		r.env.Network.claim(host, route{tls: r.tlsAddr, plain: r.Addr})
	}
	return nil
}

// Disconnect gives up the registry's host names; its Addr stays.
func (r *Registry) Disconnect() {
	for _, host := range r.names() {
		r.env.Network.release(host, route{tls: r.tlsAddr, plain: r.Addr})
	}
}

func (r *Registry) names() []string {
	names := slices.Clone(r.opt.Hosts)
	if r.opt.TokenHost != "" {
		names = append(names, r.opt.TokenHost)
	}
	return names
}

// Host is the registry's canonical name, or Addr if it has none.
func (r *Registry) Host() string {
	if len(r.opt.Hosts) > 0 {
		return r.opt.Hosts[0]
	}
	return r.Addr
}

// Requests are all requests since the start or the last ResetRequests, in the
// order in which they began. One still running has the status 0.
func (r *Registry) Requests() Requests {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make(Requests, len(r.requests))
	for i, req := range r.requests {
		list[i] = *req
	}
	return list
}

// ResetRequests forgets all requests.
func (r *Registry) ResetRequests() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = nil
}

// SetFault lets f see every request first; nil ends that.
func (r *Registry) SetFault(f Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault = f
}

func (r *Registry) startBackend(ctx context.Context) error {
	name := r.env.name("registry")
	addr, err := freeAddr(ctx)
	if err != nil {
		return err
	}
	config := filepath.Join(r.env.Dir, name+".yml")
	r.dir = filepath.Join(r.env.Dir, name)
	text := "version: 0.1\nlog:\n  level: warn\nstorage:\n  filesystem:\n    rootdirectory: " +
		r.dir + "\n  delete:\n    enabled: true\nhttp:\n  addr: " + addr + "\n  relativeurls: true\n"
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return errors.WithStack(err)
	}
	p, err := r.env.start(processOpt{
		name: name,
		args: []string{r.env.Tools.Path(ToolRegistry), "serve", config},
		env:  append(cleanEnviron(), "OTEL_TRACES_EXPORTER=none"),
	})
	if err != nil {
		return err
	}
	r.backend = addr
	return p.waitReady(ctx, func(ctx context.Context) error { return ping(ctx, "http://"+addr+"/v2/") })
}
