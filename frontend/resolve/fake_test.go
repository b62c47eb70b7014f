package resolve

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/sourcepolicy"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	fakes "github.com/org/pullsafe/internal/daemon"
	"github.com/org/pullsafe/llb"
)

const (
	testDigest = digest.Digest("sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")

	uv      = "ghcr.io/astral-sh/uv:0.7"
	uvBoth  = "GHCR.IO:443/astral-sh/uv:0.7"
	uvPort  = "ghcr.io:443/astral-sh/uv:0.7"
	uvUpper = "GHCR.IO/astral-sh/uv:0.7"

	uvStep = "[internal] load metadata for " + uv

	rejected  = "failed to fetch oauth token: denied: denied"
	anonymous = "failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token: 401 Unauthorized"
	head      = "unexpected status from HEAD request to https://ghcr.io/v2/astral-sh/uv/manifests/0.7: "
	limited   = head + "429 Too Many Requests"
	outage    = head + "503 Service Unavailable"
	dial      = `failed to do request: Head "https://ghcr.io/v2/astral-sh/uv/manifests/0.7": dial tcp 192.0.2.1:443: connect: connection refused`
	badTLS    = `failed to do request: Head "https://ghcr.io/v2/astral-sh/uv/manifests/0.7": tls: failed to verify certificate: x509: certificate has expired`
	denied    = `could not resolve image due to policy: source "docker-image://ghcr.io/astral-sh/uv:0.7" denied by policy: source denied by policy`
)

// testConfig is the image config that every answer of the fake carries.
var testConfig = []byte(`{"os":"linux"}`)

type platform = ocispecs.Platform

var amd64 = platform{OS: "linux", Architecture: "amd64"}

// answerFunc is a registry: it answers for a reference under the name that it is
// asked for.
type answerFunc func(ctx context.Context, ref string) error

// call is one metadata request that reached the daemon.
type call struct {
	ref      string // as it was asked for
	became   string // what the policies made of it; empty when they denied it
	logName  string
	platform *platform
	policies []*spb.Policy // of the request
}

// daemon answers metadata requests: it applies the policies of a request and then the
// user's, as solver/llbsolver does, and asks the registry.
type daemon struct {
	t          testing.TB
	registry   answerFunc
	policy     *spb.Policy                         // the user's
	session    func(context.Context, string) error // the policy of the session; it is asked by identifier
	noPolicies bool                                // too old for policies

	mu     sync.Mutex
	calls  []call
	checks []string // identifiers that only the policies were asked about
}

// newDaemon has a registry that gives the listed answers.
func newDaemon(t testing.TB, answers map[string][]string) *daemon {
	listed := fakes.Listed(t, answers)
	return &daemon{t: t, registry: func(_ context.Context, ref string) error { return listed(ref) }}
}

// answering has a registry with one answer for everything; nil is an image.
func answering(t testing.TB, err error) *daemon {
	return &daemon{t: t, registry: func(context.Context, string) error { return err }}
}

// ResolveImageConfig implements Client.
func (d *daemon) ResolveImageConfig(ctx context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	c := call{ref: ref, logName: opt.LogName, policies: opt.SourcePolicies}
	if opt.ImageOpt != nil {
		c.platform = opt.ImageOpt.Platform
	}
	op := &pb.SourceOp{Identifier: llb.ImageScheme + ref}
	err := d.evaluate(ctx, op, opt.SourcePolicies)
	if err == nil {
		c.became = strings.TrimPrefix(op.Identifier, llb.ImageScheme)
	}
	d.mu.Lock()
	d.calls = append(d.calls, c)
	d.mu.Unlock()
	if err != nil {
		return "", "", nil, err
	}
	if err := d.registry(ctx, c.became); err != nil {
		return "", "", nil, err
	}
	return c.became, testDigest, testConfig, nil
}

// ResolveSourceMetadata implements Client.
func (d *daemon) ResolveSourceMetadata(ctx context.Context, op *pb.SourceOp, opt sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	got, dgst, config, err := d.ResolveImageConfig(ctx, strings.TrimPrefix(op.Identifier, llb.ImageScheme), opt)
	if err != nil {
		return nil, err
	}
	op.Identifier = llb.ImageScheme + got // as the gateway's client does
	return &sourceresolver.MetaResponse{Op: op, Image: &sourceresolver.ResolveImageResponse{Digest: dgst, Config: config}}, nil
}

// evaluate applies the policies of a request, then the user's.
func (d *daemon) evaluate(ctx context.Context, op *pb.SourceOp, policies []*spb.Policy) error {
	policies = slices.Clone(policies)
	if d.policy != nil {
		policies = append(policies, d.policy)
	}
	_, err := sourcepolicy.NewEngine(policies).Evaluate(ctx, op)
	if err == nil && d.session != nil {
		err = d.session(ctx, op.Identifier)
	}
	return errors.Wrap(err, "could not resolve image due to policy")
}

// check puts an image to the policies, as frontend does with a definition that does not
// use it.
func (d *daemon) check(ctx context.Context, _ *Resolution, refs ...reference.Named) error {
	for _, ref := range refs {
		op := &pb.SourceOp{Identifier: llb.ImageSource(ref)}
		d.mu.Lock()
		d.checks = append(d.checks, op.Identifier)
		d.mu.Unlock()
		if d.noPolicies {
			continue
		}
		if err := d.evaluate(ctx, op, []*spb.Policy{llb.OnlyPolicy(refs...)}); err != nil {
			return err
		}
	}
	return nil
}

// requests are the references of the calls so far: as they were asked for, and what the
// policies made of them.
func (d *daemon) requests() (asked, became []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.calls {
		asked, became = append(asked, c.ref), append(became, c.became)
	}
	return asked, became
}

// requireRequests checks what became of the requests, in order, and that each was for
// the reference as written where the daemon takes policies.
func requireRequests(t testing.TB, d *daemon, written string, want ...string) {
	t.Helper()
	asked, became := d.requests()
	require.Equal(t, want, became)
	if d.noPolicies {
		require.Equal(t, want, asked)
		return
	}
	for _, ref := range asked {
		require.Equal(t, written, ref)
	}
}

// newResolver falls back for every host.
func newResolver(d *daemon) *Resolver { return New(d.options()) }

func (d *daemon) options() Options {
	return Options{FallsBack: func(string) bool { return true }, Policies: !d.noPolicies, Check: d.check}
}

// amd64Opt are the options with which the builder asks for ref.
func amd64Opt(ref string) sourceresolver.Opt {
	return sourceresolver.Opt{
		LogName:  "[internal] load metadata for " + ref,
		ImageOpt: &sourceresolver.ResolveImageOpt{Platform: &amd64, ResolveMode: "default"},
	}
}

// ask is the request of the builder for ref.
func ask(d *daemon, ref string) *Request { return ConfigRequest(d, ref, amd64Opt(ref)) }

// resolve resolves ref, and checks what every resolution has in common.
func resolve(t testing.TB, r *Resolver, d *daemon, ref string) *Resolution {
	t.Helper()
	res, err := r.Resolve(t.Context(), ask(d, ref))
	require.NoError(t, err)
	require.Equal(t, ref, res.Ref)
	require.Equal(t, &amd64, res.Platform)
	require.Contains(t, r.All(), res)
	if res.Err != nil {
		require.NotEmpty(t, res.Written.Class)
		return res
	}
	require.Equal(t, testDigest, res.Image.Digest)
	require.Equal(t, testConfig, res.Image.Config)
	if !res.Converted && res.Written.Class != "" {
		require.Equal(t, ref, res.Image.Ref, "the name is the one as written")
	}
	return res
}
