package frontend

import (
	"context"
	"maps"
	"sync"

	bkllb "github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"

	"github.com/org/pullsafe/frontend/resolve"
)

// client is the gateway client that the builder is given: metadata goes through
// the resolver, and what fell back is solved under its host alias too.
type client struct {
	gwclient.Client
	resolver *resolve.Resolver
	policies bool // the daemon applies source policies, also those of a request

	call  bool // for a request that is no build, which the builder is not to know
	quiet bool // nobody asked for the builder's warnings

	reading bool                               // the Dockerfile, for the preflight
	read    map[digest.Digest]*gwclient.Result // by which the builder is answered too

	mu     sync.Mutex
	solved map[gwclient.Reference]gwclient.SolveRequest // what the builder had solved
}

// currentFrontend is implemented by a frontend image's client; embedding would hide it.
type currentFrontend interface {
	CurrentFrontend() (*bkllb.State, error)
}

var (
	_ gwclient.Client = &client{}
	_ currentFrontend = &client{}
)

func newClient(gw gwclient.Client, opt options) *client {
	caps := gw.BuildOpts().LLBCaps
	c := &client{
		Client:   gw,
		read:     map[digest.Digest]*gwclient.Result{},
		solved:   map[gwclient.Reference]gwclient.SolveRequest{},
		policies: caps.Supports(pb.CapSourcePolicy) == nil,
	}
	c.resolver = resolve.New(resolve.Options{
		FallsBack: opt.fallsBack,
		Strict:    opt.strict,
		Policies:  c.policies,
		Check:     c.check,
	})
	return c
}

func (c *client) ResolveImageConfig(ctx context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	if opt.OCILayoutOpt != nil {
		return c.Client.ResolveImageConfig(ctx, ref, opt)
	}
	image, err := c.resolve(ctx, resolve.ConfigRequest(c.Client, ref, opt))
	if err != nil {
		return "", "", nil, err
	}
	return image.Ref, image.Digest, image.Config, nil
}

// ResolveSourceMetadata is how the builder asks for the SBOM scanner's image.
func (c *client) ResolveSourceMetadata(ctx context.Context, op *pb.SourceOp, opt sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	req, ok := resolve.SourceRequest(c.Client, op, opt)
	if !ok {
		return c.Client.ResolveSourceMetadata(ctx, op, opt)
	}
	image, err := c.resolve(ctx, req)
	if err != nil {
		return nil, err
	}
	resp := *image.Meta
	resp.Op = resp.Op.CloneVT()
	return &resp, nil
}

func (c *client) resolve(ctx context.Context, req *resolve.Request) (*resolve.Image, error) {
	res, err := c.resolver.Resolve(ctx, req)
	if err != nil {
		return nil, err
	}
	if res.Err != nil {
		return nil, refErrorOf(res)
	}
	return res.Image, nil
}

func (c *client) CurrentFrontend() (*bkllb.State, error) {
	if cf, ok := c.Client.(currentFrontend); ok {
		return cf.CurrentFrontend()
	}
	return nil, nil
}

func (c *client) BuildOpts() gwclient.BuildOpts {
	opts := c.Client.BuildOpts()
	if c.call {
		opts.Opts = maps.Clone(opts.Opts)
		delete(opts.Opts, keyRequestID)
	}
	return opts
}

func (c *client) Warn(ctx context.Context, dgst digest.Digest, msg string, opts gwclient.WarnOpts) error {
	if c.quiet {
		return nil
	}
	return c.Client.Warn(ctx, dgst, msg, opts)
}
