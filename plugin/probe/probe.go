package probe

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/containerd/log"
	"github.com/distribution/reference"
	digest "github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/frontend/resolve"
	"github.com/org/pullsafe/plugin/credentials"
)

// Options say how to ask.
type Options struct {
	Lookup Lookup
	// Certs are folders with a folder of certificates for each registry host.
	Certs []string
	// Timeout is for one request.
	Timeout time.Duration
	// Concurrency bounds the images that are asked for at once.
	Concurrency int
	// Progress is told how many of the images are known.
	Progress func(done, all int)
}

// Prober asks registries. It keeps what it learned of a repository's credentials, and
// of the host aliases of a registry, from one Probe to the next.
type Prober struct {
	opt      Options
	clients  *clients
	quiet    *log.Entry // containerd logs each failure, which is told otherwise
	fallback *resolve.Resolver

	mu          sync.Mutex
	authorizers map[authorizerKey]*authorizer
	logins      map[loginKey]Login
}

// authorizerKey: a repository as its host is spelled, and whether it is asked with the
// credentials that are found for that spelling.
type authorizerKey struct {
	repository  string
	credentials bool
}

// New makes a prober.
func New(opt Options) *Prober {
	logger := logrus.New()
	logger.SetOutput(io.Discard)
	return &Prober{
		opt: opt, clients: newClients(opt.Certs, opt.Concurrency, opt.Timeout), quiet: logrus.NewEntry(logger),
		fallback: resolve.New(resolve.Options{
			FallsBack: func(string) bool { return true },
			Check:     func(context.Context, *resolve.Resolution, ...reference.Named) error { return nil },
		}),
		authorizers: map[authorizerKey]*authorizer{}, logins: map[loginKey]Login{},
	}
}

// Attempt is the answer to one way of asking for an image on one platform.
type Attempt struct {
	Digest    digest.Digest
	Platforms []string // that the image has; of an attempt that reads no manifest: none
	OnBuild   []string
	Err       error
}

// Alias is the attempt under one host alias, as the anonymous fallback of a build makes
// it: with what is stored for that spelling of the host, which is nothing if all is well.
type Alias struct {
	Attempt

	Host string // the alias
	// Source is where the credentials for the alias come from, and HelperErr why they
	// could not be looked up.
	Source    credentials.Source
	HelperErr error
	Sent      bool
}

// Held tells that the attempt was not anonymous: credentials were found for the alias,
// or the helper that was asked for them failed.
func (a *Alias) Held() bool { return a.Sent || a.HelperErr != nil }

// Result is what is known of one reference.
type Result struct {
	Reference references.Reference
	// Host is the registry host as requests spell it.
	Host string
	// Source is where the credential for the image comes from, and HelperErr why
	// it could not be resolved.
	Source    credentials.Source
	HelperErr error
	Scheme    Scheme
	// Sent tells whether the credential was sent to anybody.
	Sent bool
	// With is the answer to the machine's own credentials, if there are any.
	With Attempt
	// Without is nil when there is no need to ask again: With was sent nothing.
	Without *Attempt
	// Aliases are the attempts of the anonymous fallback, in order; none where a build
	// does not fall back.
	Aliases []Alias
	// Served is, where those failed because of what is stored for the aliases, the first
	// one under which the registry has the image without it.
	Served *Alias
	// Login says whether the credential, with which the image was resolved, counts.
	Login Login
}

// Probe asks for references, in their order. The error is that of the context.
func (p *Prober) Probe(ctx context.Context, refs []references.Reference) ([]Result, error) {
	byName := map[string][]int{}
	var names []string
	for i, r := range refs {
		if _, ok := byName[r.Name]; !ok {
			names = append(names, r.Name)
		}
		byName[r.Name] = append(byName[r.Name], i)
	}
	if p.opt.Progress != nil {
		p.opt.Progress(0, len(names))
	}
	results := make([]Result, len(refs))
	var done int
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(max(p.opt.Concurrency, 1))
	for _, name := range names {
		group.Go(func() error {
			if cause := context.Cause(ctx); cause != nil {
				return cause
			}
			p.image(ctx, name, refs, byName[name], results)
			mu.Lock()
			defer mu.Unlock()
			done++
			if p.opt.Progress != nil {
				p.opt.Progress(done, len(names))
			}
			return nil
		})
	}
	_ = group.Wait()
	p.verify(ctx, results)
	return results, context.Cause(ctx)
}

// image asks for one name and fills in the results of the references that have
// it, one a platform.
func (p *Prober) image(ctx context.Context, name string, refs []references.Reference, at []int, results []Result) {
	fail := func(host string, err error) {
		for _, i := range at {
			results[i] = Result{Reference: refs[i], Host: host, With: Attempt{Err: err}}
		}
	}
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		fail("", errors.Wrapf(err, "failed to parse stage name %q", name))
		return
	}
	host, err := p.clients.host(reference.Domain(named), false)
	if err != nil {
		fail(reference.Domain(named), err)
		return
	}
	a := &attempts{prober: p, named: named, opened: map[openedKey]*opened{}}
	done := map[string]Result{}
	for _, i := range at {
		r, ok := done[references.PlatformString(refs[i].Platform)]
		if !ok {
			r = a.of(ctx, refs[i])
			done[references.PlatformString(refs[i].Platform)] = r
		}
		r.Reference, r.Host = refs[i], host.Host
		results[i] = r
	}
}

// authorizer is that of a repository, as its host is spelled.
func (p *Prober) authorizer(named reference.Named, alias, withCredentials bool) (*authorizer, error) {
	host, err := p.clients.host(reference.Domain(named), alias)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	key := authorizerKey{named.Name(), withCredentials}
	a, ok := p.authorizers[key]
	if !ok {
		a = &authorizer{clients: p.clients, registry: host}
		if withCredentials {
			a.lookup = p.opt.Lookup
		}
		p.authorizers[key] = a
	}
	return a, nil
}

// lookup finds the credential for a repository, as its host is spelled in requests.
func (p *Prober) lookup(ctx context.Context, host string, named reference.Named, scheme Scheme) (credentials.Credential, error) {
	if p.opt.Lookup == nil {
		return credentials.Credential{}, nil
	}
	var scopes []string
	if scheme != Basic {
		if c, err := p.opt.Lookup(ctx, host, nil); err != nil {
			return c, err
		}
		scopes = credentials.PullScopes(reference.Path(named))
	}
	return p.opt.Lookup(ctx, host, scopes)
}
