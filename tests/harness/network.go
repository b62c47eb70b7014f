package harness

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pkg/errors"
)

// Network is a forward proxy and a certificate authority: clients that use both
// reach the harness's servers under any host name, port and spelling.
type Network struct {
	// ProxyURL is what clients get as HTTPS_PROXY and HTTP_PROXY, CAFile what
	// they get as SSL_CERT_FILE.
	ProxyURL string
	CAFile   string

	ca *authority

	mu      sync.Mutex
	routes  map[string]route
	refused []string
}

// route is where a host name leads, over TLS and without.
type route struct {
	tls, plain string
}

func newNetwork(ctx context.Context, e *Env) (*Network, error) {
	ca, err := newAuthority()
	if err != nil {
		return nil, err
	}
	n := &Network{ca: ca, CAFile: filepath.Join(e.Dir, "ca.pem"), routes: map[string]route{}}
	if err := os.WriteFile(n.CAFile, ca.pem(), 0o644); err != nil {
		return nil, errors.WithStack(err)
	}
	addr, err := e.serve(ctx, "forward proxy", http.HandlerFunc(n.serveProxy), nil)
	if err != nil {
		return nil, err
	}
	n.ProxyURL = "http://" + addr
	return n, nil
}

func (n *Network) vars() []string {
	return []string{
		"HTTPS_PROXY=" + n.ProxyURL, "https_proxy=" + n.ProxyURL,
		"HTTP_PROXY=" + n.ProxyURL, "http_proxy=" + n.ProxyURL,
		"NO_PROXY=127.0.0.1,localhost,::1", "no_proxy=127.0.0.1,localhost,::1",
		"SSL_CERT_FILE=" + n.CAFile,
		// Go reads this folder beside the file: with it, the machine's own
		// authorities would be trusted too.
		"SSL_CERT_DIR=" + filepath.Join(filepath.Dir(n.CAFile), "no-certificates"),
	}
}

// Refused are the hosts, with port, that clients asked for and no registry
// claims. A build that stays where it should leaves this empty.
func (n *Network) Refused() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.refused)
}

// ResetRefused forgets the refused hosts.
func (n *Network) ResetRefused() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refused = nil
}

// claim lets a host name lead to a server, replacing what it led to before.
func (n *Network) claim(host string, r route) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.routes[strings.ToLower(host)] = r
}

// Claim lets a host name, in any spelling, lead to a server that speaks TLS, such as
// one of [Env.StartProgram]. The returned function ends that.
func (n *Network) Claim(host, addr string) (release func()) {
	r := route{tls: addr}
	n.claim(host, r)
	return func() { n.release(host, r) }
}

// release undoes claim, unless another server has the name by now.
func (n *Network) release(host string, r route) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.routes[strings.ToLower(host)] == r {
		delete(n.routes, strings.ToLower(host))
	}
}

func (n *Network) lookup(hostport string) (route, bool) {
	host := strings.ToLower((&url.URL{Host: hostport}).Hostname())
	n.mu.Lock()
	defer n.mu.Unlock()
	r, ok := n.routes[host]
	if !ok {
		n.refused = append(n.refused, hostport)
	}
	return r, ok
}

func (n *Network) serveProxy(w http.ResponseWriter, req *http.Request) {
	r, ok := n.lookup(req.Host)
	if !ok {
		http.Error(w, "harness: no registry is called "+req.Host, http.StatusBadGateway)
		return
	}
	if req.Method == http.MethodConnect {
		tunnel(w, req, r.tls)
		return
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(&url.URL{Scheme: "http", Host: r.plain})
			p.Out.Host = p.In.Host
		},
		Transport: directTransport,
		ErrorLog:  quiet,
	}
	proxy.ServeHTTP(w, req)
}

// tunnel joins the client to addr until both directions have ended.
func tunnel(w http.ResponseWriter, req *http.Request, addr string) {
	server, err := (&net.Dialer{}).DialContext(req.Context(), "tcp", addr)
	if err != nil {
		http.Error(w, "harness: "+err.Error(), http.StatusBadGateway)
		return
	}
	defer func() { _ = server.Close() }()
	client, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer func() { _ = client.Close() }()
	if _, err := io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(server, buf)
		closeWrite(server)
	}()
	_, _ = io.Copy(client, server)
}

func closeWrite(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
}

var (
	// directTransport never uses the proxy that the environment names.
	directTransport = &http.Transport{Proxy: nil, DisableCompression: true, IdleConnTimeout: 5 * time.Second}
	// quiet drops what net/http logs about clients that go away.
	quiet = log.New(io.Discard, "", 0)
)

// serve runs a server on a loopback port of the system's choice until Close,
// with TLS if there is an authority.
func (e *Env) serve(ctx context.Context, name string, h http.Handler, ca *authority) (addr string, err error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", errors.WithStack(err)
	}
	s := &http.Server{Handler: h, ErrorLog: quiet, ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if ca == nil {
			_ = s.Serve(l)
			return
		}
		s.TLSConfig = &tls.Config{GetCertificate: ca.certificate, MinVersion: tls.VersionTLS12}
		_ = s.ServeTLS(l, "", "")
	}()
	e.OnClose(name, func(context.Context) error {
		defer func() { <-done }()
		return errors.WithStack(s.Close())
	})
	return l.Addr().String(), nil
}
