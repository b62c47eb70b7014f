package frontend

import (
	"context"
	"fmt"

	"github.com/distribution/reference"
	bkllb "github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	gwpb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/pb"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/org/pullsafe/llb"
)

// client is the gateway client that the builder is given: metadata goes through
// the resolver, and what the resolver had to ask for without credentials is
// solved without them too. Everything else is the daemon's own.
type client struct {
	gwclient.Client
	resolver *resolver
	solved   solveMemo
}

// currentFrontend is implemented by the client of a frontend image; embedding
// the interface would hide it.
type currentFrontend interface {
	CurrentFrontend() (*bkllb.State, error)
}

var (
	_ gwclient.Client = &client{}
	_ currentFrontend = &client{}
)

// daemon is what this package has to know of the daemon.
type daemon struct {
	// policies: it applies source policies, also those of a request.
	policies bool
	// warnings: it takes warnings for the user.
	warnings bool
	// checkPolicy asks the policies of the session, and those of the daemon, about
	// a reference with a digest; nil if the daemon knows no policies of sessions.
	checkPolicy func(context.Context, reference.Named, *ocispecs.Platform) error
}

func newClient(gw gwclient.Client, opt options) *client {
	caps, gwcaps := gw.BuildOpts().LLBCaps, gw.BuildOpts().Caps
	d := daemon{
		policies: caps.Supports(pb.CapSourcePolicy) == nil,
		warnings: gwcaps.Supports(gwpb.CapGatewayWarnings) == nil,
	}
	if caps.Supports(pb.CapSourcePolicySession) == nil {
		d.checkPolicy = policyCheck(gw)
	}
	return &client{Client: gw, resolver: newResolver(opt, d)}
}

// policyCheck has BuildKit load a definition that holds the image without using
// it: policies are evaluated for every source of a definition, and only what the
// result needs is fetched. A request for metadata would be evaluated the same
// way, but BuildKit writes each into the provenance, without a digest if there
// was nothing to ask a registry for.
func policyCheck(gw gwclient.Client) func(context.Context, reference.Named, *ocispecs.Platform) error {
	return func(ctx context.Context, ref reference.Named, platform *ocispecs.Platform) error {
		name, ok := byTag(ref)
		if !ok {
			name = ref.String()
		}
		def, err := llb.Unused(ctx, ref, platform, "[internal] check policies for "+name)
		if err != nil {
			return err
		}
		_, err = gw.Solve(ctx, gwclient.SolveRequest{Evaluate: true, Definition: def, SourcePolicies: []*spb.Policy{llb.OnlyPolicy(ref)}})
		return err
	}
}

// ResolveImageConfig implements gwclient.Client.
func (c *client) ResolveImageConfig(ctx context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	ask := func(ctx context.Context, ref, logName string, policies []*spb.Policy) (*answer, error) {
		opt := opt
		opt.LogName = logName
		opt.SourcePolicies = append(policies, opt.SourcePolicies...)
		got, dgst, config, err := c.Client.ResolveImageConfig(ctx, ref, opt)
		if err != nil {
			return nil, err
		}
		return &answer{ref: got, dgst: dgst, config: config}, nil
	}
	if opt.OCILayoutOpt != nil {
		return c.Client.ResolveImageConfig(ctx, ref, opt)
	}
	a, err := c.resolver.resolve(ctx, newQuery("config", ref, opt, ask))
	if err != nil {
		return "", "", nil, err
	}
	return a.ref, a.dgst, a.config, nil
}

// ResolveSourceMetadata implements gwclient.Client. The builder asks this way
// for the SBOM scanner's image.
func (c *client) ResolveSourceMetadata(ctx context.Context, op *pb.SourceOp, opt sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	named, ok := llb.ParseImageSource(op.GetIdentifier())
	if !ok {
		return c.Client.ResolveSourceMetadata(ctx, op, opt)
	}
	ask := func(ctx context.Context, ref, logName string, policies []*spb.Policy) (*answer, error) {
		opt, op := opt, op.CloneVT()
		op.Identifier = imageSourcePrefix + ref
		opt.LogName = logName
		opt.SourcePolicies = append(policies, opt.SourcePolicies...)
		resp, err := c.Client.ResolveSourceMetadata(ctx, op, opt)
		if err != nil {
			return nil, err
		}
		a := &answer{meta: resp}
		if resp.Image != nil {
			a.dgst, a.config = resp.Image.Digest, resp.Image.Config
		}
		if got, ok := llb.ParseImageSource(resp.Op.GetIdentifier()); ok {
			a.ref = got.String()
		}
		return a, nil
	}
	a, err := c.resolver.resolve(ctx, newQuery("source "+fmt.Sprint(op.GetAttrs()), named.String(), opt, ask))
	if err != nil {
		return nil, err
	}
	resp := *a.meta
	resp.Op = resp.Op.CloneVT()
	return &resp, nil
}

// CurrentFrontend passes on what the wrapped client knows of its own image.
func (c *client) CurrentFrontend() (*bkllb.State, error) {
	if cf, ok := c.Client.(currentFrontend); ok {
		return cf.CurrentFrontend()
	}
	return nil, nil
}
