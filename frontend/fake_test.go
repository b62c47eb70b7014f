package frontend

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	bkllb "github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	gwpb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/sourcepolicy"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
	"github.com/moby/buildkit/util/apicaps"
	apicapspb "github.com/moby/buildkit/util/apicaps/pb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
	fstypes "github.com/tonistiigi/fsutil/types"

	"github.com/org/pullsafe/internal/daemon"
	"github.com/org/pullsafe/llb"
)

const testDigest = digest.Digest("sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")

// testConfig is the image config that every answer of the fake carries. Without layers
// the builder would take the image for scratch.
var testConfig = []byte(`{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":["` + string(testDigest) + `","` + string(testDigest) + `"]}}`)

type platform = ocispecs.Platform

var amd64 = platform{OS: "linux", Architecture: "amd64"}

// answerFunc is a registry: it answers for a reference under the name that it is
// asked for.
type answerFunc func(ctx context.Context, ref string, opt sourceresolver.Opt) error

// call is one metadata request that reached the daemon.
type call struct {
	ref      string // as it was asked for
	became   string // what the policies made of it; empty when they denied it
	logName  string
	policies []*spb.Policy // of the request
}

// warning is one that the client was shown.
type warning struct {
	text string
	opts gwclient.WarnOpts
}

// fakeClient is a daemon: it evaluates the policies of a request and the user's
// as solver/llbsolver does, then asks the registry. A method that it does not
// have panics.
type fakeClient struct {
	gwclient.Client
	t          testing.TB
	registry   answerFunc
	config     []byte            // of every image; testConfig if nil
	configs    map[string][]byte // of single images
	deaf       chan struct{}     // the builder is busy until it is closed, whatever its context; nil: never
	policy     *spb.Policy
	noPolicies bool // too old for policies
	noEvaluate bool // too old for the evaluation of a reference
	opts       map[string]string
	dockerfile string
	inputs     map[string]bkllb.State
	// pull is what becomes of the n-th reference of a build, from 1, when it is
	// evaluated; nil: all is well.
	pull func(n int, req gwclient.SolveRequest) error

	mu        sync.Mutex
	calls     []call
	checks    []string                // identifiers that only the policies were asked about
	checked   []gwclient.SolveRequest // and the requests for it
	solves    []gwclient.SolveRequest
	evaluated []gwclient.SolveRequest
	warnings  []warning
}

func (f *fakeClient) ResolveImageConfig(ctx context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	op := &pb.SourceOp{Identifier: llb.ImageScheme + ref}
	err := f.evaluate(ctx, op, opt.SourcePolicies)
	c := call{ref: ref, logName: opt.LogName, policies: opt.SourcePolicies}
	if err == nil {
		c.became = strings.TrimPrefix(op.Identifier, llb.ImageScheme)
	}
	f.mu.Lock()
	f.calls = append(f.calls, c)
	f.mu.Unlock()
	if err != nil {
		return "", "", nil, err
	}
	if err := f.registry(ctx, c.became, opt); err != nil {
		return "", "", nil, err
	}
	if config, ok := f.configs[c.became]; ok {
		return c.became, testDigest, config, nil
	}
	if f.config != nil {
		return c.became, testDigest, f.config, nil
	}
	return c.became, testDigest, testConfig, nil
}

// evaluate applies the policies of a request, then the user's.
func (f *fakeClient) evaluate(ctx context.Context, op *pb.SourceOp, policies []*spb.Policy) error {
	policies = slices.Clone(policies)
	if f.policy != nil {
		policies = append(policies, f.policy)
	}
	_, err := sourcepolicy.NewEngine(policies).Evaluate(ctx, op)
	return errors.Wrap(err, "could not resolve image due to policy")
}

func (f *fakeClient) ResolveSourceMetadata(ctx context.Context, op *pb.SourceOp, opt sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	ref, ok := strings.CutPrefix(op.Identifier, llb.ImageScheme)
	if !ok {
		return &sourceresolver.MetaResponse{Op: op}, nil
	}
	got, dgst, config, err := f.ResolveImageConfig(ctx, ref, opt)
	if err != nil {
		return nil, err
	}
	op.Identifier = llb.ImageScheme + got // as the gateway's client does
	return &sourceresolver.MetaResponse{Op: op, Image: &sourceresolver.ResolveImageResponse{Digest: dgst, Config: config}}, nil
}

func (f *fakeClient) Solve(ctx context.Context, req gwclient.SolveRequest) (*gwclient.Result, error) {
	if images := unused(f.t, req.Definition); len(images) > 0 {
		f.mu.Lock()
		f.checked = append(f.checked, req)
		f.mu.Unlock()
		for _, image := range images {
			op := &pb.SourceOp{Identifier: llb.ImageSource(image.Ref)}
			f.mu.Lock()
			f.checks = append(f.checks, op.Identifier)
			f.mu.Unlock()
			if err := f.evaluate(ctx, op, req.SourcePolicies); err != nil {
				return nil, err
			}
		}
		return gwclient.NewResult(), nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.solves = append(f.solves, req)
	res := gwclient.NewResult()
	res.SetRef(&fakeReference{daemon: f, req: req})
	return res, nil
}

// unused are the image sources that a definition holds only for the policies to see: as
// loadLLB does, they are evaluated for every source.
func unused(t testing.TB, def *pb.Definition) (sources []llb.Source) {
	used := map[string]bool{}
	var images []int
	for i, dt := range def.GetDef() {
		var op pb.Op
		if op.Unmarshal(dt) != nil {
			return nil
		}
		if strings.HasPrefix(op.GetSource().GetIdentifier(), llb.ImageScheme) {
			images = append(images, i)
		}
		for _, input := range op.Inputs {
			used[input.Digest] = true
		}
	}
	for _, i := range images {
		if used[digest.FromBytes(def.Def[i]).String()] {
			continue
		}
		list, err := llb.ImageSources(&pb.Definition{Def: def.Def[i : i+1]})
		require.NoError(t, err)
		sources = append(sources, list...)
	}
	return sources
}

func (f *fakeClient) Warn(_ context.Context, _ digest.Digest, text string, opts gwclient.WarnOpts) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.warnings = append(f.warnings, warning{text, opts})
	return nil
}

func (f *fakeClient) Inputs(context.Context) (map[string]bkllb.State, error) {
	return f.inputs, nil
}

func (f *fakeClient) BuildOpts() gwclient.BuildOpts {
	without := func(caps []*apicapspb.APICap, id apicaps.CapID, gone bool) []*apicapspb.APICap {
		return slices.DeleteFunc(caps, func(c *apicapspb.APICap) bool { return gone && c.ID == string(id) })
	}
	return gwclient.BuildOpts{
		Opts:    f.opts,
		LLBCaps: pb.Caps.CapSet(without(pb.Caps.All(), pb.CapSourcePolicy, f.noPolicies)),
		Caps:    gwpb.Caps.CapSet(without(gwpb.Caps.All(), gwpb.CapGatewayEvaluate, f.noEvaluate)),
		Workers: []gwclient.WorkerInfo{{Platforms: []platform{amd64}}},
	}
}

// requests are the references of the calls so far: as they were asked for, and what
// the policies made of them.
func (f *fakeClient) requests() (asked, became []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		asked, became = append(asked, c.ref), append(became, c.became)
	}
	return asked, became
}

// became are the references that the registry was asked for so far, in order.
func (f *fakeClient) became() []string {
	_, became := f.requests()
	return became
}

// fakeReference is the result of a solve. As a context, it has nothing in it but a
// Dockerfile.
type fakeReference struct {
	gwclient.Reference
	daemon *fakeClient
	req    gwclient.SolveRequest
}

func (r *fakeReference) Evaluate(context.Context) error {
	f := r.daemon
	f.mu.Lock()
	f.evaluated = append(f.evaluated, r.req)
	n := len(f.evaluated)
	f.mu.Unlock()
	if f.pull == nil {
		return nil
	}
	return f.pull(n, r.req)
}

func (r *fakeReference) ReadFile(_ context.Context, req gwclient.ReadRequest) ([]byte, error) {
	if req.Filename != "Dockerfile" {
		if r.daemon.deaf != nil && req.Filename == ".dockerignore" {
			<-r.daemon.deaf
		}
		return nil, os.ErrNotExist
	}
	return []byte(r.daemon.dockerfile), nil
}

func (r *fakeReference) StatFile(context.Context, gwclient.StatRequest) (*fstypes.Stat, error) {
	return &fstypes.Stat{Size: int64(len(r.daemon.dockerfile))}, nil
}

// newFake returns a fake whose registry gives the listed answers.
func newFake(t testing.TB, answers map[string][]string) *fakeClient {
	listed := daemon.Listed(t, answers)
	return &fakeClient{t: t, registry: func(_ context.Context, ref string, _ sourceresolver.Opt) error { return listed(ref) }}
}

// config asks for ref as the builder does.
func config(t testing.TB, c *client, ref string) error {
	t.Helper()
	opt := amd64Opt()
	opt.LogName = "[internal] load metadata for " + ref
	got, dgst, dt, err := c.ResolveImageConfig(t.Context(), ref, opt)
	if err != nil {
		require.Empty(t, got)
		require.Empty(t, dgst)
		require.Nil(t, dt)
		return err
	}
	require.Equal(t, testDigest, dgst)
	require.Equal(t, testConfig, dt)
	require.Equal(t, ref, got)
	return nil
}

func amd64Opt() sourceresolver.Opt {
	return sourceresolver.Opt{ImageOpt: &sourceresolver.ResolveImageOpt{Platform: &amd64, ResolveMode: "default"}}
}

func defaults() options { return options{retry: true} }

// withSeveralImages skips a test under the race detector whose builder resolves more than
// one image: BuildKit sets a field of its cache anew in each of these concurrent requests
// (builder/resolvecache.go, CacheError), always to the same value.
func withSeveralImages(t *testing.T) {
	t.Helper()
	if raceDetector {
		t.Skip("BuildKit's builder races with itself")
	}
}
