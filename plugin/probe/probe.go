package probe

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/log"
	"github.com/distribution/reference"
	"github.com/moby/buildkit/version"
	digest "github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/plugin/credentials"
)

const (
	// repeats bounds how often an attempt without credentials is repeated after a fault
	// that may pass: one broken connection must not make a public image look private.
	repeats    = 2
	repeatWait = 250 * time.Millisecond
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

// Prober asks registries. It keeps what it learned of a repository's credentials
// from one Probe to the next.
type Prober struct {
	opt     Options
	clients *clients
	quiet   *log.Entry // containerd logs each failure, which is told otherwise

	mu           sync.Mutex
	repositories map[string]*repository
}

// repository has the two ways of asking for the images of one repository.
type repository struct {
	with, without *authorizer
}

// New makes a prober.
func New(opt Options) *Prober {
	logger := logrus.New()
	logger.SetOutput(io.Discard)
	return &Prober{
		opt: opt, clients: newClients(opt.Certs, opt.Concurrency, opt.Timeout), quiet: logrus.NewEntry(logger), repositories: map[string]*repository{},
	}
}

// Attempt is the answer to one way of asking for an image on one platform.
type Attempt struct {
	Digest    digest.Digest
	Platforms []string // that the image has; of an attempt that reads no manifest: none
	OnBuild   []string
	Err       error
}

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
	return results, context.Cause(ctx)
}

// image asks for one name and fills in the results of the references that have
// it, one a platform.
func (p *Prober) image(ctx context.Context, name string, refs []references.Reference, at []int, results []Result) {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		for _, i := range at {
			results[i] = Result{Reference: refs[i], With: Attempt{Err: errors.Wrapf(err, "failed to parse stage name %q", name)}}
		}
		return
	}
	repo, host, err := p.repository(named)
	if err != nil {
		for _, i := range at {
			results[i] = Result{Reference: refs[i], Host: reference.Domain(named), With: Attempt{Err: err}}
		}
		return
	}
	with := p.ask(ctx, name, host, repo.with, refs, at, true)
	scheme, sent, source := repo.with.state()
	var helperErr error
	if !sent {
		// Not asked for, or never got: where it would come from is still of interest.
		var c credentials.Credential
		c, helperErr = p.lookup(ctx, host.Host, named, scheme)
		source = c.Source
	}
	var without []Attempt
	switch {
	case sent && with[0].Err == nil:
		without = p.ask(ctx, name, host, repo.without, refs, at, false)
	case sent, helperErr != nil && with[0].Err != nil:
		without = p.askTwice(ctx, name, host, repo.without, refs, at)
	}
	for n, i := range at {
		results[i] = Result{
			Reference: refs[i], Host: host.Host, Source: source, HelperErr: helperErr, Scheme: scheme, Sent: sent, With: with[n],
		}
		if without != nil {
			results[i].Without = &without[n]
		}
	}
}

// lookup finds the credential that was not sent.
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

func (p *Prober) repository(named reference.Named) (*repository, docker.RegistryHost, error) {
	host, err := p.clients.registry(reference.Domain(named))
	if err != nil {
		return nil, host, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	r, ok := p.repositories[named.Name()]
	if !ok {
		r = &repository{
			with:    &authorizer{clients: p.clients, registry: host, lookup: p.opt.Lookup},
			without: &authorizer{clients: p.clients, registry: host},
		}
		p.repositories[named.Name()] = r
	}
	return r, host, nil
}

// askTwice is ask, repeated after a fault that may pass.
func (p *Prober) askTwice(ctx context.Context, name string, host docker.RegistryHost, a *authorizer, refs []references.Reference, at []int) []Attempt {
	wait := repeatWait
	for i := 0; ; i++ {
		attempts := p.ask(ctx, name, host, a, refs, at, true)
		err := attempts[0].Err
		if err == nil || i == repeats || !diagnosis.Diagnose(name, err.Error()).Transient() {
			return attempts
		}
		select {
		case <-ctx.Done():
			return attempts
		case <-time.After(wait):
			wait *= 2
		}
		a.forget()
	}
}

// ask makes one attempt: what the name stands for, and with deep, whether there is an
// image behind it for each platform.
func (p *Prober) ask(ctx context.Context, name string, host docker.RegistryHost, a *authorizer, refs []references.Reference, at []int, deep bool) []Attempt {
	ctx = log.WithLogger(ctx, p.quiet)
	host.Authorizer = a
	resolver := docker.NewResolver(docker.ResolverOptions{
		Hosts:   func(string) ([]docker.RegistryHost, error) { return []docker.RegistryHost{host}, nil },
		Headers: http.Header{"User-Agent": {version.UserAgent()}},
	})
	attempts := make([]Attempt, len(at))
	fail := func(err error) []Attempt {
		for n := range attempts {
			attempts[n].Err = err
		}
		return attempts
	}
	_, desc, err := resolver.Resolve(ctx, name)
	if err != nil {
		return fail(err)
	}
	for n := range attempts {
		attempts[n].Digest = desc.Digest
	}
	if !deep {
		return attempts
	}
	fetcher, err := resolver.Fetcher(ctx, name)
	if err != nil {
		return fail(err)
	}
	img, err := open(ctx, fetcher, desc)
	if err != nil {
		return fail(err)
	}
	for n, i := range at {
		attempts[n].Platforms = img.platforms()
		platform, onBuild, err := img.config(ctx, refs[i].Platform)
		attempts[n].OnBuild, attempts[n].Err = onBuild, err
		if err == nil && len(attempts[n].Platforms) == 0 {
			attempts[n].Platforms = []string{platform}
		}
	}
	return attempts
}

// forget drops a token that could not be fetched.
func (a *authorizer) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tokenErr = nil
}
