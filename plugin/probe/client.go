package probe

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/moby/buildkit/util/resolver"
	resolverconfig "github.com/moby/buildkit/util/resolver/config"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/registry"
)

const (
	// maxBody bounds what is read of one answer: more than the largest manifest.
	maxBody = 8 << 20

	// maxHeader bounds the header of one answer.
	maxHeader = 256 << 10

	maxRedirects = 10
)

// clients has an HTTP client for each registry host. As in a build, registries are
// asked by HTTP/1.1, which is all that BuildKit's daemon speaks
// (util/resolver/resolver.go, newDefaultTransport), and token services by HTTP/2 where
// they have it, as by buildx: a proxy may know a host by the one and not by the other.
type clients struct {
	certs    []string // folders with a folder for each registry host, as Docker has
	registry http.RoundTripper
	token    http.RoundTripper
	timeout  time.Duration // of one request, until its answer is read

	mu    sync.Mutex
	hosts map[hostKey]docker.RegistryHost
}

// hostKey: a host alias that leads to another one is not followed.
type hostKey struct {
	domain string
	alias  bool
}

func newClients(certs []string, connections int, timeout time.Duration) *clients {
	tokens := newTransport(connections)
	tokens.ForceAttemptHTTP2 = true
	registries := newTransport(connections)
	registries.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	return &clients{
		certs: certs, timeout: timeout, hosts: map[hostKey]docker.RegistryHost{},
		registry: registries, token: boundedTransport{tokens, timeout},
	}
}

func newTransport(connections int) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: time.Minute}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		ExpectContinueTimeout:  5 * time.Second,
		IdleConnTimeout:        time.Minute,
		MaxIdleConnsPerHost:    connections,
		MaxResponseHeaderBytes: maxHeader,
	}
}

// host is how the registry of a reference is reached, by the rules of BuildKit without
// a configuration: TLS, and none for loopback.
func (c *clients) host(domain string, alias bool) (docker.RegistryHost, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := hostKey{domain, alias}
	if h, ok := c.hosts[key]; ok {
		return h, nil
	}
	registries := docker.ConfigureDefaultRegistries(
		docker.WithClient(&http.Client{Transport: c.registry}), docker.WithPlainHTTP(docker.MatchLocalhost))
	if dirs := c.certDirs(domain); len(dirs) > 0 {
		registries = resolver.NewRegistryConfig(map[string]resolverconfig.RegistryConfig{domain: {TLSConfigDir: dirs}})
	}
	hosts, err := registries(domain)
	if err != nil {
		return docker.RegistryHost{}, errors.Wrapf(err, "reading the certificates for %s", domain)
	}
	h := hosts[len(hosts)-1]
	h.Client = &http.Client{Transport: boundedTransport{h.Client.Transport, c.timeout}, CheckRedirect: followRegistry}
	if alias {
		h.Client.CheckRedirect = followAlias
	}
	c.hosts[key] = h
	return h, nil
}

// tokens is a client for the token service of the registry h. One on the registry's own
// host has its certificates too.
func (c *clients) tokens(h docker.RegistryHost, realmHost string) *http.Client {
	transport := c.token
	if realmHost == h.Host && len(c.certDirs(h.Host)) > 0 {
		transport = h.Client.Transport
	}
	return &http.Client{Transport: transport, CheckRedirect: followTokens}
}

// certDirs are the folders with certificates for a registry. The daemon has a folder
// for a host only as that is spelled, whatever the file system of this machine thinks.
func (c *clients) certDirs(domain string) []string {
	var dirs []string
	for _, root := range c.certs {
		entries, err := os.ReadDir(root)
		if err != nil {
			continue
		}
		for _, e := range entries {
			// Windows has no colon in names (moby, registry/config_windows.go).
			if e.Name() != domain && (runtime.GOOS != "windows" || e.Name() != strings.ReplaceAll(domain, ":", "")) {
				continue
			}
			dir := filepath.Join(root, e.Name())
			if st, err := os.Stat(dir); err == nil && st.IsDir() {
				dirs = append(dirs, dir)
			}
		}
	}
	return dirs
}

// followAlias is followRegistry, and leaves a redirect from a host alias back to the usual
// name as it is: the credentials that were rejected are stored for that.
func followAlias(req *http.Request, via []*http.Request) error {
	if first := via[0].URL; req.URL.Host != first.Host && registry.Same(req.URL.Host, first.Host) {
		return http.ErrUseLastResponse
	}
	return followRegistry(req, via)
}

// followRegistry follows redirects, to a store of layers for example, and leaves
// the registry's token behind when they lead elsewhere. net/http keeps it for
// subdomains.
func followRegistry(req *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return errors.New("stopped after 10 redirects")
	}
	if first := via[0].URL; req.URL.Host != first.Host || req.URL.Scheme != first.Scheme {
		req.Header.Del("Authorization")
	}
	return nil
}

// followTokens lets no token service hand a login on: a redirect can repeat the
// form in which it was sent.
func followTokens(req *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return errors.New("stopped after 10 redirects")
	}
	if first := via[0].URL; req.URL.Host != first.Host || req.URL.Scheme != first.Scheme {
		return errors.New("the token service redirects to another host, to which no credentials are sent")
	}
	return nil
}

// boundedTransport bounds what is read of an answer, and how long that may take.
type boundedTransport struct {
	http.RoundTripper

	timeout time.Duration
}

// RoundTrip is http.RoundTripper's.
func (t boundedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeoutCause(req.Context(), t.timeout, context.DeadlineExceeded)
	resp, err := t.RoundTripper.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	resp.Body = boundedBody{io.LimitReader(resp.Body, maxBody), resp.Body, cancel}
	return resp, nil
}

type boundedBody struct {
	io.Reader
	io.Closer

	cancel context.CancelFunc
}

// Close is io.Closer's.
func (b boundedBody) Close() error {
	defer b.cancel()
	return b.Closer.Close()
}
