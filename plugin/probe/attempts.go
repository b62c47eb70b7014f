package probe

import (
	"context"
	"net/http"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/log"
	"github.com/distribution/reference"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
	"github.com/moby/buildkit/version"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/frontend/resolve"
	"github.com/org/pullsafe/plugin/credentials"
)

const (
	// repeats bounds how often an attempt without credentials is repeated after a fault
	// that may pass: one broken connection must not make a public image look private.
	repeats    = 2
	repeatWait = 250 * time.Millisecond
)

// attempts are those for one name, on one platform after another. What does not depend
// on the platform is asked once.
type attempts struct {
	prober *Prober
	named  reference.Named
	opened map[openedKey]*opened
}

// openedKey is a name and how it is asked for.
type openedKey struct {
	name        string
	credentials bool
	deep        bool
}

// opened is the answer for a name: its digest, and of a deep attempt its manifest.
type opened struct {
	attempt Attempt
	image   *image
}

// of makes the attempts for one reference.
func (a *attempts) of(ctx context.Context, ref references.Reference) Result {
	r := Result{Reference: ref}
	q := resolve.NewRequest(ref.Name, ref.Platform, func(ctx context.Context, name, _ string, _ []*spb.Policy) (*resolve.Image, error) {
		return a.answer(ctx, &r, name)
	})
	res, err := a.prober.fallback.Resolve(ctx, q)
	if err != nil {
		r.With.Err = err // canceled
		return r
	}
	with, err := a.prober.authorizer(a.named, false, true)
	if err != nil {
		r.With.Err = err
		return r
	}
	r.Scheme, r.Sent, r.Source = with.state()
	if !r.Sent {
		// Not asked for, or never got: where it would come from is still of interest.
		c, err := a.prober.lookup(ctx, with.registry.Host, a.named, r.Scheme)
		r.Source, r.HelperErr = c.Source, err
	}
	a.without(ctx, &r, res)
	return r
}

// without asks for the image without credentials where that tells something, and under
// the aliases too where only credentials kept them from being asked so.
func (a *attempts) without(ctx context.Context, r *Result, res *resolve.Resolution) {
	switch {
	case r.Sent && r.With.Err == nil, r.Sent && res.FellBack():
		without := a.ask(ctx, a.named, r.Reference, openedKey{name: r.Reference.Name}, false)
		r.Without = &without
	case r.Sent, r.HelperErr != nil && r.With.Err != nil:
		without := a.askTwice(ctx, a.named, r.Reference)
		r.Without = &without
	}
	if r.Without == nil || r.Without.Err != nil || res.FellBack() {
		return
	}
	for i := range r.Aliases {
		alias := &r.Aliases[i]
		named, ok := a.under(alias.Host)
		if !alias.Held() || alias.Source.Kind != credentials.CredsStore || !ok {
			continue // credHelpers and auths name the alias itself: somebody wants it so
		}
		if try := a.ask(ctx, named, r.Reference, openedKey{name: named.String()}, true); try.Err == nil {
			r.Served = alias
			return
		}
	}
}

// under is the name under another host.
func (a *attempts) under(host string) (reference.Named, bool) {
	rest := a.named.String()[len(reference.Domain(a.named)):]
	named, err := reference.ParseNormalizedNamed(host + rest)
	return named, err == nil
}

// answer makes the attempt of the fallback's rules for a name: the reference as written,
// or under a host alias.
func (a *attempts) answer(ctx context.Context, r *Result, name string) (*resolve.Image, error) {
	key := openedKey{name: name, credentials: true, deep: true}
	if name == r.Reference.Name {
		r.With = a.ask(ctx, a.named, r.Reference, key, false)
		return &resolve.Image{Ref: name, Digest: r.With.Digest}, r.With.Err
	}
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return nil, err
	}
	alias := Alias{Host: reference.Domain(named)}
	switch auth, err := a.prober.authorizer(named, true, true); {
	case err != nil:
		alias.Err = err
	case a.same(ctx, r, named, auth.registry.Host):
		return nil, r.With.Err
	default:
		alias.Attempt = a.ask(ctx, named, r.Reference, key, true)
		_, alias.Sent, alias.Source = auth.state()
		if diagnosis.Diagnose(name, errorText(alias.Err)).Class == diagnosis.CredentialHelper {
			c, err := a.prober.lookup(ctx, auth.registry.Host, named, Open)
			alias.Source, alias.HelperErr = c.Source, err
		}
	}
	if n := len(r.Aliases); n > 0 && r.Aliases[n-1].Host == alias.Host {
		r.Aliases = r.Aliases[:n-1] // repeated
	}
	r.Aliases = append(r.Aliases, alias)
	return &resolve.Image{Ref: name, Digest: alias.Digest}, alias.Err
}

// same tells that an attempt under an alias, as whose host requests spell it, sends what
// the one as written has sent: nothing. A build asks again; the answer is the same.
func (a *attempts) same(ctx context.Context, r *Result, alias reference.Named, host string) bool {
	with, err := a.prober.authorizer(a.named, false, true)
	if err != nil || diagnosis.Diagnose(r.Reference.Name, errorText(r.With.Err)).Class == diagnosis.CredentialHelper {
		return false
	}
	if _, sent, _ := with.state(); sent {
		return false
	}
	c, err := a.prober.lookup(ctx, host, alias, Open)
	return err == nil && c.Empty()
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// askTwice asks without credentials, and again after a fault that may pass.
func (a *attempts) askTwice(ctx context.Context, named reference.Named, ref references.Reference) Attempt {
	wait := repeatWait
	for i := 0; ; i++ {
		attempt := a.ask(ctx, named, ref, openedKey{name: ref.Name, deep: true}, false)
		if attempt.Err == nil || i == repeats || !diagnosis.Diagnose(ref.Name, attempt.Err.Error()).Transient() {
			return attempt
		}
		select {
		case <-ctx.Done():
			return attempt
		case <-time.After(wait):
			wait *= 2
		}
	}
}

// ask makes one attempt: what the name stands for, and if it is deep, whether there is
// an image behind it for the platform.
func (a *attempts) ask(ctx context.Context, named reference.Named, ref references.Reference, key openedKey, alias bool) Attempt {
	o, known := a.opened[key]
	if !known {
		o = a.open(ctx, named, key, alias)
		// The rules of the fallback, and askTwice, repeat an attempt by asking again.
		if o.attempt.Err == nil || !diagnosis.Diagnose(ref.Name, o.attempt.Err.Error()).Transient() {
			a.opened[key] = o
		}
	}
	attempt := o.attempt
	if attempt.Err != nil || o.image == nil {
		return attempt
	}
	attempt.Platforms = o.image.platforms()
	platform, onBuild, err := o.image.config(log.WithLogger(ctx, a.prober.quiet), ref.Platform)
	attempt.OnBuild, attempt.Err = onBuild, err
	if err == nil && len(attempt.Platforms) == 0 {
		attempt.Platforms = []string{platform}
	}
	return attempt
}

// open resolves a name, and reads its manifest for a deep attempt.
func (a *attempts) open(ctx context.Context, named reference.Named, key openedKey, alias bool) *opened {
	ctx = log.WithLogger(ctx, a.prober.quiet)
	fail := func(err error) *opened { return &opened{attempt: Attempt{Err: err}} }
	auth, err := a.prober.authorizer(named, alias, key.credentials)
	if err != nil {
		return fail(err)
	}
	auth.forget()
	host := auth.registry
	host.Authorizer = auth
	resolver := docker.NewResolver(docker.ResolverOptions{
		Hosts:   func(string) ([]docker.RegistryHost, error) { return []docker.RegistryHost{host}, nil },
		Headers: http.Header{"User-Agent": {version.UserAgent()}},
	})
	_, desc, err := resolver.Resolve(ctx, key.name)
	if err != nil {
		return fail(err)
	}
	o := &opened{attempt: Attempt{Digest: desc.Digest}}
	if !key.deep {
		return o
	}
	fetcher, err := resolver.Fetcher(ctx, key.name)
	if err != nil {
		return fail(err)
	}
	o.image, err = open(ctx, fetcher, desc)
	if err != nil {
		return fail(err)
	}
	return o
}

// forget drops a token that could not be fetched because of a fault that may pass.
func (a *authorizer) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tokenErr != nil && diagnosis.Diagnose("", a.tokenErr.Error()).Transient() {
		a.tokenErr = nil
	}
}
