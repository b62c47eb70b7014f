package frontend

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	gwpb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/solver/result"
	digest "github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
	"golang.org/x/sync/errgroup"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/resolve"
	"github.com/org/pullsafe/llb"
)

// evaluate has the daemon solve the result before it is handed over, so that an
// image whose content cannot be pulled is still the frontend's to fall back for, or
// to explain. What fails for any other reason is handed over unsolved: BuildKit
// remembers it within the job, so that nothing runs twice, and the client gets the
// error, and what it may start a container from, as without this frontend.
func (s *session) evaluate(ctx context.Context, res *gwclient.Result) (*gwclient.Result, error) {
	caps := s.client.BuildOpts().Caps
	if s.set == nil || caps.Supports(gwpb.CapGatewayEvaluate) != nil {
		return res, nil
	}
	for {
		err := evaluateAll(ctx, res)
		if err == nil {
			return res, nil
		}
		f := s.pullFailure(err)
		if f == nil {
			return res, nil
		}
		if err := s.fallBack(ctx, f); err != nil {
			return nil, err
		}
		if res, err = s.solveAgain(ctx, res, f.vertex); err != nil {
			return nil, err
		}
	}
}

func evaluateAll(ctx context.Context, res *gwclient.Result) error {
	eg, ctx := errgroup.WithContext(ctx)
	_ = res.EachRef(func(ref gwclient.Reference) error {
		eg.Go(func() error { return ref.Evaluate(ctx) })
		return nil
	})
	return eg.Wait()
}

// pullFailure is an op that failed because content of an image could not be pulled.
type pullFailure struct {
	cause  error
	vertex *llb.Vertex
	images []image // that the op needs: it may have been any of them
}

// image is an image source below an op that failed.
type image struct {
	llb.Source

	known *resolve.Resolution // nil if it was not resolved in this build
}

// pullFailure is nil for an error that is no registry's answer about an image. What a
// command returned is none, whatever it printed.
func (s *session) pullFailure(err error) *pullFailure {
	var ve *errdefs.VertexError
	var exit *gwpb.ExitError
	if !errors.As(err, &ve) || errors.As(err, &exit) {
		return nil
	}
	v, ok := s.client.find(digest.Digest(ve.Digest))
	if !ok {
		return nil
	}
	f := &pullFailure{cause: err, vertex: v}
	for _, src := range v.Sources() {
		f.images = append(f.images, image{Source: src, known: s.client.resolver.Source(src.Ref, ociPlatform(src.Platform))})
	}
	if len(f.images) == 0 || !explains(f.answer().Class) {
		return nil
	}
	f.narrow()
	return f
}

// find looks for an op in what the builder had solved.
func (c *client) find(vertex digest.Digest) (*llb.Vertex, bool) {
	names := c.resolver.Names()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, req := range c.solved {
		if v, ok := names.Find(req.Definition, vertex); ok {
			return v, true
		}
	}
	return nil, false
}

// answer is what the error says of the first image.
func (f *pullFailure) answer() diagnosis.Diagnosis {
	return diagnosis.Diagnose(f.images[0].Ref.String(), f.cause.Error())
}

// narrow leaves the images of the repository, or of the registry, that the error
// names, if it does.
func (f *pullFailure) narrow() {
	text := f.cause.Error()
	for _, part := range []func(reference.Named) string{
		func(ref reference.Named) string { return "/v2/" + reference.Path(ref) + "/" },
		func(ref reference.Named) string { return "://" + reference.Domain(ref) + "/" },
	} {
		named := slices.DeleteFunc(slices.Clone(f.images), func(i image) bool { return !strings.Contains(text, part(i.Ref)) })
		if len(named) > 0 {
			f.images = named
		}
	}
}

// fallBack resolves anonymously what the failure may be about. Of several images,
// those fall back whose registry rejects the credentials when it is asked again. When
// none lets the build go on, it returns the error of the first.
func (s *session) fallBack(ctx context.Context, f *pullFailure) error {
	allowed := f.answer().AnonymousRetryCanHelp
	if len(f.images) > 1 && allowed {
		var rejected, fellBack []image
		for _, i := range f.images {
			switch {
			case i.known != nil && i.known.FellBack():
				fellBack = append(fellBack, i)
			case s.client.resolver.Rejected(ctx, s.request(i)):
				rejected = append(rejected, i)
			}
		}
		switch {
		case len(rejected) > 0:
			f.images = rejected
		case len(fellBack) > 0:
			f.images = fellBack
		default:
			allowed = false
		}
	}
	again := false
	var failed error
	for _, i := range f.images {
		res, err := s.client.resolver.Pull(ctx, s.request(i), i.known, f.cause, allowed)
		if err != nil {
			return err
		}
		res.Unsure = len(f.images) > 1
		if res.Err == nil {
			again = true
		} else if failed == nil {
			failed = refErrorOf(res)
		}
	}
	if again {
		return nil
	}
	return failed
}

// request asks for the metadata of an image as the builder did.
func (s *session) request(i image) *resolve.Request {
	opt := sourceresolver.Opt{
		LogName:  "[internal] load metadata for " + i.Ref.String(),
		ImageOpt: &sourceresolver.ResolveImageOpt{Platform: ociPlatform(i.Platform), ResolveMode: s.resolveMode},
	}
	return resolve.ConfigRequest(s.client.Client, i.Ref.String(), opt)
}

// solveAgain has the builder's definitions solved once more after a fallback.
func (s *session) solveAgain(ctx context.Context, res *gwclient.Result, failed *llb.Vertex) (*gwclient.Result, error) {
	c := s.client
	return result.ConvertResult(res, func(ref gwclient.Reference) (gwclient.Reference, error) {
		c.mu.Lock()
		req, ok := c.solved[ref]
		delete(c.solved, ref)
		c.mu.Unlock()
		if !ok {
			return ref, nil
		}
		var err error
		if req.Definition, err = c.again(req.Definition, failed.Digest()); err != nil {
			return nil, err
		}
		r, err := c.Solve(ctx, req)
		if err != nil {
			return nil, err
		}
		return r.SingleRef()
	})
}

// again returns def such that nothing of it is merged into what failed: that op, and
// what depends on it, ignore the cache. If they did so anyway (--no-cache), the images
// get another cache key, by a limit to their layers that is no limit.
func (c *client) again(def *pb.Definition, failed digest.Digest) (*pb.Definition, error) {
	names := c.resolver.Names()
	v, ok := names.Find(def, failed)
	switch {
	case ok && v.IgnoresCache():
		return llb.LimitLayers(def, func(src llb.Source) int {
			res := c.resolver.Source(src.Ref, ociPlatform(src.Platform))
			if _, ok := names.Alias(src.Ref); !ok || res == nil {
				return 0
			}
			return layersOf(res.Image.Config)
		})
	case ok:
		def = v.IgnoreCache()
	}
	return names.IgnoreCache(def), nil
}

func layersOf(config []byte) int {
	var image struct {
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
	}
	if json.Unmarshal(config, &image) != nil {
		return 0
	}
	return len(image.RootFS.DiffIDs)
}
