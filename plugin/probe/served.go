package probe

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker/auth"
	"github.com/distribution/reference"
	"github.com/moby/buildkit/version"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/registry"
	"github.com/org/pullsafe/llb"
)

// Answer is that to GET /v2/ under one spelling of a registry host, asked by HTTP/1.1
// and without credentials. No redirect is followed.
type Answer struct {
	Host string
	Kind llb.Kind // empty for the host as written
	// Status is the HTTP status, 0 where there was no answer, for the reason Err of the
	// class Class.
	Status int
	Err    string
	Class  diagnosis.Class
	// Scheme and Realm are those of the challenge, and Location is where a redirect leads.
	Scheme   auth.AuthenticationScheme
	Realm    string
	Location string
	// Same tells of an alias that the answer is the one to the host as written, so that
	// both are the same registry.
	Same bool

	api string // the header by which a registry says that it is one
}

// Registry is what a registry host and its proxy answer.
type Registry struct {
	Host      string
	AsWritten Answer
	Aliases   []Answer // in the order in which a build asks them
}

// Works tells that the host as written answers as a registry.
func (r *Registry) Works() bool {
	a := &r.AsWritten
	return a.Status == http.StatusOK || a.Status == http.StatusUnauthorized && a.Scheme != 0 ||
		a.Location != "" && !registry.Same(hostOf(a.Location), a.Host)
}

// Served are the aliases under which the registry is there.
func (r *Registry) Served() []Answer {
	var out []Answer
	for _, a := range r.Aliases {
		if a.Same && r.Works() {
			out = append(out, a)
		}
	}
	return out
}

// ParseRegistry reads a registry host.
func ParseRegistry(host string) (reference.Named, error) {
	named, err := reference.ParseNormalizedNamed(host + "/library/image")
	if err != nil || reference.Domain(named) != host || host == "" {
		return nil, errors.Errorf("%q is not a registry host, such as ghcr.io or 127.0.0.1:5000", diagnosis.Clean(host, 100))
	}
	return named, nil
}

// Registry asks a registry, and under each of its host aliases. The error is that of
// the context, or that the host is none.
func (p *Prober) Registry(ctx context.Context, host string) (*Registry, error) {
	named, err := ParseRegistry(host)
	if err != nil {
		return nil, err
	}
	r := &Registry{Host: host, AsWritten: p.served(ctx, host)}
	for _, kind := range registry.AliasOrder(host) {
		for _, alias := range llb.Aliases(named, []llb.Kind{kind}) {
			a := p.served(ctx, reference.Domain(alias))
			a.Kind, a.Same = kind, a.same(&r.AsWritten)
			r.Aliases = append(r.Aliases, a)
		}
	}
	return r, context.Cause(ctx)
}

// served asks under one spelling.
func (p *Prober) served(ctx context.Context, domain string) Answer {
	h, err := p.clients.host(domain, true)
	if err != nil {
		return Answer{Host: domain, Err: err.Error(), Class: diagnosis.TLSFailure}
	}
	a := Answer{Host: h.Host}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.Scheme+"://"+h.Host+"/v2/", http.NoBody)
	if err != nil {
		a.Err, a.Class = err.Error(), diagnosis.InvalidReference
		return a
	}
	req.Header.Set("User-Agent", version.UserAgent())
	client := &http.Client{Transport: h.Client.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		d := diagnosis.Diagnose(domain+"/library/image", errors.Wrap(err, "failed to do request").Error())
		a.Err, a.Class = d.Message, d.Class
		return a
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxBody))
	_ = resp.Body.Close()
	a.Status, a.api = resp.StatusCode, resp.Header.Get("Docker-Distribution-Api-Version")
	if to, err := resp.Location(); err == nil && a.Status >= 300 && a.Status < 400 {
		a.Location = to.Scheme + "://" + to.Host + to.Path
	}
	for _, c := range auth.ParseAuthHeader(resp.Header) {
		a.Scheme, a.Realm = c.Scheme, withoutQuery(c.Parameters["realm"])
		break // the one that BuildKit takes
	}
	return a
}

// same tells that two answers come of one registry.
func (a *Answer) same(b *Answer) bool {
	if a.Status == 0 || a.Status != b.Status || a.api != b.api || a.Scheme != b.Scheme {
		return false
	}
	if a.Location != "" || b.Location != "" {
		return sameURL(a.Location, b.Location) && !registry.Same(hostOf(a.Location), a.Host)
	}
	return a.Scheme != auth.BearerAuth || sameURL(a.Realm, b.Realm)
}

// sameURL compares two addresses; registries echo the spelling of their host in them.
func sameURL(a, b string) bool {
	one, err := url.Parse(a)
	other, err2 := url.Parse(b)
	if err != nil || err2 != nil {
		return false
	}
	return one.Scheme == other.Scheme && one.Path == other.Path && (one.Host == other.Host || registry.Same(one.Host, other.Host))
}

func withoutQuery(address string) string {
	address, _, _ = strings.Cut(address, "?")
	return address
}
