package resolve

import (
	"context"
	"time"

	"github.com/distribution/reference"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
	digest "github.com/opencontainers/go-digest"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/llb"
)

const (
	// transientRepeats bounds how often an attempt of the fallback is repeated after a
	// transient fault: one broken connection must not make a public image look private.
	// The attempt as written is never repeated: BuildKit has its own rules for it.
	transientRepeats = 2

	// transientWait is the pause before the first repetition; it doubles.
	transientWait = 250 * time.Millisecond

	// repeatWithin: a fault that took longer is not repeated. Either it is not
	// transient, or it was repeated already: from 0.34 on, BuildKit's client and daemon
	// repeat a failed token request for 7 s (util/resolver/retryhandler).
	repeatWithin = 5 * time.Second

	// answerWithin bounds the fallback of one image: a registry that hangs under its
	// host aliases must not hold back the error with which upstream ends at once.
	answerWithin = 60 * time.Second
)

// errNoAnswer is in the words of Go's net package, which diagnosis knows.
var errNoAnswer = errors.New("i/o timeout: no response within a minute")

// fallBack asks for the reference of q under the aliases of its host, in order, and
// completes res. It fails only when the caller is cancelled.
func (r *Resolver) fallBack(ctx context.Context, q *Request, named reference.Named, res *Resolution) error {
	bounded, cancel := context.WithTimeoutCause(ctx, answerWithin, errNoAnswer)
	defer cancel()
	end := time.Now().Add(answerWithin)
	for _, alias := range r.aliases(named) {
		if d, known := r.knownUnserved(alias); known {
			res.Fallback = append(res.Fallback, d)
			continue
		}
		image, err := r.anonymous(bounded, q, named, alias)
		if err == nil {
			if res.Image == nil {
				res.Image = image.as(q.Ref)
			}
			res.Alias = alias
			return r.judge(ctx, res)
		}
		cause := context.Cause(bounded)
		// The daemon has the same deadline, and can be the first to say that it is over.
		if errors.Is(cause, errNoAnswer) || cause == nil && time.Until(end) < time.Second {
			cause, err = errNoAnswer, errNoAnswer
		}
		d := diagnosis.Diagnose(q.Ref, err.Error()).AskedAs(reference.Domain(alias))
		res.Fallback = append(res.Fallback, d)
		if cause != nil || !d.TryNextAlias() {
			return nil
		}
		r.learn(alias, d)
	}
	return nil
}

// anonymous asks under one alias, and again after a transient fault.
//
// What is pinned by digest, BuildKit answers from its content store if anybody had
// it under the alias before. So the repository is asked first for a digest that no
// image has, which only the registry can answer: "not found" to whom it lets in.
func (r *Resolver) anonymous(ctx context.Context, q *Request, named, alias reference.Named) (*Image, error) {
	if _, ok := named.(reference.Digested); ok && r.opt.Policies {
		if err := r.repeat(ctx, q, func() error { return r.probe(ctx, q, named, alias) }); err != nil {
			return nil, err
		}
	}
	var image *Image
	err := r.repeat(ctx, q, func() (err error) {
		image, err = r.askAs(ctx, q, named, alias)
		return err
	})
	return image, err
}

// askAs asks for an image under another name. Where the daemon takes policies, it
// is asked for the reference as written, with a rule that converts it: BuildKit
// names the progress step before policies (solver/llbsolver/bridge.go), so that the
// attempt takes the place of the rejected one, and no failed step is shown.
func (r *Resolver) askAs(ctx context.Context, q *Request, named, as reference.Named) (*Image, error) {
	if !r.opt.Policies {
		return q.ask(ctx, as.String(), q.LogName, nil)
	}
	return q.ask(ctx, q.Ref, q.LogName, []*spb.Policy{llb.AliasPolicy(named, as)})
}

// noDigest is the digest of nothing.
const noDigest = digest.Digest("sha256:0000000000000000000000000000000000000000000000000000000000000000")

// probe tells by its error whether the registry lets a request for the repository of
// as in. It resolves nothing, which would stand in the provenance.
func (r *Resolver) probe(ctx context.Context, q *Request, named, as reference.Named) error {
	nothing, err := reference.WithDigest(reference.TrimNamed(as), noDigest)
	if err != nil {
		return errors.WithStack(err)
	}
	if _, err = r.askAs(ctx, q, named, nothing); err == nil || diagnosis.Diagnose(q.Ref, err.Error()).Class == diagnosis.NotFound {
		return nil
	}
	return err
}

// repeat calls ask again after a transient fault.
func (r *Resolver) repeat(ctx context.Context, q *Request, ask func() error) error {
	wait := transientWait
	for i := 0; ; i++ {
		start := time.Now()
		err := ask()
		if err == nil || i == transientRepeats || time.Since(start) > repeatWithin || !diagnosis.Diagnose(q.Ref, err.Error()).Transient() {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
			wait *= 2
		}
	}
}
