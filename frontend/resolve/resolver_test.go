package resolve

import (
	"testing"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/llb"
)

func parse(t testing.TB, s string) reference.Named {
	t.Helper()
	ref, err := reference.ParseNormalizedNamed(s)
	require.NoError(t, err)
	return ref
}

// requireOnly checks that a call carries the policy that lets only its own reference
// pass, and no other; or none at all.
func requireOnly(t testing.TB, c call, only bool) {
	t.Helper()
	if !only {
		require.Empty(t, c.policies)
		return
	}
	require.Len(t, c.policies, 1)
	require.True(t, llb.OnlyPolicy(parse(t, c.ref)).EqualVT(c.policies[0]))
}

// requireAlias checks that a call is the attempt under an alias: where the daemon takes
// policies, the reference as written with the rule that makes the alias of it.
func requireAlias(t testing.TB, d *daemon, c call, written, alias string) {
	t.Helper()
	require.Equal(t, alias, c.became)
	if d.noPolicies {
		require.Equal(t, alias, c.ref)
		require.Empty(t, c.policies)
		return
	}
	require.Equal(t, written, c.ref)
	require.Len(t, c.policies, 1)
	require.True(t, llb.AliasPolicy(parse(t, written), parse(t, alias)).EqualVT(c.policies[0]))
}

func TestSuccessIsOneRequest(t *testing.T) {
	for _, noPolicies := range []bool{false, true} {
		d := newDaemon(t, map[string][]string{uv: {""}})
		d.noPolicies = noPolicies
		r := newResolver(d)
		first := resolve(t, r, d, uv)
		require.Same(t, first, resolve(t, r, d, uv))

		require.NoError(t, first.Err)
		require.False(t, first.FellBack())
		require.Empty(t, first.Written)
		require.Equal(t, "ghcr.io", first.Host())
		require.Empty(t, r.Names())
		require.Empty(t, d.checks)
		require.Len(t, d.calls, 1)
		require.Equal(t, uv, d.calls[0].ref)
		require.Equal(t, uvStep, d.calls[0].logName)
		require.Equal(t, &amd64, d.calls[0].platform)
		requireOnly(t, d.calls[0], !noPolicies)
	}
}

// TestFallback: the attempt under the alias has the name of the same progress step.
func TestFallback(t *testing.T) {
	for _, noPolicies := range []bool{false, true} {
		d := newDaemon(t, map[string][]string{uv: {rejected}, uvBoth: {""}})
		d.noPolicies = noPolicies
		r := newResolver(d)
		res := resolve(t, r, d, uv)
		require.Same(t, res, resolve(t, r, d, uv))

		requireRequests(t, d, uv, uv, uvBoth)
		requireOnly(t, d.calls[0], !noPolicies)
		requireAlias(t, d, d.calls[1], uv, uvBoth)
		require.Equal(t, uvStep, d.calls[0].logName)
		require.Equal(t, uvStep, d.calls[1].logName)

		require.NoError(t, res.Err)
		require.True(t, res.FellBack())
		require.Equal(t, uvBoth, res.Alias.String())
		require.Equal(t, diagnosis.CredentialsRejected, res.Written.Class)
		require.Equal(t, "ghcr.io", res.Written.Host)
		require.Empty(t, res.Fallback)
		require.Nil(t, res.Policy)
		require.False(t, res.Pulling)
		require.Equal(t, llb.Names{"ghcr.io/astral-sh/uv": "GHCR.IO:443/astral-sh/uv"}, r.Names())
		require.Equal(t, []*Resolution{res}, r.All())
	}
}

func TestRequestKeepsItsOwnPolicies(t *testing.T) {
	d := newDaemon(t, map[string][]string{uv: {rejected}, uvBoth: {""}})
	own := &spb.Policy{Version: 1}
	opt := sourceresolver.Opt{SourcePolicies: []*spb.Policy{own}}
	res, err := newResolver(d).Resolve(t.Context(), ConfigRequest(d, uv, opt))
	require.NoError(t, err)
	require.NoError(t, res.Err)
	require.Len(t, d.calls, 2)
	for _, call := range d.calls {
		require.Len(t, call.policies, 2)
		require.Same(t, own, call.policies[1])
	}
}

// TestFirstAliasStays: another tag of a repository that fell back by another alias
// changes nothing, and the caller's map is a copy.
func TestFirstAliasStays(t *testing.T) {
	r := newResolver(newDaemon(t, nil))
	for i, alias := range []string{"GHCR.IO:443/a", "ghcr.io:443/a"} {
		r.remember(&Resolution{Named: parse(t, "ghcr.io/a"), Alias: parse(t, alias), key: string(rune('a' + i))})
	}
	r.remember(&Resolution{Named: parse(t, "ghcr.io/failed"), Alias: parse(t, "GHCR.IO:443/failed"), Err: errors.New("strict"), key: "c"})
	got := r.Names()
	require.Equal(t, llb.Names{"ghcr.io/a": "GHCR.IO:443/a"}, got)
	got["ghcr.io/b"] = "x"
	require.Len(t, r.Names(), 1)
}

// TestNeverFallsBack: nothing but a rejection that credentials can have caused leads to
// a second request.
func TestNeverFallsBack(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		class      diagnosis.Class
	}{
		{"policy, rule of the user", denied, diagnosis.PolicyDenied},
		{"policy, decision of a session", `could not resolve image due to policy: source "docker-image://ghcr.io/astral-sh/uv:0.7" not allowed by policy: action DENY`, diagnosis.PolicyDenied},
		{"policy, metadata request", "could not resolve image due to policy: error resolving source metadata from policy request: " + rejected, diagnosis.PolicyDenied},
		{"policy, without a source", "could not resolve image due to policy: " + rejected, diagnosis.PolicyDenied},
		{"invalid reference", "failed to parse stage name \"x-\": invalid reference format", diagnosis.InvalidReference},
		{"not of a registry", "no such worker", diagnosis.NotARegistryError},
		{"not found", uv + ": not found", diagnosis.NotFound},
		{"no platform", "no match for platform in manifest " + testDigest.String() + ": not found", diagnosis.NoMatchingPlatform},
		{"rate limit", limited, diagnosis.RateLimited},
		{"500", head + "500 Internal Server Error", diagnosis.RegistryOutage},
		{"503", outage, diagnosis.RegistryOutage},
		{"network", dial, diagnosis.NetworkFailure},
		{"network of the token", "failed to fetch oauth token: Post \"https://ghcr.io/token\": dial tcp: lookup ghcr.io: i/o timeout", diagnosis.NetworkFailure},
		{"TLS", badTLS, diagnosis.TLSFailure},
		{"anonymous denial", anonymous, diagnosis.AuthRequired},
	} {
		t.Run(tc.name, func(t *testing.T) {
			came := errors.New(tc.text)
			d := answering(t, came)
			r := newResolver(d)
			res := resolve(t, r, d, uv)
			require.Same(t, came, res.Err)
			require.Equal(t, tc.class, res.Written.Class)
			require.Nil(t, res.Image)
			require.False(t, res.FellBack())
			require.Empty(t, r.Names())
			requireRequests(t, d, uv, uv)
			require.Same(t, res, resolve(t, r, d, uv), "an error is remembered")
			require.Len(t, d.calls, 1)
		})
	}
}

// TestCanceledByTheDaemon: a request that ends like this is no answer about the image.
func TestCanceledByTheDaemon(t *testing.T) {
	for _, text := range []string{"context canceled", `failed to fetch oauth token: Post "https://ghcr.io/token": context canceled`} {
		d := newDaemon(t, map[string][]string{uv: {text, ""}})
		r := newResolver(d)
		_, err := r.Resolve(t.Context(), ask(d, uv))
		require.EqualError(t, err, text)
		require.Empty(t, r.All())
		require.NoError(t, resolve(t, r, d, uv).Err, "and the next is asked")
	}
}

// TestReferenceThatDoesNotParse is BuildKit's to refuse, each time it is asked.
func TestReferenceThatDoesNotParse(t *testing.T) {
	const bad = "Not A Reference"
	d := newDaemon(t, map[string][]string{bad: {rejected}})
	r := newResolver(d)
	for range 2 {
		_, err := r.Resolve(t.Context(), ask(d, bad))
		require.EqualError(t, err, rejected)
	}
	requireRequests(t, d, bad, bad, bad)
	requireOnly(t, d.calls[0], false)
	require.Empty(t, r.All())
}

func TestSwitchedOff(t *testing.T) {
	for _, tc := range []struct {
		host string
		off  bool
	}{{"", true}, {"quay.io", true}, {"ghcr.io", false}} {
		d := newDaemon(t, map[string][]string{uv: {rejected}, uvBoth: {""}})
		opt := d.options()
		opt.FallsBack = func(host string) bool { return host == tc.host }
		r := New(opt)
		res := resolve(t, r, d, uv)
		require.Equal(t, tc.off, res.Off)
		require.Equal(t, !tc.off, res.FellBack())
		if tc.off {
			requireRequests(t, d, uv, uv)
			require.EqualError(t, res.Err, rejected)
			require.Equal(t, diagnosis.CredentialsRejected, res.Written.Class)
			require.Empty(t, res.Fallback)
			require.Empty(t, r.Names())
		}
	}
}

// TestStrict: the fallback tells what would have resolved the image, which is not used.
func TestStrict(t *testing.T) {
	d := newDaemon(t, map[string][]string{uv: {rejected}, uvBoth: {""}})
	opt := d.options()
	opt.Strict = true
	r := New(opt)
	res := resolve(t, r, d, uv)
	require.EqualError(t, res.Err, rejected)
	require.True(t, res.Strict)
	require.True(t, res.FellBack())
	require.Equal(t, testDigest, res.Image.Digest)
	requireRequests(t, d, uv, uv, uvBoth)
	require.Empty(t, r.Names())
}
