package resolve

import (
	"context"
	"strings"
	"testing"

	spb "github.com/moby/buildkit/sourcepolicy/pb"
	"github.com/moby/buildkit/util/imageutil"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
)

func converting(from, to string) *spb.Policy {
	return &spb.Policy{Version: 1, Rules: []*spb.Rule{{
		Action:   spb.PolicyAction_CONVERT,
		Selector: &spb.Selector{Identifier: from},
		Updates:  &spb.Update{Identifier: to},
	}}}
}

func denying(identifier string) *spb.Policy {
	return &spb.Policy{Version: 1, Rules: []*spb.Rule{{Action: spb.PolicyAction_DENY, Selector: &spb.Selector{Identifier: identifier}}}}
}

// TestPolicyIsFinal: a user's policy, evaluated by BuildKit's own engine, denies the
// image before the registry is asked.
func TestPolicyIsFinal(t *testing.T) {
	d := newDaemon(t, nil)
	d.policy = denying("docker-image://ghcr.io/*")
	r := newResolver(d)
	res := resolve(t, r, d, uv)
	require.EqualError(t, res.Err, denied)
	require.Equal(t, diagnosis.PolicyDenied, res.Written.Class)
	requireRequests(t, d, uv, "")
	require.Empty(t, r.Names())
}

// TestConvertedByTheUser: the request is repeated as it is, so that the user's policy
// decides as it does upstream, and the registry that it leads to never falls back.
func TestConvertedByTheUser(t *testing.T) {
	const target = "mirror.test/astral-sh/uv:0.7"
	for _, tc := range []struct {
		name, answer string
		class        diagnosis.Class
	}{
		{"image", "", ""},
		{"rejected", rejected, diagnosis.CredentialsRejected},
		{"anonymous denial", anonymous, diagnosis.AuthRequired},
		{"missing", missing(target), diagnosis.NotFound},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := newDaemon(t, map[string][]string{target: {tc.answer}})
			d.policy = converting("docker-image://ghcr.io/*", "docker-image://mirror.test/${1}")
			r := newResolver(d)
			res := resolve(t, r, d, uv)
			requireRequests(t, d, uv, "", target)
			requireOnly(t, d.calls[0], true)
			requireOnly(t, d.calls[1], false)
			require.Equal(t, uvStep, d.calls[0].logName)
			require.Equal(t, uvStep, d.calls[1].logName)
			require.Empty(t, r.Names())
			require.Empty(t, d.checks)
			if tc.answer == "" {
				require.NoError(t, res.Err)
				require.Equal(t, target, res.Image.Ref)
				return
			}
			require.EqualError(t, res.Err, tc.answer)
			require.Equal(t, tc.class, res.Written.Class)
			require.Equal(t, "ghcr.io", res.Host())
			require.Equal(t, "mirror.test", res.Written.Host, "the answer is about who was asked")
		})
	}
}

// TestConvertedThenDenied: the second answer of the user's policy is final, with its own
// words.
func TestConvertedThenDenied(t *testing.T) {
	d := newDaemon(t, nil)
	d.policy = converting("docker-image://ghcr.io/*", "docker-image://mirror.test/${1}")
	d.policy.Rules = append(denying("docker-image://mirror.test/*").Rules, d.policy.Rules...)
	r := newResolver(d)
	res := resolve(t, r, d, uv)
	require.ErrorContains(t, res.Err, `source "docker-image://mirror.test/astral-sh/uv:0.7" denied by policy`)
	requireRequests(t, d, uv, "", "")
	require.Empty(t, r.Names())
}

// TestConvertedToAnything: whatever a rule of the user's makes of the reference, the
// request is repeated without the guard.
func TestConvertedToAnything(t *testing.T) {
	for _, tc := range []struct{ name, target string }{
		{"long", "docker-image://mirror.test/" + strings.Repeat("a", 150) + ":1" + at},
		{"like a secret", "docker-image://mirror.test/ghp_tool:1"},
		{"like a key and value", "docker-image://mirror.test/x:npm_abcdef"},
		{"layout", "oci-layout://store" + at},
		{"not normal", "docker-image://Mirror Test"},
		{"file", "https://mirror.test/x.tar"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			answer := error(nil)
			if tc.name == "file" {
				answer = &imageutil.ResolveToNonImageError{Ref: uv, Updated: tc.target}
			}
			d := answering(t, answer)
			d.policy = converting("docker-image://"+uv, tc.target)
			d.policy.Rules[0].Selector.MatchType = spb.MatchType_EXACT
			res, err := newResolver(d).Resolve(t.Context(), ask(d, uv))
			require.NoError(t, err)
			asked, _ := d.requests()
			require.Equal(t, []string{uv, uv}, asked)
			requireOnly(t, d.calls[1], false)
			if answer == nil {
				require.NoError(t, res.Err)
				return
			}
			require.Same(t, answer, res.Err) // dockerui looks for this type
		})
	}
}

// TestAliasIsNotConverted: a rule of the user's that matches only the alias must not
// lead to another place.
func TestAliasIsNotConverted(t *testing.T) {
	d := newDaemon(t, map[string][]string{uv: {rejected}})
	d.policy = converting("docker-image://GHCR.IO:443/*", "docker-image://elsewhere.test/${1}")
	r := newResolver(d)
	res := resolve(t, r, d, uv)
	requireRequests(t, d, uv, uv, "")
	require.EqualError(t, res.Err, rejected)
	require.Equal(t, diagnosis.PolicyDenied, res.Fallback[0].Class)
	require.Equal(t, "docker-image://elsewhere.test/astral-sh/uv:0.7", res.Fallback[0].PolicySource)
	require.Empty(t, r.Names())
}

// TestAliasIsDenied: a policy that names the alias, or allows only what the user wrote.
func TestAliasIsDenied(t *testing.T) {
	allowList := denying("*")
	allowList.Rules = append(allowList.Rules, &spb.Rule{Action: spb.PolicyAction_ALLOW, Selector: &spb.Selector{Identifier: "docker-image://ghcr.io/*"}})
	for _, policy := range []*spb.Policy{denying("docker-image://GHCR.IO:443/*"), allowList} {
		d := newDaemon(t, map[string][]string{uv: {rejected}})
		d.policy = policy
		res := resolve(t, newResolver(d), d, uv)
		requireRequests(t, d, uv, uv, "")
		require.Equal(t, diagnosis.PolicyDenied, res.Fallback[0].Class)
		require.False(t, res.FellBack())
	}
}

// TestSessionPolicyIsAsked: what the fallback resolved is used only if the policy of the
// session allows the image as the user wrote it, with its digest.
func TestSessionPolicyIsAsked(t *testing.T) {
	for _, denies := range []bool{false, true} {
		d := newDaemon(t, map[string][]string{uv: {rejected}, uvBoth: {""}})
		d.session = func(_ context.Context, identifier string) error {
			if denies && identifier == "docker-image://"+uvPinned {
				return errors.Errorf("source %q not allowed by policy: action DENY", identifier)
			}
			return nil
		}
		r := newResolver(d)
		res := resolve(t, r, d, uv)
		requireRequests(t, d, uv, uv, uvBoth)
		if !denies {
			require.NoError(t, res.Err)
			require.Nil(t, res.Policy)
			require.Equal(t, []string{"docker-image://" + uvPinned, "docker-image://" + uvPinnedBoth}, d.checks)
			require.NotEmpty(t, r.Names())
			continue
		}
		require.Equal(t, []string{"docker-image://" + uvPinned, "docker-image://" + uvPinned}, d.checks, "with the alias, and alone")
		require.EqualError(t, res.Err, rejected)
		require.Equal(t, diagnosis.PolicyDenied, res.Policy.Class)
		require.False(t, res.FellBack())
		require.Nil(t, res.Image)
		require.Empty(t, r.Names())
	}
}

// TestSessionPolicyFails: a policy that could not be evaluated allows nothing.
func TestSessionPolicyFails(t *testing.T) {
	d := newDaemon(t, map[string][]string{uv: {rejected}, uvBoth: {""}})
	d.session = func(_ context.Context, identifier string) error {
		if identifier == "docker-image://"+uvPinned {
			return errors.New(rejected) // of the policy's own request
		}
		return nil
	}
	r := newResolver(d)
	res := resolve(t, r, d, uv)
	require.EqualError(t, res.Err, rejected)
	require.NotNil(t, res.Policy)
	require.Empty(t, r.Names())
}

// TestPolicyOfTheAlias: a rule for the alias with its digest, which the request by tag
// does not meet, is met before the image is used.
func TestPolicyOfTheAlias(t *testing.T) {
	for name, policy := range map[string]*spb.Policy{
		"deny":    denying("docker-image://GHCR.IO:443/*@*"),
		"convert": converting("docker-image://GHCR.IO:443/*@*", "docker-image://mirror.test/x:1"),
	} {
		t.Run(name, func(t *testing.T) {
			d := newDaemon(t, map[string][]string{uv: {rejected}, uvBoth: {""}})
			d.policy = policy
			r := newResolver(d)
			res := resolve(t, r, d, uv)
			require.Equal(t, diagnosis.PolicyDenied, res.Policy.Class)
			require.Error(t, res.Err)
			require.Empty(t, r.Names())
		})
	}
}

// TestConvertedWithItsDigest: a rule of the user's that matches only what was resolved
// keeps its meaning; the alias is not asked about.
func TestConvertedWithItsDigest(t *testing.T) {
	d := newDaemon(t, map[string][]string{uv: {rejected}, uvBoth: {""}})
	d.policy = converting("docker-image://"+uv+"@*", "docker-image://mirror.test/uv:0.7@${1}")
	r := newResolver(d)
	res := resolve(t, r, d, uv)
	require.NoError(t, res.Err)
	require.True(t, res.Converted)
	require.True(t, res.FellBack())
	require.Equal(t, []string{"docker-image://" + uvPinned, "docker-image://" + uvPinned}, d.checks)

	leaves, err := r.Leaves(t.Context(), parse(t, uvPinned), parse(t, uvPinnedBoth), &amd64)
	require.NoError(t, err)
	require.True(t, leaves)
	require.Len(t, d.checks, 2, "it is known")
}

// TestLeaves: of an image that was not resolved in this build the policies are asked.
func TestLeaves(t *testing.T) {
	const other, otherUpper = "ghcr.io/astral-sh/uv:0.8" + at, "GHCR.IO:443/astral-sh/uv:0.8" + at
	d := newDaemon(t, map[string][]string{uv: {rejected}, uvBoth: {""}})
	r := newResolver(d)
	require.NoError(t, resolve(t, r, d, uv).Err)
	d.checks = nil
	leaves := func(ref, alias string) (bool, error) {
		return r.Leaves(t.Context(), parse(t, ref), parse(t, alias), &amd64)
	}

	got, err := leaves(other, otherUpper)
	require.NoError(t, err)
	require.False(t, got)
	require.Equal(t, []string{"docker-image://" + other, "docker-image://" + otherUpper}, d.checks)

	d.policy = converting("docker-image://ghcr.io/*:0.8@*", "docker-image://mirror.test/x:1")
	got, err = leaves(other, otherUpper)
	require.NoError(t, err)
	require.True(t, got)

	d.policy = denying("docker-image://ghcr.io/*:0.8@*")
	_, err = leaves(other, otherUpper)
	require.ErrorContains(t, err, "denied by policy")

	d.checks = nil
	got, err = leaves("ghcr.io/acme/tool:1"+at, "GHCR.IO:443/acme/tool:1"+at)
	require.NoError(t, err)
	require.False(t, got)
	require.Empty(t, d.checks, "another repository")
}

// TestPolicyCheckIsCancelled: when a request ends while the policies are asked, nothing
// is remembered of the image.
func TestPolicyCheckIsCancelled(t *testing.T) {
	why := errors.New("why")
	d := newDaemon(t, map[string][]string{uv: {rejected}, uvBoth: {""}})
	first, cancel := context.WithCancelCause(t.Context())
	d.session = func(ctx context.Context, identifier string) error {
		if identifier != "docker-image://"+uvPinned || context.Cause(first) != nil {
			return nil
		}
		cancel(why)
		<-ctx.Done()
		return errors.New("Canceled: context canceled")
	}
	r := newResolver(d)
	_, err := r.Resolve(first, ask(d, uv))
	require.ErrorIs(t, err, why)
	require.Empty(t, r.Names())
	require.Empty(t, r.All())
	require.NoError(t, resolve(t, r, d, uv).Err, "the end of the first request is no answer to the second")
}
