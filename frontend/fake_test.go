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
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
	fstypes "github.com/tonistiigi/fsutil/types"

	"github.com/org/pullsafe/llb"
)

const testDigest = digest.Digest("sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")

// testConfig is the image config that every answer of the fake carries.
var testConfig = []byte(`{"os":"linux"}`)

// answerFunc is a registry: it answers for a reference as BuildKit asks for it.
type answerFunc func(ctx context.Context, ref string, opt sourceresolver.Opt) error

// call is one metadata request that reached the daemon.
type call struct {
	ref, logName string
	policies     []*spb.Policy
}

// fakeClient is a daemon: it evaluates the policies of a request and the user's
// as solver/llbsolver does, then asks the registry. A method that it does not
// have panics.
type fakeClient struct {
	gwclient.Client
	t          testing.TB
	registry   answerFunc
	policy     *spb.Policy                         // the user's
	session    func(context.Context, string) error // the user's policy of the session; it is asked by identifier
	noPolicies bool                                // the daemon is too old for policies
	opts       map[string]string
	dockerfile string
	inputs     map[string]bkllb.State

	mu     sync.Mutex
	calls  []call
	checks []string // identifiers of requests that no registry sees
	solves []gwclient.SolveRequest
}

func (f *fakeClient) ResolveImageConfig(ctx context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	f.mu.Lock()
	f.calls = append(f.calls, call{ref, opt.LogName, opt.SourcePolicies})
	f.mu.Unlock()
	op := &pb.SourceOp{Identifier: "docker-image://" + ref}
	if err := f.evaluate(ctx, op, opt); err != nil {
		return "", "", nil, err
	}
	got := strings.TrimPrefix(op.Identifier, "docker-image://")
	if err := f.registry(ctx, got, opt); err != nil {
		return "", "", nil, err
	}
	return got, testDigest, testConfig, nil
}

// evaluate applies the policies of the request, then the user's.
func (f *fakeClient) evaluate(ctx context.Context, op *pb.SourceOp, opt sourceresolver.Opt) error {
	policies := slices.Clone(opt.SourcePolicies)
	if f.policy != nil {
		policies = append(policies, f.policy)
	}
	_, err := sourcepolicy.NewEngine(policies).Evaluate(ctx, op)
	if err == nil && f.session != nil {
		err = f.session(ctx, op.Identifier)
	}
	return errors.Wrap(err, "could not resolve image due to policy")
}

func (f *fakeClient) ResolveSourceMetadata(ctx context.Context, op *pb.SourceOp, opt sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	ref, ok := strings.CutPrefix(op.Identifier, "docker-image://")
	if !ok {
		return &sourceresolver.MetaResponse{Op: op}, nil
	}
	got, dgst, config, err := f.ResolveImageConfig(ctx, ref, opt)
	if err != nil {
		return nil, err
	}
	op.Identifier = "docker-image://" + got // as the gateway's client does
	return &sourceresolver.MetaResponse{Op: op, Image: &sourceresolver.ResolveImageResponse{Digest: dgst, Config: config}}, nil
}

func (f *fakeClient) Solve(ctx context.Context, req gwclient.SolveRequest) (*gwclient.Result, error) {
	if checked, err := f.check(ctx, req); checked {
		return gwclient.NewResult(), err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.solves = append(f.solves, req)
	res := gwclient.NewResult()
	res.SetRef(fakeReference{dockerfile: f.dockerfile})
	return res, nil
}

// check answers a request that holds a source only for the policies to see. As
// loadLLB does, it evaluates them for every source.
func (f *fakeClient) check(ctx context.Context, req gwclient.SolveRequest) (bool, error) {
	isCheck := false
	for _, meta := range req.Definition.GetMetadata() {
		isCheck = isCheck || strings.HasPrefix(meta.Description["llb.customname"], "[internal] check policies for ")
	}
	if !isCheck {
		return false, nil
	}
	list, err := llb.ImageSources(req.Definition)
	require.NoError(f.t, err)
	require.Len(f.t, list, 1)
	op := &pb.SourceOp{Identifier: llb.ImageSource(list[0].Ref)}
	f.mu.Lock()
	f.checks = append(f.checks, op.Identifier)
	f.mu.Unlock()
	return true, f.evaluate(ctx, op, sourceresolver.Opt{SourcePolicies: req.SourcePolicies})
}

func (f *fakeClient) Inputs(context.Context) (map[string]bkllb.State, error) {
	return f.inputs, nil
}

func (f *fakeClient) BuildOpts() gwclient.BuildOpts {
	caps := slices.DeleteFunc(pb.Caps.All(), func(c *apicapspb.APICap) bool {
		return f.noPolicies && c.ID == string(pb.CapSourcePolicy)
	})
	return gwclient.BuildOpts{
		Opts:    f.opts,
		LLBCaps: pb.Caps.CapSet(caps),
		Caps:    gwpb.Caps.CapSet(gwpb.Caps.All()),
		Workers: []gwclient.WorkerInfo{{Platforms: []platform{amd64}}},
	}
}

// asked are the references of the calls so far, in order.
func (f *fakeClient) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var refs []string
	for _, c := range f.calls {
		refs = append(refs, c.ref)
	}
	return refs
}

// fakeReference is a solved context with nothing in it but a Dockerfile.
type fakeReference struct {
	gwclient.Reference
	dockerfile string
}

func (r fakeReference) ReadFile(_ context.Context, req gwclient.ReadRequest) ([]byte, error) {
	if req.Filename != "Dockerfile" {
		return nil, os.ErrNotExist
	}
	return []byte(r.dockerfile), nil
}

func (r fakeReference) StatFile(context.Context, gwclient.StatRequest) (*fstypes.Stat, error) {
	return &fstypes.Stat{Size: int64(len(r.dockerfile))}, nil
}

// newFake returns a fake whose registry gives, for each reference, the listed
// answers in order and then the last one again: "" is an image, anything else an
// error's text. Any other reference fails the test.
func newFake(t testing.TB, answers map[string][]string) *fakeClient {
	var mu sync.Mutex
	next := map[string]int{}
	return &fakeClient{t: t, registry: func(_ context.Context, ref string, _ sourceresolver.Opt) error {
		mu.Lock()
		defer mu.Unlock()
		list, ok := answers[ref]
		if !ok {
			t.Errorf("the registry was asked for %q", ref)
			return errors.Errorf("%s: not expected", ref)
		}
		text := list[min(next[ref], len(list)-1)]
		next[ref]++
		if text == "" {
			return nil
		}
		return errors.New(text)
	}}
}

// config asks for ref as the builder does.
func config(t testing.TB, c *client, ref string) error {
	t.Helper()
	got, dgst, dt, err := c.ResolveImageConfig(t.Context(), ref, sourceresolver.Opt{
		LogName:  "[internal] load metadata for " + ref,
		ImageOpt: &sourceresolver.ResolveImageOpt{Platform: &amd64, ResolveMode: "default"},
	})
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

func defaults() options {
	return options{retry: true, all: true}
}

// supports keeps the fake honest: pb.Caps is what a new daemon has.
func supports(c gwclient.Client, id apicaps.CapID) bool {
	caps := c.BuildOpts().LLBCaps
	return caps.Supports(id) == nil
}
