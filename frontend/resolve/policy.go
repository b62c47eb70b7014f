package resolve

import (
	"context"

	"github.com/distribution/reference"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/llb"
)

// judge puts the image that the fallback resolved to the policies of the session
// (buildx --policy), with its digest and under the name that the user wrote. When
// it is solved, BuildKit asks them only about the alias, for which they may have no
// rule; and a policy that failed because its own request for metadata was rejected
// looks like a rejection by the registry. So an error of any kind is theirs, and none
// is ignored. It fails only when the caller is cancelled.
func (r *Resolver) judge(ctx context.Context, res *Resolution) error {
	ref, err := res.pinned()
	if err == nil {
		res.Converted, err = r.verdict(ctx, res, ref, res.Alias)
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause // the daemon's words for it would be remembered as the answer
	}
	switch {
	case err != nil:
		d := diagnosis.Diagnose(res.Ref, err.Error())
		res.Policy, res.Image, res.Alias = &d, nil, nil
	case !res.Strict:
		res.Err = nil
	}
	return nil
}

// verdict asks about ref and about its alias with the same digest: a rule for that may
// deny it, or lead to another host. It tells whether a policy converts ref to another
// source; then that rule has to find it as the user named it. The two are asked about at
// once, and each alone only to see which one the policies do not allow as it is.
func (r *Resolver) verdict(ctx context.Context, res *Resolution, ref, alias reference.Named) (converted bool, err error) {
	if !r.opt.Policies {
		return false, r.opt.Check(ctx, res, ref)
	}
	if digested, ok := ref.(reference.Digested); ok {
		if alias, err = withDigest(alias, digested.Digest()); err != nil {
			return false, err
		}
	}
	if r.opt.Check(ctx, res, ref, alias) == nil {
		return false, nil
	}
	if err = r.opt.Check(ctx, res, ref); err == nil {
		return false, r.opt.Check(ctx, res, alias)
	}
	source := diagnosis.PolicySource(err.Error())
	if source == "" || source == llb.ImageSource(ref) {
		return false, err
	}
	return true, nil
}

// Leaves tells whether a policy of the user's converts an image source of a
// definition, whose repository fell back to alias, to another source. Most was asked
// when it was resolved; what a definition of the client's names was not.
func (r *Resolver) Leaves(ctx context.Context, ref, alias reference.Named, platform *ocispecs.Platform) (bool, error) {
	if res := r.Source(ref, platform); res != nil && res.FellBack() {
		return res.Converted, nil
	}
	for _, res := range r.All() {
		if res.FellBack() && res.Named.Name() == ref.Name() {
			return r.verdict(ctx, res, ref, alias)
		}
	}
	return false, nil
}
