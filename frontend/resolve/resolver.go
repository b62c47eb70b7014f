package resolve

import (
	"context"
	"sync"

	"github.com/distribution/reference"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
	"github.com/moby/buildkit/util/flightcontrol"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/llb"
)

// Options are the rules of one build.
type Options struct {
	FallsBack func(host string) bool // after a rejection by host
	Strict    bool                   // an image that only the fallback resolves is not used
	Policies  bool                   // the daemon applies source policies, also those of a request
	// Check has the daemon put names of an image to the policies of the user, in a
	// progress step that tells of the fallback to which r owes it.
	Check func(ctx context.Context, r *Resolution, refs ...reference.Named) error
}

// Resolver resolves references, each once a build. It is safe for concurrent use.
type Resolver struct {
	opt    Options
	flight flightcontrol.Group[*Resolution]

	mu       sync.Mutex
	memo     map[string]*Resolution         // by the key of the request
	order    []string                       // the keys, as they were resolved
	unserved map[string]diagnosis.Diagnosis // the answers of host aliases that hold for every image
}

// New returns a resolver for one build.
func New(opt Options) *Resolver {
	return &Resolver{opt: opt, memo: map[string]*Resolution{}, unserved: map[string]diagnosis.Diagnosis{}}
}

// Resolve says what became of a reference. An error beside the resolution's own says
// that nothing is known: the caller was cancelled, or the reference does not parse.
func (r *Resolver) Resolve(ctx context.Context, q *Request) (*Resolution, error) {
	named := q.parse()
	if named == nil {
		image, err := q.ask(ctx, q.Ref, q.LogName, nil)
		return &Resolution{Ref: q.Ref, Image: image, Err: err}, err
	}
	// Not only within the shared request: for a moment after its end, the group hands
	// out its result, and Pull may have put another one into the memo.
	if res := r.known(q); res != nil {
		return res, nil
	}
	res, err := r.flight.Do(ctx, q.key, func(ctx context.Context) (*Resolution, error) {
		if res := r.known(q); res != nil {
			return res, nil
		}
		res, err := r.attempts(ctx, q, named)
		if err == nil {
			r.remember(res)
		}
		return res, err
	})
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return nil, cause // the shared request knows only that it was cancelled
	}
	return res, err
}

// All are the resolutions so far, in the order in which they ended.
func (r *Resolver) All() []*Resolution {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]*Resolution, 0, len(r.order))
	for _, key := range r.order {
		out = append(out, r.memo[key])
	}
	return out
}

// Names are the repositories to be pulled under an alias: the first that worked.
func (r *Resolver) Names() llb.Names {
	names := llb.Names{}
	for _, res := range r.All() {
		if !res.FellBack() || res.Err != nil {
			continue
		}
		if _, ok := names[res.Named.Name()]; !ok {
			names[res.Named.Name()] = res.Alias.Name()
		}
	}
	return names
}

func (r *Resolver) known(q *Request) *Resolution {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.memo[q.key]
}

func (r *Resolver) remember(res *Resolution) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.memo[res.key]; !ok {
		r.order = append(r.order, res.key)
	}
	r.memo[res.key] = res
}

func (r *Resolver) attempts(ctx context.Context, q *Request, named reference.Named) (*Resolution, error) {
	res := r.newResolution(q, named)
	image, sent, converted, err := r.asWritten(ctx, q, named)
	if err == nil {
		res.Image = image
		return res, nil
	}
	res.Written, res.Err = diagnosis.Diagnose(sent.String(), err.Error()), err
	if !converted && res.Written.AnonymousRetryCanHelp && !res.Off {
		if err := r.fallBack(ctx, q, named, res); err != nil {
			return nil, err
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause // nothing is known of the reference
	}
	if res.Canceled() {
		return nil, err // nor here
	}
	return res, nil
}

func (r *Resolver) newResolution(q *Request, named reference.Named) *Resolution {
	return &Resolution{
		Ref: q.Ref, Named: named, Platform: q.Platform, key: q.key,
		Off: !r.opt.FallsBack(reference.Domain(named)), Strict: r.opt.Strict,
	}
}

// asWritten asks for the reference as the user wrote it, with the session's
// credentials. A policy that lets only this reference pass goes with the request: if
// the user's converts it to another source, BuildKit denies that one by name, before
// any registry is asked. The request is then repeated without, so that the user's
// policy decides as upstream, and what was really asked for is returned; it never
// falls back.
func (r *Resolver) asWritten(ctx context.Context, q *Request, named reference.Named) (image *Image, sent reference.Named, converted bool, err error) {
	var only []*spb.Policy
	if r.opt.Policies {
		only = []*spb.Policy{llb.OnlyPolicy(named)}
	}
	image, err = q.ask(ctx, q.Ref, q.LogName, only)
	if err == nil || !r.opt.Policies {
		return image, named, false, err
	}
	source := diagnosis.PolicySource(err.Error())
	if source == "" || source == llb.ImageSource(named) {
		return nil, named, false, err
	}
	sent, ok := llb.ParseImageSource(source)
	if !ok {
		sent = named // converted to something else than an image
	}
	image, err = q.ask(ctx, q.Ref, q.LogName, nil)
	return image, sent, true, err
}
