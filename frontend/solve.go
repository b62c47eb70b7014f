package frontend

import (
	"context"
	"slices"

	"github.com/distribution/reference"
	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/frontend/resolve"
	"github.com/org/pullsafe/llb"
)

// Solve leaves a request for another frontend alone, which resolves its own images.
func (c *client) Solve(ctx context.Context, req gwclient.SolveRequest) (*gwclient.Result, error) {
	if req.Definition == nil || req.Frontend != "" {
		return c.Client.Solve(ctx, req)
	}
	if res, ok := c.read[head(req.Definition)]; ok && !c.reading {
		return res, nil
	}
	solve, err := c.underAliases(ctx, req)
	if err != nil {
		return nil, err
	}
	res, err := c.Client.Solve(ctx, solve)
	if err != nil || res.Ref == nil {
		return res, err
	}
	if c.reading {
		res.Ref = &readOnce{Reference: res.Ref, files: map[string]fileRead{}}
		c.read[head(req.Definition)] = res
		return res, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.solved[res.Ref] = req
	return res, nil
}

// underAliases returns req such that what fell back is pulled under its host alias, by
// convert rules: BuildKit evaluates the user's own policies before those of a request,
// on the source as the user wrote it. Where the daemon has no source policies there
// are none of the user's either, and the definition itself is rewritten.
func (c *client) underAliases(ctx context.Context, req gwclient.SolveRequest) (gwclient.SolveRequest, error) {
	names := c.resolver.Names()
	if len(names) == 0 {
		return req, nil
	}
	if !c.policies {
		def, err := names.Rewrite(req.Definition)
		req.Definition = def
		return req, errors.Wrap(err, "failed to rewrite definition")
	}
	policy, err := names.Policy(req.Definition)
	if err != nil {
		return req, errors.Wrap(err, "failed to make convert rules")
	}
	if err := c.leave(ctx, req.Definition, names, policy); err != nil {
		return req, err
	}
	if len(policy.GetRules()) > 0 {
		req.Definition = names.Annotate(req.Definition)
		req.SourcePolicies = append(slices.Clone(req.SourcePolicies), policy)
	}
	return req, nil
}

// leave takes back the rules that would hide an image from the user's own.
func (c *client) leave(ctx context.Context, def *pb.Definition, names llb.Names, policy *spb.Policy) error {
	sources, err := llb.ImageSources(def)
	if err != nil {
		return err
	}
	for _, src := range sources {
		alias, ok := names.Alias(src.Ref)
		if !ok {
			continue
		}
		leaves, err := c.resolver.Leaves(ctx, src.Ref, alias, ociPlatform(src.Platform))
		if err != nil {
			return err
		}
		if leaves {
			id := llb.ImageSource(src.Ref)
			policy.Rules = slices.DeleteFunc(policy.Rules, func(r *spb.Rule) bool { return r.GetSelector().GetIdentifier() == id })
		}
	}
	return nil
}

func ociPlatform(p *pb.Platform) *ocispecs.Platform {
	if p == nil {
		return nil
	}
	return new(p.Spec())
}

// check has BuildKit load a definition that holds images without using them:
// policies are evaluated for every source of a definition, and only what the result
// needs is fetched. A request for metadata would do too, but BuildKit writes each into
// the provenance, perhaps without a digest. The step of the definition tells of the
// fallback, for clients and daemons that show no warnings.
func (c *client) check(ctx context.Context, res *resolve.Resolution, refs ...reference.Named) error {
	id := digest.FromString(references.Key(res.Ref, res.Platform))
	def, err := llb.Unused(ctx, refs, res.Platform, id, report.Step(res))
	if err != nil {
		return err
	}
	req := gwclient.SolveRequest{Evaluate: true, Definition: def}
	if c.policies {
		req.SourcePolicies = []*spb.Policy{llb.OnlyPolicy(refs...)}
	}
	_, err = c.Client.Solve(ctx, req)
	return err
}
