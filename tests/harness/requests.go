package harness

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Kind is what a request asks a registry for.
type Kind string

// Kinds of requests.
const (
	KindPing     Kind = "ping"
	KindToken    Kind = "token"
	KindManifest Kind = "manifest"
	KindBlob     Kind = "blob"
	KindOther    Kind = "other"
)

// Auth is what a request carries to say who asks.
type Auth string

// Kinds of credentials.
const (
	AuthNone           Auth = "none"
	AuthBasicGood      Auth = "basic-good"
	AuthBasicBad       Auth = "basic-bad"
	AuthTokenAnonymous Auth = "token-anonymous"
	AuthTokenUser      Auth = "token-user"
	AuthTokenUnknown   Auth = "token-unknown"
)

// Anonymous tells that nobody's credentials are behind the request.
func (a Auth) Anonymous() bool { return a == AuthNone || a == AuthTokenAnonymous }

// Request is one request as a registry received it.
type Request struct {
	Time time.Time
	// Host is the Host header, SNI the TLS server name, both as spelled by the client.
	Host, SNI   string
	Proto       string // "HTTP/1.1", "HTTP/2.0"
	Method      string
	Path, Query string
	Kind        Kind
	Repository  string
	Reference   string
	Auth        Auth
	User        string
	Status      int

	authorization string
}

// Requests is a list of requests with filters, each of which returns a new list.
type Requests []Request

// Where keeps the requests for which keep is true.
func (rs Requests) Where(keep func(Request) bool) Requests {
	return slices.DeleteFunc(slices.Clone(rs), func(r Request) bool { return !keep(r) })
}

// WithCredentials keeps the requests that somebody's credentials are behind.
func (rs Requests) WithCredentials() Requests {
	return rs.Where(func(r Request) bool { return !r.Auth.Anonymous() })
}

// Tokens keeps the requests for a token.
func (rs Requests) Tokens() Requests { return rs.kind(KindToken, nil) }

// Manifests keeps the requests for manifests, of the repositories if any are given.
func (rs Requests) Manifests(repositories ...string) Requests {
	return rs.kind(KindManifest, repositories)
}

// Blobs keeps the requests for configs and layers, of the repositories if any are given.
func (rs Requests) Blobs(repositories ...string) Requests {
	return rs.kind(KindBlob, repositories)
}

func (rs Requests) kind(k Kind, repositories []string) Requests {
	return rs.Where(func(r Request) bool {
		return r.Kind == k && (len(repositories) == 0 || slices.Contains(repositories, r.Repository))
	})
}

// Hosts are the different Host headers, sorted.
func (rs Requests) Hosts() []string {
	var hosts []string
	for _, r := range rs {
		hosts = append(hosts, r.Host)
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// String has a line for each request, for messages of tests.
func (rs Requests) String() string {
	var b strings.Builder
	for _, r := range rs {
		line := []string{r.Host, r.Method, r.Path, string(r.Kind), r.Repository, string(r.Auth), http.StatusText(r.Status)}
		b.WriteString(strings.Join(line, " ") + "\n")
	}
	return b.String()
}

var pathPattern = regexp.MustCompile(`^/v2/(.+)/(manifests|blobs|tags|referrers)/(.+)$`)

// newRequest records what a request says by itself; who asks is added later.
func newRequest(req *http.Request) *Request {
	r := &Request{
		Time: time.Now(), Host: req.Host, Proto: req.Proto, Method: req.Method,
		Path: req.URL.Path, Query: req.URL.RawQuery, Kind: KindOther, Auth: AuthNone,
		authorization: req.Header.Get("Authorization"),
	}
	if req.TLS != nil {
		r.SNI = req.TLS.ServerName
	}
	m := pathPattern.FindStringSubmatch(r.Path)
	switch {
	case r.Path == tokenPath:
		r.Kind = KindToken
		if repos := scopeRepositories(req); len(repos) > 0 {
			r.Repository = repos[0]
		}
	case r.Path == "/v2/" || r.Path == "/v2":
		r.Kind = KindPing
	case m != nil:
		r.Repository, r.Reference = m[1], m[3]
		switch m[2] {
		case "manifests":
			r.Kind = KindManifest
		case "blobs":
			r.Kind = KindBlob
		}
	}
	return r
}

// scopeRepositories are the repositories that a request for a token names.
func scopeRepositories(req *http.Request) []string {
	var repos []string
	for _, scope := range req.URL.Query()["scope"] {
		for one := range strings.FieldsSeq(scope) {
			if parts := strings.Split(one, ":"); len(parts) == 3 && parts[0] == "repository" {
				repos = append(repos, parts[1])
			}
		}
	}
	return repos
}
