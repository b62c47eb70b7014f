package resolve

import (
	"context"
	"fmt"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/solver/pb"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/llb"
)

// Ask sends one metadata request to BuildKit, with policies before its own.
type Ask func(ctx context.Context, ref, logName string, policies []*spb.Policy) (*Image, error)

// Request is one reference to resolve, however BuildKit is asked for it.
type Request struct {
	Ref      string // as the builder wrote it
	Platform *ocispecs.Platform
	LogName  string // of the progress step
	ask      Ask
	key      string
}

// Client is the part of the gateway client that answers metadata requests.
type Client interface {
	sourceresolver.ImageMetaResolver
	sourceresolver.MetaResolver
}

// ConfigRequest asks as the builder does for the images that a Dockerfile names.
func ConfigRequest(c Client, ref string, opt sourceresolver.Opt) *Request {
	return newRequest("config", ref, opt, func(ctx context.Context, ref, logName string, policies []*spb.Policy) (*Image, error) {
		opt := opt
		opt.LogName = logName
		opt.SourcePolicies = append(policies, opt.SourcePolicies...)
		got, dgst, config, err := c.ResolveImageConfig(ctx, ref, opt)
		if err != nil {
			return nil, err
		}
		return &Image{Ref: got, Digest: dgst, Config: config}, nil
	})
}

// SourceRequest asks as the builder does for the SBOM scanner's image; false if the
// source is no image.
func SourceRequest(c Client, op *pb.SourceOp, opt sourceresolver.Opt) (*Request, bool) {
	named, ok := llb.ParseImageSource(op.GetIdentifier())
	if !ok {
		return nil, false
	}
	return newRequest("source "+fmt.Sprint(op.GetAttrs()), named.String(), opt, func(ctx context.Context, ref, logName string, policies []*spb.Policy) (*Image, error) {
		opt, op := opt, op.CloneVT()
		op.Identifier = llb.ImageScheme + ref
		opt.LogName = logName
		opt.SourcePolicies = append(policies, opt.SourcePolicies...)
		resp, err := c.ResolveSourceMetadata(ctx, op, opt)
		if err != nil {
			return nil, err
		}
		image := &Image{Meta: resp}
		if resp.Image != nil {
			image.Digest, image.Config = resp.Image.Digest, resp.Image.Config
		}
		if got, ok := llb.ParseImageSource(resp.Op.GetIdentifier()); ok {
			image.Ref = got.String()
		}
		return image, nil
	}), true
}

// NewRequest asks through a function, for a caller without BuildKit: to have the rules
// of a build for other requests than its own.
func NewRequest(ref string, platform *ocispecs.Platform, ask Ask) *Request {
	return newRequest("", ref, sourceresolver.Opt{ImageOpt: &sourceresolver.ResolveImageOpt{Platform: platform}}, ask)
}

// newRequest describes a request of the given kind. Its key leaves the name of the
// progress step out, so that the preflight and the builder share one request.
func newRequest(kind, ref string, opt sourceresolver.Opt, ask Ask) *Request {
	q := &Request{Ref: ref, LogName: opt.LogName, ask: ask}
	var how string
	if o := opt.ImageOpt; o != nil {
		q.Platform = o.Platform
		how = fmt.Sprint(o.ResolveMode, o.NoConfig, o.AttestationChain, o.ResolveAttestations)
	}
	q.key = kind + "\x00" + references.Key(ref, q.Platform) + "\x00" + how
	return q
}

// as returns the image, which was resolved under a host alias, as the user wrote it.
func (i *Image) as(ref string) *Image {
	out := *i
	out.Ref = ref
	if i.Meta != nil && i.Meta.Op != nil {
		meta := *i.Meta
		meta.Op = meta.Op.CloneVT()
		meta.Op.Identifier = llb.ImageScheme + ref
		out.Meta = &meta
	}
	return &out
}

// parse is the reference of a request, nil when it does not parse.
func (q *Request) parse() reference.Named {
	named, _ := reference.ParseNormalizedNamed(q.Ref)
	return named
}
