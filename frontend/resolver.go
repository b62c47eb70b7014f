package frontend

import (
	"context"
	"slices"
	"time"

	"github.com/distribution/reference"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
	"github.com/moby/buildkit/util/flightcontrol"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/frontend/registry"
	"github.com/org/pullsafe/llb"
)

// transientRepeats bounds how often a try without credentials is repeated after
// a fault that may pass: one broken connection must not make a public image look
// private. The first try is never repeated: BuildKit has its own rules for it.
const transientRepeats = 2

// transientWait is the pause before the first repetition; it doubles.
const transientWait = 250 * time.Millisecond

// repeatWithin: a fault that took longer than this is not repeated. Either it is
// not transient, and a repetition would take as long again, or it was repeated
// already: from 0.34 on, BuildKit's client and daemon repeat a failed token
// request for 7 s (util/resolver/retryhandler).
const repeatWithin = 5 * time.Second

// answerWithin bounds all tries without credentials for one image together. They
// come after a refusal, with which upstream ends the build at once: a registry
// that hangs under its other spellings must not hold the error back for ever.
const answerWithin = 60 * time.Second

// errNoAnswer is in the words of Go's net package, which diagnosis knows.
var errNoAnswer = errors.New("i/o timeout: no answer within a minute")

// resolver resolves references, each once a build, and remembers how.
type resolver struct {
	opt    options
	daemon daemon
	flight flightcontrol.CachedGroup[*answer]
	ledger *ledger
}

func newResolver(opt options, d daemon) *resolver {
	r := &resolver{opt: opt, daemon: d, ledger: newLedger()}
	r.flight.CacheError = true
	return r
}

// names are the repositories to be pulled without credentials.
func (r *resolver) names() llb.Names {
	return r.ledger.respelled()
}

// resolve answers q: as written first, then, where credentials were refused,
// without them.
func (r *resolver) resolve(ctx context.Context, q *query) (*answer, error) {
	if q.named == nil {
		return q.ask(ctx, q.ref, q.logName, nil) // BuildKit's own words for it
	}
	a, err := r.flight.Do(ctx, q.key, func(ctx context.Context) (*answer, error) {
		return r.tries(ctx, q)
	})
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return nil, cause // the shared request knows only that it was cancelled
	}
	return a, err
}

func (r *resolver) tries(ctx context.Context, q *query) (*answer, error) {
	a, sent, converted, err := r.asWritten(ctx, q)
	if err == nil {
		r.ledger.add(outcome{query: q, digest: a.dgst, config: a.config})
		return a, nil
	}
	t := diagnosis.Tries{
		Ref:     sent.String(),
		Written: diagnosis.Diagnose(sent.String(), err.Error()),
		Off:     !r.opt.retries(q.host()),
		Strict:  r.opt.strict,
	}
	if !converted && !t.Off && t.Written.AnonymousRetryCanHelp {
		if a, alt := r.withoutCredentials(ctx, q, &t); a != nil {
			return r.rescued(ctx, q, a, alt, t, err)
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause // nothing is known of the reference
	}
	if t.Canceled() {
		return nil, err // nothing is known of the reference
	}
	return nil, r.failed(q, t, err)
}

// asWritten asks for the reference as the user wrote it, with the session's
// credentials. A policy that lets only this reference pass goes with the request:
// if a policy of the user's converts the reference to another source, BuildKit
// refuses that one, before any registry is asked, with its name. The request is
// then repeated as it is, so that the user's policy decides as it does upstream,
// and what was really asked for is returned; it is never tried another way.
func (r *resolver) asWritten(ctx context.Context, q *query) (a *answer, sent reference.Named, converted bool, err error) {
	a, err = q.ask(ctx, q.ref, q.logName, r.only(q.named))
	if err == nil || !r.daemon.policies {
		return a, q.named, false, err
	}
	source := diagnosis.PolicySource(err.Error())
	if source == "" || source == llb.ImageSource(q.named) {
		return nil, q.named, false, err
	}
	sent, ok := llb.ParseImageSource(source)
	if !ok {
		sent = q.named // converted to something else than an image
	}
	a, err = q.ask(ctx, q.ref, q.logName, nil)
	return a, sent, true, err
}

// only is the policy that goes with a request for ref, where the daemon applies
// policies to it.
func (r *resolver) only(ref reference.Named) []*spb.Policy {
	if !r.daemon.policies {
		return nil
	}
	return []*spb.Policy{llb.OnlyPolicy(ref)}
}

// withoutCredentials asks for the reference under the other spellings of its
// host, in order, and adds what it learns to t. It returns the answer and the
// spelling that had it, or nil.
func (r *resolver) withoutCredentials(ctx context.Context, q *query, t *diagnosis.Tries) (*answer, reference.Named) {
	ctx, cancel := context.WithTimeoutCause(ctx, answerWithin, errNoAnswer)
	defer cancel()
	for _, alt := range r.spellings(q) {
		a, err := r.askRespelled(ctx, q, alt)
		if err == nil {
			return a, alt
		}
		cause := context.Cause(ctx)
		if errors.Is(cause, errNoAnswer) {
			err = errNoAnswer
		}
		d := diagnosis.Diagnose(q.ref, err.Error())
		t.Without = append(t.Without, d)
		if cause != nil || !d.TryNextSpelling() {
			break
		}
	}
	return nil, nil
}

// spellings puts the spelling that has worked for the repository first.
func (r *resolver) spellings(q *query) []reference.Named {
	all := llb.Aliases(q.named, registry.AliasOrder(q.host(), digestOf(q.named) != ""))
	if known, ok := r.names().Respell(q.named); ok {
		out := []reference.Named{known}
		for _, alt := range all {
			if alt.Name() != known.Name() {
				out = append(out, alt)
			}
		}
		return out
	}
	return all
}

// askRespelled asks once, and again after a fault that may pass. No policy may
// turn the other spelling into another source.
func (r *resolver) askRespelled(ctx context.Context, q *query, alt reference.Named) (*answer, error) {
	only := r.only(alt)
	wait := transientWait
	for i := 0; ; i++ {
		start := time.Now()
		a, err := q.ask(ctx, alt.String(), q.withoutCredentialsLog(r.daemon.warnings), only)
		if err == nil || i == transientRepeats || time.Since(start) > repeatWithin || !diagnosis.Diagnose(q.ref, err.Error()).Transient() {
			return a, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(wait):
			wait *= 2
		}
	}
}

// rescued goes on with what was had without credentials, if the policies allow
// the image that the user named, and strict the way it was had.
func (r *resolver) rescued(ctx context.Context, q *query, a *answer, alt reference.Named, t diagnosis.Tries, cause error) (*answer, error) {
	ref, err := pinned(q.named, a)
	if err == nil {
		_, err = r.ruled(ctx, ref, alt, q.platform)
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause // the daemon's words for it would be remembered as the answer
		}
		d := diagnosis.Diagnose(q.ref, err.Error())
		t.Policy = &d
		return nil, r.failed(q, t, cause)
	}
	o := outcome{query: q, digest: a.dgst, config: a.config, tries: t, rescued: true}
	if r.opt.strict {
		o.err = &refError{worded: newWorded(t.Rescued().Headline, cause), query: q, tries: t}
		r.ledger.add(o)
		return nil, o.err
	}
	r.ledger.respell(q.named.Name(), alt.Name())
	r.ledger.add(o)
	return a.respelled(q), nil
}

// ruled asks the policies of the session (buildx --policy) about the image that
// the user named, with the digest that was had. When it is solved, BuildKit asks
// them only after the convert rules, about the other spelling, for which they may
// have no rule; and a policy that failed because its own request for metadata was
// refused looks like a plain refusal by the registry. Without the configuration
// BuildKit itself asks no registry: an error of any kind comes from the policies,
// and none is ignored. ours is false for an image that a policy converts to
// another source: then that rule has to find it as the user named it. Otherwise
// they are asked about the other spelling with the digest too: a rule for that may
// deny it, or lead to another host.
func (r *resolver) ruled(ctx context.Context, ref, alt reference.Named, platform *ocispecs.Platform) (ours bool, err error) {
	if r.daemon.checkPolicy == nil {
		return true, nil
	}
	key := references.Key(ref.String(), platform)
	if ours, ok := r.ledger.ruling(key); ok {
		return ours, nil
	}
	err = r.daemon.checkPolicy(ctx, ref, platform)
	ours = err == nil
	if err != nil {
		source := diagnosis.PolicySource(err.Error())
		if source == "" || source == llb.ImageSource(ref) {
			return false, err
		}
	}
	if ours {
		if err := r.checkSpelling(ctx, ref, alt, platform); err != nil {
			return false, err
		}
	}
	r.ledger.rule(key, ours)
	return ours, nil
}

// checkSpelling asks the policies about alt with the digest of ref.
func (r *resolver) checkSpelling(ctx context.Context, ref, alt reference.Named, platform *ocispecs.Platform) error {
	if dgst := digestOf(ref); dgst != "" && digestOf(alt) == "" {
		var err error
		if alt, err = reference.WithDigest(alt, dgst); err != nil {
			return errors.WithStack(err)
		}
	}
	return r.daemon.checkPolicy(ctx, alt, platform)
}

// digestOf is the digest of a reference that has one.
func digestOf(ref reference.Named) digest.Digest {
	if d, ok := ref.(reference.Digested); ok {
		return d.Digest()
	}
	return ""
}

// pinned is ref with the digest that was had.
func pinned(ref reference.Named, a *answer) (reference.Named, error) {
	if digestOf(ref) != "" {
		return ref, nil
	}
	return reference.WithDigest(ref, a.dgst)
}

func (r *resolver) failed(q *query, t diagnosis.Tries, cause error) error {
	o := outcome{query: q, tries: t, err: cause}
	if explains(t.Written.Class) {
		o.err = newRefError(q, t, cause)
	}
	r.ledger.add(o)
	return o.err
}

// explains tells for which classes pullsafe's words replace BuildKit's. A
// policy's verdict, a reference that does not parse, a cancelled build and what
// is not of a registry keep the words, and the details, that they have upstream.
func explains(c diagnosis.Class) bool {
	return !slices.Contains([]diagnosis.Class{
		diagnosis.PolicyDenied, diagnosis.InvalidReference, diagnosis.Canceled, diagnosis.NotARegistryError,
	}, c)
}
