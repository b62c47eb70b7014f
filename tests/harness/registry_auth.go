package harness

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/pkg/errors"
)

const tokenPath = "/token"

// ServeHTTP records the request and answers it.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	rec := newRequest(req)
	r.identify(rec, req)
	r.mu.Lock()
	r.requests = append(r.requests, rec)
	fault := r.fault
	r.mu.Unlock()
	sw := &statusWriter{ResponseWriter: w}
	// Deferred, because a fault may panic to abort the connection.
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		rec.Status = sw.status
	}()
	if fault != nil && fault(sw, req) {
		return
	}
	if r.opt.RefuseHost != nil {
		if status := r.opt.RefuseHost(req.Host); status != 0 {
			http.Error(sw, http.StatusText(status), status)
			return
		}
	}
	if rec.Kind == KindToken && (r.opt.Mode == ModeToken || r.opt.Mode == ModeHub) {
		r.serveToken(sw, req, rec)
		return
	}
	if !r.allowed(sw, req, rec) {
		return
	}
	r.proxy.ServeHTTP(sw, req)
}

// identify finds out who asks.
func (r *Registry) identify(rec *Request, req *http.Request) {
	user, password, ok := req.BasicAuth()
	if !ok && rec.Kind == KindToken && req.Method == http.MethodPost {
		// The OAuth request carries the login in its form, or a refresh token,
		// which the harness gives to nobody.
		user, password = req.PostFormValue("username"), req.PostFormValue("password")
		ok = user != "" || password != "" || req.PostFormValue("refresh_token") != ""
	}
	if ok {
		rec.Auth = AuthBasicBad
		if good, known := r.opt.Users[user]; known && good == password {
			rec.Auth, rec.User = AuthBasicGood, user
		}
		return
	}
	token, ok := strings.CutPrefix(rec.authorization, "Bearer ")
	if !ok {
		return
	}
	r.mu.Lock()
	user, known := r.tokens[token]
	r.mu.Unlock()
	switch {
	case !known:
		rec.Auth = AuthTokenUnknown
	case user == "":
		rec.Auth = AuthTokenAnonymous
	default:
		rec.Auth, rec.User = AuthTokenUser, user
	}
}

// serveToken answers as ghcr.io's token service or as Docker Hub's.
func (r *Registry) serveToken(w http.ResponseWriter, req *http.Request, rec *Request) {
	if req.Method != http.MethodGet {
		writeError(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "The operation is unsupported.")
		return
	}
	if rec.Auth == AuthBasicBad {
		if r.opt.Mode == ModeHub {
			writeJSON(w, http.StatusUnauthorized, map[string]string{"details": "incorrect username or password"})
			return
		}
		writeError(w, http.StatusForbidden, "DENIED", "denied")
		return
	}
	if r.opt.Mode == ModeToken {
		for _, repo := range scopeRepositories(req) {
			switch {
			case r.opt.Access(rec.User, repo):
			case rec.User == "":
				writeError(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
				return
			default:
				writeError(w, http.StatusForbidden, "DENIED", "denied")
				return
			}
		}
	}
	token := rand.Text()
	r.env.AddSecret(Secret{Name: "token of " + r.Host(), Value: token})
	r.mu.Lock()
	r.tokens[token] = rec.User
	r.mu.Unlock()
	writeJSON(w, http.StatusOK, map[string]any{"token": token, "expires_in": 300, "issued_at": time.Now().UTC().Format(time.RFC3339)})
}

// allowed lets a request through or refuses it.
func (r *Registry) allowed(w http.ResponseWriter, req *http.Request, rec *Request) bool {
	if r.opt.Mode == ModeOpen {
		return true
	}
	write := req.Method != http.MethodGet && req.Method != http.MethodHead
	switch rec.Auth {
	case AuthBasicGood, AuthTokenUser:
		if rec.Repository == "" || r.opt.Access(rec.User, rec.Repository) {
			return true
		}
	case AuthTokenAnonymous:
		if !write && (rec.Repository == "" || r.opt.Access("", rec.Repository)) {
			return true
		}
	case AuthNone:
		if r.opt.Mode == ModeBasic && !write && rec.Repository != "" && r.opt.Access("", rec.Repository) {
			return true
		}
	case AuthBasicBad, AuthTokenUnknown:
	}
	w.Header().Set("WWW-Authenticate", r.challenge(req, rec, write))
	writeError(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
	return false
}

// challenge says where to get a token for what was asked.
func (r *Registry) challenge(req *http.Request, rec *Request, write bool) string {
	if r.opt.Mode == ModeBasic {
		return `Basic realm="` + r.Host() + `"`
	}
	repo, actions := rec.Repository, "pull"
	if repo == "" {
		repo = "user/image"
	}
	if write {
		actions = "pull,push"
	}
	c := `Bearer realm="` + r.realm(req) + `",service="` + r.service() + `",scope="repository:` + repo + ":" + actions + `"`
	switch rec.Auth {
	case AuthTokenUnknown:
		c += `,error="invalid_token"`
	case AuthTokenAnonymous, AuthTokenUser:
		c += `,error="insufficient_scope"`
	case AuthNone, AuthBasicGood, AuthBasicBad:
	}
	return c
}

// realm is the canonical address of the token service, however the client
// spelled the registry: public registries name theirs by a constant.
func (r *Registry) realm(req *http.Request) string {
	switch {
	case r.opt.Behind:
		return "https://" + r.Host() + tokenPath
	case req.TLS == nil && r.opt.Mode == ModeHub:
		_, port, _ := net.SplitHostPort(r.Addr)
		return "http://localhost:" + port + tokenPath
	case req.TLS == nil:
		return "http://" + r.Addr + tokenPath
	case r.opt.TokenHost != "":
		return "https://" + r.opt.TokenHost + tokenPath
	default:
		return "https://" + r.Host() + tokenPath
	}
}

func (r *Registry) service() string {
	if r.opt.Mode == ModeHub {
		return "registry.docker.io"
	}
	return r.Host()
}

// writeError answers in the format of registries.
func writeError(w http.ResponseWriter, status int, code, message string) {
	writeJSON(w, status, map[string]any{"errors": []map[string]string{{"code": code, "message": message}}})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// statusWriter remembers the status of a response.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader is http.ResponseWriter's.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Write is http.ResponseWriter's.
func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController find the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// freeAddr is a loopback address that is free now.
func freeAddr(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", errors.WithStack(err)
	}
	return l.Addr().String(), errors.WithStack(l.Close())
}

func ping(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return errors.WithStack(err)
	}
	resp, err := (&http.Client{Transport: directTransport}).Do(req)
	if err != nil {
		return errors.WithStack(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.Errorf("%s: %s", url, resp.Status)
	}
	return nil
}
