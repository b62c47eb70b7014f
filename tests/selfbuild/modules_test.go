package selfbuild

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/pkg/errors"

	"github.com/org/pullsafe/tests/harness"
)

// moduleHost is where the stand-in for golang looks for modules. It is reached
// through HTTP_PROXY, a build argument that is no part of a step's cache key: a
// port of another run then makes no step run again.
const moduleHost = "modules.test"

// moduleProxy is a forward proxy that knows one host.
type moduleProxy struct {
	// URL is the proxy's own address.
	URL string

	files http.Handler

	mu      sync.Mutex
	refused []string
}

// serveModules serves the machine's module cache, whose layout is that of the
// protocol of module proxies.
func serveModules(ctx context.Context, e *harness.Env) (*moduleProxy, error) {
	root, err := harness.Checkout()
	if err != nil {
		return nil, err
	}
	// Those for other platforms may not be there yet.
	for _, dir := range []string{root, filepath.Join(root, ".ci", "packages")} {
		if err := e.Go(ctx, dir, "mod", "download"); err != nil {
			return nil, err
		}
	}
	out, err := exec.CommandContext(ctx, "go", "env", "GOMODCACHE").Output()
	if err != nil {
		return nil, errors.Wrap(err, "go env GOMODCACHE")
	}
	dir := filepath.Join(strings.TrimSpace(string(out)), "cache", "download")
	m := &moduleProxy{files: http.FileServer(http.Dir(dir))}
	server := httptest.NewServer(m)
	m.URL = server.URL
	e.OnClose("module proxy", func(context.Context) error {
		server.CloseClientConnections()
		server.Close()
		return nil
	})
	return m, nil
}

// ServeHTTP serves a request to the proxy.
func (m *moduleProxy) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.URL.Host == moduleHost && req.Method == http.MethodGet {
		m.files.ServeHTTP(w, req)
		return
	}
	m.mu.Lock()
	m.refused = append(m.refused, req.Method+" "+req.URL.String())
	m.mu.Unlock()
	http.Error(w, "no such host", http.StatusBadGateway)
}

// Refused are the requests for anything else.
func (m *moduleProxy) Refused() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.refused)
}
