package resolve

import (
	"context"
	"testing"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/llb"
)

const (
	blob      = "failed to copy: httpReadSeeker: failed open: "
	blobURL   = "https://ghcr.io/v2/astral-sh/uv/blobs/sha256:aaaa"
	limitedAt = blob + "unexpected status code " + blobURL + ": 429 Too Many Requests"
	outageAt  = blob + "unexpected status code " + blobURL + ": 503 Service Unavailable"
	dialAt    = blob + `failed to do request: Get "` + blobURL + `": dial tcp 192.0.2.1:443: connect: connection refused`
)

var errLayer = errors.New(blob + rejected)

// public has an image that is there for everybody.
func public(written ...string) map[string][]string {
	return map[string][]string{
		uv: written, uvBoth: {""}, uvPinned: {""}, uvProbeBoth: {missing(uvProbeBoth)}, uvPinnedBoth: {""},
	}
}

// TestPull: a layer of an image is rejected whose metadata was resolved as written.
func TestPull(t *testing.T) {
	d := newDaemon(t, public(""))
	r := newResolver(d)
	known := resolve(t, r, d, uv)
	require.Same(t, known, r.Source(parse(t, uvPinned), &amd64))
	d.calls = nil

	res, err := r.Pull(t.Context(), ask(d, uvPinned), known, errLayer, true)
	require.NoError(t, err)
	requireRequests(t, d, uvPinned, uvProbeBoth, uvPinnedBoth)
	require.NoError(t, res.Err)
	require.True(t, res.Pulling)
	require.True(t, res.FellBack())
	require.Equal(t, uv, res.Ref, "as the Dockerfile has it")
	require.Equal(t, known.Image, res.Image, "the metadata stays")
	require.Equal(t, diagnosis.CredentialsRejected, res.Written.Class)
	require.Equal(t, "ghcr.io", res.Written.Host)
	require.Equal(t, llb.Names{"ghcr.io/astral-sh/uv": "GHCR.IO:443/astral-sh/uv"}, r.Names())
	require.Equal(t, []string{"docker-image://" + uvPinned, "docker-image://" + uvPinnedBoth}, d.checks)

	require.Empty(t, known.Written, "nothing is changed that somebody else has")
	require.Equal(t, []*Resolution{res}, r.All(), "it takes the place of what was known")
	require.Same(t, res, resolve(t, r, d, uv), "the builder is answered from it")
	require.Len(t, d.calls, 2)
}

// TestPullAgain: what fails under its alias too has failed.
func TestPullAgain(t *testing.T) {
	d := newDaemon(t, public(""))
	r := newResolver(d)
	first, err := r.Pull(t.Context(), ask(d, uvPinned), resolve(t, r, d, uv), errLayer, true)
	require.NoError(t, err)
	d.calls = nil
	late := errors.New(blob + anonymous)
	res, err := r.Pull(t.Context(), ask(d, uvPinned), first, late, true)
	require.NoError(t, err)
	require.Empty(t, d.calls)
	require.Same(t, late, res.Err)
	require.False(t, res.FellBack())
	require.Equal(t, diagnosis.CredentialsRejected, res.Written.Class, "the first answer stays")
	require.Len(t, res.Fallback, 1)
	require.Equal(t, diagnosis.AuthRequired, res.Fallback[0].Class)
	require.Empty(t, r.Names())
	require.Equal(t, []*Resolution{res}, r.All())
}

// TestPullOfWhatWasNotResolved: an image of a linked bake target, which the builder does
// not ask for.
func TestPullOfWhatWasNotResolved(t *testing.T) {
	d := newDaemon(t, public(""))
	r := newResolver(d)
	require.Nil(t, r.Source(parse(t, uvPinned), &amd64))
	res, err := r.Pull(t.Context(), ask(d, uvPinned), nil, errLayer, true)
	require.NoError(t, err)
	require.NoError(t, res.Err)
	require.Equal(t, uvPinned, res.Ref)
	require.Equal(t, uvPinned, res.Image.Ref)
	require.Equal(t, testConfig, res.Image.Config)
	require.Same(t, res, r.Source(parse(t, uvPinned), &amd64))
	require.NotEmpty(t, r.Names())
}

// TestPullWithoutFallback: these are explained, and nothing is asked.
func TestPullWithoutFallback(t *testing.T) {
	for _, tc := range []struct {
		text  string
		class diagnosis.Class
		off   bool
	}{
		{limitedAt, diagnosis.RateLimited, false},
		{outageAt, diagnosis.RegistryOutage, false},
		{dialAt, diagnosis.NetworkFailure, false},
		{blob + anonymous, diagnosis.AuthRequired, false},
		{errLayer.Error(), diagnosis.CredentialsRejected, true},
	} {
		d := newDaemon(t, public(""))
		opt := d.options()
		opt.FallsBack = func(string) bool { return !tc.off }
		r := New(opt)
		failed := errors.New(tc.text)
		res, err := r.Pull(t.Context(), ask(d, uvPinned), resolve(t, r, d, uv), failed, true)
		require.NoError(t, err)
		require.Same(t, failed, res.Err)
		require.True(t, res.Pulling)
		require.Equal(t, tc.off, res.Off)
		require.Equal(t, tc.class, res.Written.Class)
		require.Empty(t, res.Fallback)
		require.NotNil(t, res.Image)
		require.Len(t, d.calls, 1)
	}
}

// TestPullIsDenied: to the anonymous fallback too, or by strict, or by a policy.
func TestPullIsDenied(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(d *daemon, o *Options, answers map[string][]string)
		fell   bool
	}{
		{"by the registry", func(_ *daemon, _ *Options, answers map[string][]string) { answers[uvProbeBoth] = []string{anonymous} }, false},
		{"by strict", func(_ *daemon, o *Options, _ map[string][]string) { o.Strict = true }, true},
		{"by a policy", func(d *daemon, _ *Options, _ map[string][]string) {
			d.policy = denying("docker-image://GHCR.IO:443/*:*@*")
		}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			answers := public("")
			d := newDaemon(t, answers)
			opt := d.options()
			tc.change(d, &opt, answers)
			r := New(opt)
			res, err := r.Pull(t.Context(), ask(d, uvPinned), resolve(t, r, d, uv), errLayer, true)
			require.NoError(t, err)
			require.Same(t, errLayer, res.Err)
			require.Equal(t, tc.fell, res.FellBack())
			require.Empty(t, r.Names())
		})
	}
}

// TestPullIsCancelled: in an attempt, or while the policies are asked.
func TestPullIsCancelled(t *testing.T) {
	for _, identifier := range []string{"docker-image://" + uvProbeBoth, "docker-image://" + uvPinnedBoth, "docker-image://" + uvPinned} {
		why := errors.New("why")
		d := newDaemon(t, public(""))
		r := newResolver(d)
		known := resolve(t, r, d, uv)
		ctx, cancel := context.WithCancelCause(t.Context())
		d.session = func(ctx context.Context, asked string) error {
			if asked == identifier {
				cancel(why)
			}
			return context.Cause(ctx)
		}
		_, err := r.Pull(ctx, ask(d, uvPinned), known, errLayer, true)
		require.ErrorIs(t, err, why)
		require.Equal(t, []*Resolution{known}, r.All())
		require.Empty(t, r.Names())
	}
}

// TestPullOfNoReference cannot happen: it was parsed before.
func TestPullOfNoReference(t *testing.T) {
	d := newDaemon(t, nil)
	_, err := newResolver(d).Pull(t.Context(), ask(d, "Not A Reference"), nil, errLayer, true)
	require.Same(t, errLayer, err)
}

// TestRejected: BuildKit may know the metadata from its content store, so the repository
// is asked for something that only the registry can answer. When it does not reject the
// credentials, the step is asked again as written: its end is what a person sees.
func TestRejected(t *testing.T) {
	for _, tc := range []struct {
		name, answer string
		noPolicies   bool
		want         bool
		asked        []string
	}{
		{"rejected", rejected, false, true, []string{uvProbe}},
		{"let in", missing(uvProbe), false, false, []string{uvProbe, uvPinned}},
		{"resolved", "", false, false, []string{uvProbe, uvPinned}},
		{"rate limit", limited, false, false, []string{uvProbe, uvPinned}},
		{"denied without credentials", anonymous, false, false, []string{uvProbe, uvPinned}},
		{"no policies", "", true, false, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := newDaemon(t, map[string][]string{uvProbe: {tc.answer}, uvPinned: {""}})
			d.noPolicies = tc.noPolicies
			r := newResolver(d)
			require.Equal(t, tc.want, r.Rejected(t.Context(), ask(d, uvPinned)))
			requireRequests(t, d, uvPinned, tc.asked...)
			require.Empty(t, r.All())
			if len(tc.asked) == 2 {
				requireOnly(t, d.calls[1], true)
				require.Equal(t, d.calls[0].logName, d.calls[1].logName)
			}
		})
	}
	d := newDaemon(t, nil)
	require.False(t, newResolver(d).Rejected(t.Context(), ask(d, "Not A Reference")))
}

// TestSource: an image is found by what the builder made of the reference, for the same
// platform.
func TestSource(t *testing.T) {
	d := answering(t, nil)
	r := newResolver(d)
	byTag, byDigest := resolve(t, r, d, uv), resolve(t, r, d, uvPinned)
	arm := platform{OS: "linux", Architecture: "arm64"}
	require.Equal(t, byTag.Image.Digest, byDigest.Image.Digest)
	require.Same(t, byTag, r.Source(parse(t, uvPinned), &amd64))
	require.Nil(t, r.Source(parse(t, uvPinned), &arm))
	require.Nil(t, r.Source(parse(t, uvPinned), nil))
	require.Nil(t, r.Source(parse(t, uv), &amd64))
	require.Nil(t, r.Source(parse(t, uvPinnedBoth), &amd64))

	d.registry = func(context.Context, string) error { return errors.New(anonymous) }
	const failed = "ghcr.io/failed:1"
	require.Error(t, resolve(t, r, d, failed).Err)
	require.Nil(t, r.Source(parse(t, failed+at), &amd64))
}

func TestSourceOfPlatform(t *testing.T) {
	base := func(change func(*platform)) *platform {
		p := platform{OS: "linux", Architecture: "arm", Variant: "v7", OSVersion: "1", OSFeatures: []string{"x"}}
		change(&p)
		return &p
	}
	known := func(asked, wanted *platform) bool {
		r := New(Options{})
		r.remember(&Resolution{Named: parse(t, uvPinned), Platform: asked, Image: &Image{}})
		return r.Source(parse(t, uvPinned), wanted) != nil
	}
	same := base(func(*platform) {})
	require.True(t, known(nil, nil))
	require.True(t, known(same, base(func(*platform) {})))
	for _, other := range []*platform{
		nil,
		base(func(p *platform) { p.OS = "windows" }), base(func(p *platform) { p.Architecture = "arm64" }), base(func(p *platform) { p.Variant = "" }),
		base(func(p *platform) { p.OSVersion = "2" }), base(func(p *platform) { p.OSFeatures = nil }),
	} {
		require.False(t, known(same, other))
		require.False(t, known(other, same))
	}
}
