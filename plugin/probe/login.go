package probe

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/containerd/containerd/v2/core/remotes/docker/auth"
	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/moby/buildkit/version"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/plugin/credentials"
)

// Login is what is known of credentials with which an image was resolved. That alone
// says nothing of them: there are token services that give an anonymous token to
// whoever sends a wrong password (goharbor/harbor).
type Login struct {
	State LoginState
	// Err is the answer where they were rejected, or why they could not be tested.
	Err error
}

// LoginState says whether credentials are accepted.
type LoginState string

// The states. Public images tell nothing, so GET /v2/ is asked, as `docker login` does,
// unless there is an image that cannot be resolved without the credentials.
const (
	LoginNotTested LoginState = ""
	LoginAccepted  LoginState = "accepted"
	LoginRejected  LoginState = "rejected"
	// LoginOpen: GET /v2/ needs no credentials.
	LoginOpen LoginState = "open"
)

// loginKey is credentials that are sent to one registry.
type loginKey struct {
	host   string
	source credentials.Source
}

// verify says of the credentials that resolved images whether they are accepted. Each
// is tested at most once.
func (p *Prober) verify(ctx context.Context, results []Result) {
	for i := range results {
		if r := &results[i]; r.proves() {
			p.logins[loginKey{r.Host, r.Source}] = Login{State: LoginAccepted}
		}
	}
	for i := range results {
		r := &results[i]
		if !r.Sent || r.With.Digest == "" {
			continue
		}
		key := loginKey{r.Host, r.Source}
		login, known := p.logins[key]
		if !known && context.Cause(ctx) == nil {
			login = p.login(ctx, r)
			p.logins[key] = login
		}
		r.Login = login
	}
}

// proves tells that the image was resolved because of the credentials: the registry
// itself took them, or it has no such image for others.
func (r *Result) proves() bool {
	if !r.Sent || r.With.Digest == "" {
		return false
	}
	if r.Scheme == Basic {
		return true
	}
	if r.Without == nil || r.Without.Err == nil {
		return false
	}
	//exhaustive:ignore
	switch diagnosis.Diagnose(r.Reference.Name, r.Without.Err.Error()).Class {
	case diagnosis.AuthRequired, diagnosis.DeniedAmbiguous, diagnosis.CredentialsRejected, diagnosis.NotFound:
		return true
	}
	return false
}

// login tests the credentials of a result as docker login does (moby, registry/auth.go,
// loginV2): a token without scopes, and GET /v2/ with it.
func (p *Prober) login(ctx context.Context, r *Result) Login {
	named, err := reference.ParseNormalizedNamed(r.Reference.Name)
	if err != nil {
		return Login{Err: err}
	}
	a, err := p.authorizer(named, false, true)
	if err != nil {
		return Login{Err: err}
	}
	open, err := a.ping(ctx, "")
	switch {
	case err != nil:
		return Login{Err: err}
	case open.status == http.StatusOK:
		return Login{State: LoginOpen}
	case open.status != http.StatusUnauthorized:
		return Login{Err: open.unexpected()}
	}
	header, err := a.loginHeader(ctx, open)
	if err == nil {
		var tested pong
		if tested, err = a.ping(ctx, header); err == nil && tested.status == http.StatusOK {
			return Login{State: LoginAccepted}
		}
		if err == nil {
			err = tested.unexpected()
		}
	}
	//exhaustive:ignore
	switch diagnosis.Diagnose(r.Reference.Name, err.Error()).Class {
	case diagnosis.CredentialsRejected, diagnosis.DeniedAmbiguous, diagnosis.AuthRequired:
		return Login{State: LoginRejected, Err: err}
	}
	return Login{Err: err}
}

// loginHeader answers the challenge to GET /v2/ with the credentials.
func (a *authorizer) loginHeader(ctx context.Context, to pong) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if token := a.credential.Token(); token != "" {
		return "Bearer " + token, nil
	}
	user, secret := a.credential.Login()
	for _, c := range auth.ParseAuthHeader(to.header) {
		switch c.Scheme {
		case auth.BearerAuth:
			options, err := auth.GenerateTokenOptions(ctx, a.registry.Host, user, secret, c)
			if err != nil {
				return "", err
			}
			options.Scopes = nil
			if err := checkRealm(options.Realm, to.url); err != nil {
				return "", err
			}
			token, err := fetchToken(ctx, a.clients.tokens(a.registry, hostOf(options.Realm)), options)
			return "Bearer " + token, err
		case auth.BasicAuth:
			req := http.Request{Header: http.Header{}}
			req.SetBasicAuth(user, secret)
			return req.Header.Get("Authorization"), nil
		case auth.DigestAuth:
		}
	}
	return "", errUnsupported
}

// pong is the answer to GET /v2/.
type pong struct {
	url    *url.URL
	status int
	header http.Header
}

// ping is GET /v2/ with an Authorization header, or without one.
func (a *authorizer) ping(ctx context.Context, authorization string) (pong, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.registry.Scheme+"://"+a.registry.Host+"/v2/", http.NoBody)
	if err != nil {
		return pong{}, errors.WithStack(err)
	}
	req.Header.Set("User-Agent", version.UserAgent())
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := a.registry.Client.Do(req)
	if err != nil {
		return pong{}, errors.Wrap(err, "failed to do request")
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxBody))
	if at := resp.Request.URL.Host; at != a.registry.Host {
		return pong{}, errors.Wrapf(errdefs.ErrNotImplemented, "GET /v2/ redirects to %s", at)
	}
	return pong{resp.Request.URL, resp.StatusCode, resp.Header}, nil
}

func (p pong) unexpected() error {
	return errors.Errorf("unexpected status from GET request to %s: %d %s", p.url, p.status, http.StatusText(p.status))
}
