package probe

import (
	"context"
	"net/http"
	"sync"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/remotes/docker/auth"
	"github.com/containerd/errdefs"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/plugin/credentials"
)

// Lookup finds the credential for a registry host, as requests spell it, and the
// scopes of a token.
type Lookup func(ctx context.Context, host string, scopes []string) (credentials.Credential, error)

// Scheme is how a registry wants to be told who asks.
type Scheme string

// The schemes. Open is a registry that did not ask.
const (
	Open   Scheme = ""
	Bearer Scheme = "token"
	Basic  Scheme = "basic"
)

// authorizer answers the challenges of one registry for one repository. It is
// docker.Authorizer, and safe for concurrent use.
type authorizer struct {
	clients  *clients
	registry docker.RegistryHost
	lookup   Lookup // nil: without credentials

	mu         sync.Mutex
	scheme     Scheme
	options    auth.TokenOptions
	credential credentials.Credential
	token      string
	tokenErr   error
	renewed    bool
	sent       bool
}

// Authorize adds what the registry asked for to a request to it, and to no other.
func (a *authorizer) Authorize(ctx context.Context, req *http.Request) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if req.URL.Host != a.registry.Host || req.URL.Scheme != a.registry.Scheme {
		return nil
	}
	switch a.scheme {
	case Basic:
		user, secret := a.credential.Login()
		req.SetBasicAuth(user, secret)
		a.sent = true
	case Bearer:
		if err := a.ensureToken(ctx); err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+a.token)
	case Open:
	}
	return nil
}

// ensureToken gets the token once. An error that only this request met, because
// its time was over, is not kept.
func (a *authorizer) ensureToken(ctx context.Context) error {
	if a.token != "" || a.tokenErr != nil {
		return a.tokenErr
	}
	token, err := a.fetch(ctx)
	if err == nil || context.Cause(ctx) == nil {
		a.token, a.tokenErr = token, err
	}
	return err
}

// fetch gets the token for the repository.
func (a *authorizer) fetch(ctx context.Context) (string, error) {
	if token := a.credential.Token(); token != "" {
		a.sent = true
		return token, nil
	}
	if a.options.Secret != "" {
		a.sent = true
	}
	return fetchToken(ctx, a.clients.tokens(a.registry, hostOf(a.options.Realm)), a.options)
}

// AddResponses takes the challenge out of a 401, as BuildKit does
// (util/resolver/authorizer.go).
func (a *authorizer) AddResponses(ctx context.Context, responses []*http.Response) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	last := responses[len(responses)-1]
	if last.Request.URL.Host != a.registry.Host || last.Request.URL.Scheme != a.registry.Scheme {
		return errUnsupported // the other end of a redirect
	}
	if a.scheme != Open && last.Request.Header.Get("Authorization") == "" {
		return nil // another image of the repository was faster
	}
	for _, c := range auth.ParseAuthHeader(last.Header) {
		switch c.Scheme {
		case auth.BearerAuth:
			return a.bearer(ctx, last.Request, c)
		case auth.BasicAuth:
			if ok, err := a.basic(ctx); ok || err != nil {
				return err
			}
		case auth.DigestAuth:
		}
	}
	return errUnsupported
}

var errUnsupported = errors.Wrap(errdefs.ErrNotImplemented, "failed to find supported auth scheme")

func (a *authorizer) bearer(ctx context.Context, req *http.Request, c auth.Challenge) error {
	if a.scheme == Bearer {
		problem := c.Parameters["error"]
		if problem == "insufficient_scope" || a.renewed {
			if problem == "" {
				return errors.Wrap(errdefs.ErrNotImplemented, "the token was rejected")
			}
			return errors.Wrapf(docker.ErrInvalidAuthorization, "server message: %s", firstBytes(problem))
		}
		a.renewed, a.token, a.tokenErr = true, "", nil
		return nil
	}
	var user, secret string
	if a.lookup != nil {
		// buildx is first asked whose token it would be, without scopes: a helper
		// that fails then fails the request, whatever is stored for the scope.
		if _, err := a.lookup(ctx, a.registry.Host, nil); err != nil {
			return err
		}
		scopes := docker.GetTokenScopes(ctx, nil)
		var err error
		if a.credential, err = a.lookup(ctx, a.registry.Host, scopes); err != nil {
			return err
		}
		user, secret = a.credential.Login()
	}
	to, err := auth.GenerateTokenOptions(ctx, a.registry.Host, user, secret, c)
	if err != nil {
		return err
	}
	to.Scopes = docker.GetTokenScopes(ctx, nil)
	if secret != "" {
		if err := checkRealm(to.Realm, req.URL); err != nil {
			return err
		}
	}
	a.scheme, a.options = Bearer, to
	return nil
}

// basic is false when there is nothing to send. Unlike BuildKit, it does not send
// rejected credentials again: a registry may lock an account after a few.
func (a *authorizer) basic(ctx context.Context) (bool, error) {
	if a.lookup == nil || a.scheme == Basic {
		return false, nil
	}
	c, err := a.lookup(ctx, a.registry.Host, nil)
	if err != nil {
		return false, err
	}
	a.credential = c
	user, secret := c.Login()
	if user == "" || secret == "" {
		a.scheme = Open
		return false, nil
	}
	a.scheme = Basic
	return true, nil
}

// state is what is known after the requests.
func (a *authorizer) state() (scheme Scheme, sent bool, source credentials.Source) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.scheme, a.sent, a.credential.Source
}

// firstBytes bounds what a registry put into a header.
func firstBytes(s string) string { return s[:min(len(s), 64)] }
