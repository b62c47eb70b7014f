package frontend

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/solver/pb"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/llb"
)

type platform = ocispecs.Platform

var amd64 = platform{OS: "linux", Architecture: "amd64"}

const (
	uv      = "ghcr.io/astral-sh/uv:0.7"
	uvUpper = "GHCR.IO/astral-sh/uv:0.7"
	uvPort  = "ghcr.io:443/astral-sh/uv:0.7"

	refused   = "failed to fetch oauth token: denied: denied"
	anonymous = "failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token: 401 Unauthorized"
	head      = "unexpected status from HEAD request to https://ghcr.io/v2/astral-sh/uv/manifests/0.7: "
	limited   = head + "429 Too Many Requests"
	outage    = head + "503 Service Unavailable"
	dial      = `failed to do request: Head "https://ghcr.io/v2/astral-sh/uv/manifests/0.7": dial tcp 192.0.2.1:443: connect: connection refused`
	badTLS    = `failed to do request: Head "https://ghcr.io/v2/astral-sh/uv/manifests/0.7": tls: failed to verify certificate: x509: certificate has expired`
	denied    = `could not resolve image due to policy: source "docker-image://ghcr.io/astral-sh/uv:0.7" denied by policy: source denied by policy`
)

func requireNothingRemembered(t *testing.T, c *client) {
	t.Helper()
	require.Empty(t, c.resolver.names())
	for _, o := range c.resolver.ledger.outcomes {
		require.False(t, o.rescued && o.err == nil)
	}
}

func TestSuccessIsOneCall(t *testing.T) {
	for _, noPolicies := range []bool{false, true} {
		gw := newFake(t, map[string][]string{uv: {""}})
		gw.noPolicies = noPolicies
		require.Equal(t, !noPolicies, supports(gw, pb.CapSourcePolicy))
		c := newClient(gw, defaults())
		require.NoError(t, config(t, c, uv))
		require.NoError(t, config(t, c, uv))

		require.Len(t, gw.calls, 1)
		require.Equal(t, uv, gw.calls[0].ref)
		require.Equal(t, "[internal] load metadata for "+uv, gw.calls[0].logName)
		requireGuard(t, gw.calls[0], !noPolicies)
		requireNothingRemembered(t, c)
	}
}

// requireGuard checks that a call carries the policy that lets only its own
// reference pass, and no other.
func requireGuard(t *testing.T, c call, guarded bool) {
	t.Helper()
	if !guarded {
		require.Empty(t, c.policies)
		return
	}
	named, err := reference.ParseNormalizedNamed(c.ref)
	require.NoError(t, err)
	require.Len(t, c.policies, 1)
	require.True(t, llb.OnlyPolicy(named).EqualVT(c.policies[0]))
}

func TestRequestKeepsItsOwnPolicies(t *testing.T) {
	gw := newFake(t, map[string][]string{uv: {refused}, uvUpper: {""}})
	c := newClient(gw, defaults())
	own := &spb.Policy{Version: 1}
	opt := sourceresolver.Opt{SourcePolicies: []*spb.Policy{own}}
	_, _, _, err := c.ResolveImageConfig(t.Context(), uv, opt)
	require.NoError(t, err)
	require.Len(t, gw.calls, 2)
	for _, call := range gw.calls {
		require.Len(t, call.policies, 2)
		require.Same(t, own, call.policies[1])
	}
	require.Equal(t, "[internal] load metadata for "+uv+" (without credentials)", gw.calls[1].logName)
}

func TestRefusedThenWithoutCredentials(t *testing.T) {
	for _, noPolicies := range []bool{false, true} {
		gw := newFake(t, map[string][]string{uv: {refused}, uvUpper: {""}})
		gw.noPolicies = noPolicies
		c := newClient(gw, defaults())
		require.NoError(t, config(t, c, uv)) // the name is the one as written

		require.Equal(t, []string{uv, uvUpper}, gw.asked())
		require.Equal(t, "[internal] load metadata for "+uv+" (without credentials)", gw.calls[1].logName)
		for _, call := range gw.calls {
			requireGuard(t, call, !noPolicies)
		}
		require.Equal(t, llb.Names{"ghcr.io/astral-sh/uv": "GHCR.IO/astral-sh/uv"}, c.resolver.names())
		require.Len(t, c.resolver.ledger.outcomes, 1)
		o := c.resolver.ledger.outcomes[0]
		require.True(t, o.rescued)
		require.NoError(t, o.err)
		require.Equal(t, testDigest, o.digest)
	}
}

// TestKnownSpellingGoesFirst: what has worked for a repository is tried first for
// its next tag.
func TestKnownSpellingGoesFirst(t *testing.T) {
	const uv8, uv8Port, uv8Upper = "ghcr.io/astral-sh/uv:0.8", "ghcr.io:443/astral-sh/uv:0.8", "GHCR.IO/astral-sh/uv:0.8"
	gw := newFake(t, map[string][]string{
		uv: {refused}, uvUpper: {refused}, uvPort: {""},
		uv8: {refused}, uv8Port: {head + "400 Bad Request"}, uv8Upper: {""},
	})
	c := newClient(gw, defaults())
	require.NoError(t, config(t, c, uv))
	require.NoError(t, config(t, c, uv8))
	require.Equal(t, []string{uv, uvUpper, uvPort, uv8, uv8Port, uv8Upper}, gw.asked())
	require.Equal(t, llb.Names{"ghcr.io/astral-sh/uv": "ghcr.io:443/astral-sh/uv"}, c.resolver.names())
}

// TestNeverRetried: nothing but a refusal that credentials can have caused leads
// to a second request.
func TestNeverRetried(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		worded     bool // the error has words of our own
	}{
		{"policy, rule of the user", denied, false},
		{"policy, decision of a session", `could not resolve image due to policy: source "docker-image://ghcr.io/astral-sh/uv:0.7" not allowed by policy: action DENY`, false},
		{"policy, metadata request", "could not resolve image due to policy: error resolving source metadata from policy request: " + refused, false},
		{"policy, without a source", "could not resolve image due to policy: " + refused, false},
		{"invalid reference", "failed to parse stage name \"x-\": invalid reference format", false},
		{"cancelled", "failed to fetch oauth token: Post \"https://ghcr.io/token\": context canceled", false},
		{"not of a registry", "no such worker", false},
		{"not found", uv + ": not found", true},
		{"no platform", "no match for platform in manifest " + testDigest.String() + ": not found", true},
		{"rate limit", limited, true},
		{"500", head + "500 Internal Server Error", true},
		{"503", outage, true},
		{"network", dial, true},
		{"network of the token", "failed to fetch oauth token: Post \"https://ghcr.io/token\": dial tcp: lookup ghcr.io: i/o timeout", true},
		{"TLS", badTLS, true},
		{"anonymous refusal", anonymous, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			came := errors.New(tc.text)
			gw := &fakeClient{t: t, registry: func(context.Context, string, sourceresolver.Opt) error { return came }}
			c := newClient(gw, defaults())
			err := config(t, c, uv)
			require.ErrorIs(t, err, came)
			require.Equal(t, []string{uv}, gw.asked())
			requireNothingRemembered(t, c)
			var ref *refError
			require.Equal(t, tc.worded, errors.As(err, &ref))
			if !tc.worded {
				require.Same(t, came, err)
			}
		})
	}
}

// TestPolicyIsFinal: a user's policy, evaluated by BuildKit's own engine, denies
// the image before the registry is asked.
func TestPolicyIsFinal(t *testing.T) {
	gw := newFake(t, nil)
	gw.policy = &spb.Policy{Version: 1, Rules: []*spb.Rule{{
		Action:   spb.PolicyAction_DENY,
		Selector: &spb.Selector{Identifier: "docker-image://ghcr.io/*"},
	}}}
	c := newClient(gw, defaults())
	require.EqualError(t, config(t, c, uv), denied)
	require.Equal(t, []string{uv}, gw.asked())
	requireNothingRemembered(t, c)
}

func TestNextSpelling(t *testing.T) {
	for _, tc := range []struct {
		name, first string
		next        bool
	}{
		{"400", head + "400 Bad Request", true},
		{"404", head + "404 Not Found", true},
		{"503", outage, true},
		{"network", dial, true},
		{"TLS", badTLS, true},
		{"credentials after all", refused, true},
		{"helper", "error getting credentials - err: exit status 1, out: `no`", true},
		{"anonymous refusal", anonymous, false},
		{"policy", `could not resolve image due to policy: source "docker-image://` + uvUpper + `" denied by policy: source denied by policy`, false},
		{"rate limit", limited, false},
		{"cancelled", "context canceled", false},
		{"no platform", "no match for platform in manifest " + testDigest.String() + ": not found", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gw := newFake(t, map[string][]string{uv: {refused}, uvUpper: {tc.first}, uvPort: {""}})
				c := newClient(gw, defaults())
				err := config(t, c, uv)
				require.Equal(t, tc.next, slices.Contains(gw.asked(), uvPort))
				if !tc.next {
					var ref *refError
					require.Equal(t, tc.name != "cancelled", errors.As(err, &ref))
					if ref != nil {
						err = ref.cause
					}
					require.EqualError(t, err, refused)
					require.Equal(t, []string{uv, uvUpper}, gw.asked())
					requireNothingRemembered(t, c)
					return
				}
				require.NoError(t, err)
				require.Equal(t, llb.Names{"ghcr.io/astral-sh/uv": "ghcr.io:443/astral-sh/uv"}, c.resolver.names())
			})
		})
	}
}

func TestTransientFaults(t *testing.T) {
	for _, tc := range []struct {
		name  string
		upper []string
		asked []string
		took  time.Duration
	}{
		{"passes", []string{outage, ""}, []string{uv, uvUpper, uvUpper}, transientWait},
		{"passes late", []string{dial, outage, ""}, []string{uv, uvUpper, uvUpper, uvUpper}, 3 * transientWait},
		{"stays", []string{outage}, []string{uv, uvUpper, uvUpper, uvUpper, uvPort}, 3 * transientWait},
		{"turns", []string{outage, anonymous}, []string{uv, uvUpper, uvUpper}, transientWait},
		{"lasting", []string{badTLS}, []string{uv, uvUpper, uvPort}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gw := newFake(t, map[string][]string{uv: {refused}, uvUpper: tc.upper, uvPort: {anonymous}})
				c := newClient(gw, defaults())
				began := time.Now()
				err := config(t, c, uv)
				require.Equal(t, tc.upper[len(tc.upper)-1] != "", err != nil)
				require.Equal(t, tc.asked, gw.asked())
				require.Equal(t, tc.took, time.Since(began))
			})
		})
	}
}
