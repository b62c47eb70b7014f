package resolve

import (
	"context"

	"github.com/distribution/reference"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/references"
)

// Rejected tells whether the registry rejects the session's credentials for the
// repository of a reference whose metadata BuildKit knows, perhaps from its content
// store. When it does not, the progress step that asked is left as it was before.
func (r *Resolver) Rejected(ctx context.Context, q *Request) bool {
	named := q.parse()
	if named == nil || !r.opt.Policies {
		return false
	}
	err := r.probe(ctx, q, named, named)
	if err != nil && diagnosis.Diagnose(q.Ref, err.Error()).AnonymousRetryCanHelp {
		return true
	}
	_, _, _, _ = r.asWritten(ctx, q, named)
	return false
}

// Pull takes note that content of an image could not be pulled, which q asks for
// with its digest, and falls back where that is allowed. The resolution takes the
// place of old, nil if there was none in this build, and keeps its metadata.
func (r *Resolver) Pull(ctx context.Context, q *Request, old *Resolution, failed error, allowed bool) (*Resolution, error) {
	named := q.parse()
	if named == nil {
		return nil, failed
	}
	if old != nil && old.Pulling && old.Err != nil {
		return old, nil // it fell back before
	}
	res := r.newResolution(q, named)
	if old != nil {
		*res = *old
	}
	d := diagnosis.Diagnose(q.Ref, failed.Error())
	res.Pulling, res.Err = true, failed
	if res.FellBack() {
		res.Fallback, res.Alias = append(res.Fallback, d), nil
		r.remember(res)
		return res, nil
	}
	res.Written = d
	if allowed && d.AnonymousRetryCanHelp && !res.Off {
		if err := r.fallBack(ctx, q, named, res); err != nil {
			return nil, err
		}
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
	}
	r.remember(res)
	return res, nil
}

// Source is what is known of an image source of a definition, which carries the
// digest that was resolved; nil if nothing is.
func (r *Resolver) Source(ref reference.Named, platform *ocispecs.Platform) *Resolution {
	for _, res := range r.All() {
		if res.Image == nil || references.PlatformString(res.Platform) != references.PlatformString(platform) {
			continue
		}
		if pinned, err := res.pinned(); err == nil && pinned.String() == ref.String() {
			return res
		}
	}
	return nil
}
