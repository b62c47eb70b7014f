package probe

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/moby/buildkit/util/resolver"
	resolverconfig "github.com/moby/buildkit/util/resolver/config"
	"github.com/pkg/errors"
)

const (
	// maxBody bounds what is read of one answer: more than the largest manifest.
	maxBody = 8 << 20

	maxRedirects = 10
)

// clients has an HTTP client for each registry host.
type clients struct {
	certs   []string // folders with a folder for each registry host, as Docker has
	connect *http.Transport
	timeout time.Duration // of one request, until its answer is read

	mu     sync.Mutex
	byHost map[string]docker.RegistryHost
}

func newClients(certs []string, connections int, timeout time.Duration) *clients {
	return &clients{
		certs:   certs,
		timeout: timeout,
		connect: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: time.Minute}).DialContext,
			TLSHandshakeTimeout:   10 * time.Second,
			ExpectContinueTimeout: 5 * time.Second,
			IdleConnTimeout:       time.Minute,
			MaxIdleConnsPerHost:   connections,
			ForceAttemptHTTP2:     true,
		},
		byHost: map[string]docker.RegistryHost{},
	}
}

// registry is how the registry of a reference is reached, by the rules of
// BuildKit without a configuration: TLS, and none for loopback.
func (c *clients) registry(domain string) (docker.RegistryHost, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h, ok := c.byHost[domain]; ok {
		return h, nil
	}
	registries := docker.ConfigureDefaultRegistries(
		docker.WithClient(&http.Client{Transport: c.connect}), docker.WithPlainHTTP(docker.MatchLocalhost))
	if dirs := c.certDirs(domain); len(dirs) > 0 {
		registries = resolver.NewRegistryConfig(map[string]resolverconfig.RegistryConfig{domain: {TLSConfigDir: dirs}})
	}
	hosts, err := registries(domain)
	if err != nil {
		return docker.RegistryHost{}, errors.Wrapf(err, "reading the certificates for %s", domain)
	}
	h := hosts[len(hosts)-1]
	h.Client = &http.Client{Transport: boundedTransport{h.Client.Transport, c.timeout}, CheckRedirect: followRegistry}
	c.byHost[domain] = h
	return h, nil
}

// tokens is a client for the token service of the registry h.
func (c *clients) tokens(h docker.RegistryHost, realmHost string) *http.Client {
	transport := h.Client.Transport
	if realmHost != h.Host {
		transport = boundedTransport{c.connect, c.timeout}
	}
	return &http.Client{Transport: transport, CheckRedirect: followTokens}
}

// certDirs are the folders with certificates for a registry.
func (c *clients) certDirs(domain string) []string {
	var dirs []string
	for _, root := range c.certs {
		dir := filepath.Join(root, domain)
		if st, err := os.Stat(dir); err == nil && st.IsDir() {
			dirs = append(dirs, dir)
		}
	}
	return dirs
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
		return errors.New("the token service redirects to another host, to which no login is sent")
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
