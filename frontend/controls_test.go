package frontend

import (
	"context"
	"testing"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

func TestConvertedByTheUser(t *testing.T) {
	const mirror, target = "docker-image://ghcr.io/*", "mirror.test/astral-sh/uv:0.7"
	for _, tc := range []struct {
		name, answer string
		retried      bool
	}{
		{"image", "", false},
		{"refused", refused, false},
		{"anonymous", anonymous, false},
		{"missing", target + ": not found", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			gw := newFake(t, map[string][]string{target: {tc.answer}})
			gw.policy = convert(mirror, "docker-image://mirror.test/${1}")
			c := newClient(gw, defaults())
			got, _, _, err := c.ResolveImageConfig(t.Context(), uv, amd64Opt())
			require.Equal(t, []string{uv, uv}, gw.asked())
			requireGuard(t, gw.calls[0], true)
			requireGuard(t, gw.calls[1], false)
			require.Equal(t, gw.calls[0].logName, gw.calls[1].logName)
			requireNothingRemembered(t, c)
			if tc.answer == "" {
				require.NoError(t, err)
				require.Equal(t, target, got)
				return
			}
			var ref *refError
			require.ErrorAs(t, err, &ref)
			require.EqualError(t, ref.cause, tc.answer)
			require.Equal(t, "mirror.test", ref.tries.Conclude().Host)
		})
	}
}

// TestConvertedThenDenied: the second answer of the user's policy is final, with
// its own words.
func TestConvertedThenDenied(t *testing.T) {
	gw := newFake(t, nil)
	gw.policy = convert("docker-image://ghcr.io/*", "docker-image://mirror.test/${1}")
	gw.policy.Rules = append([]*spb.Rule{{
		Action:   spb.PolicyAction_DENY,
		Selector: &spb.Selector{Identifier: "docker-image://mirror.test/*"},
	}}, gw.policy.Rules...)
	c := newClient(gw, defaults())
	require.ErrorContains(t, config(t, c, uv), `source "docker-image://mirror.test/astral-sh/uv:0.7" denied by policy`)
	require.Equal(t, []string{uv, uv}, gw.asked())
	requireNothingRemembered(t, c)
}

// TestSpellingIsNotConverted: a rule of the user's that matches only the other
// spelling must not lead to another place.
func TestSpellingIsNotConverted(t *testing.T) {
	gw := newFake(t, map[string][]string{uv: {refused}})
	gw.policy = convert("docker-image://GHCR.IO/*", "docker-image://elsewhere.test/${1}")
	c := newClient(gw, defaults())
	var ref *refError
	require.ErrorAs(t, config(t, c, uv), &ref)
	require.Equal(t, []string{uv, uvUpper}, gw.asked())
	requireNothingRemembered(t, c)
}

func convert(from, to string) *spb.Policy {
	return &spb.Policy{Version: 1, Rules: []*spb.Rule{{
		Action:   spb.PolicyAction_CONVERT,
		Selector: &spb.Selector{Identifier: from},
		Updates:  &spb.Update{Identifier: to},
	}}}
}

func TestStrict(t *testing.T) {
	gw := newFake(t, map[string][]string{uv: {refused}, uvUpper: {""}})
	opt := defaults()
	opt.strict = true
	c := newClient(gw, opt)
	var ref *refError
	require.ErrorAs(t, config(t, c, uv), &ref)
	require.EqualError(t, ref.cause, refused)
	require.Equal(t, []string{uv, uvUpper}, gw.asked())
	require.Empty(t, c.resolver.names())
	require.Len(t, c.resolver.ledger.outcomes, 1)
	o := c.resolver.ledger.outcomes[0]
	require.True(t, o.rescued)
	require.Equal(t, testDigest, o.digest)
	require.ErrorIs(t, o.err, ref)

	req := request(t, uv)
	_, err := c.Solve(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, req, gw.solves[0])
}

func TestRetryIsSwitchedOff(t *testing.T) {
	for _, tc := range []struct {
		name  string
		opt   options
		asked []string
	}{
		{"off", options{}, []string{uv}},
		{"for another host", options{retry: true, hosts: []string{"quay.io"}}, []string{uv}},
		{"for this host", options{retry: true, hosts: []string{"quay.io", "ghcr.io"}}, []string{uv, uvUpper}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			gw := newFake(t, map[string][]string{uv: {refused}, uvUpper: {""}})
			c := newClient(gw, tc.opt)
			err := config(t, c, uv)
			require.Equal(t, tc.asked, gw.asked())
			if len(tc.asked) == 2 {
				require.NoError(t, err)
				return
			}
			var ref *refError
			require.ErrorAs(t, err, &ref)
			require.Empty(t, ref.tries.Without)
			requireNothingRemembered(t, c)
		})
	}
}

// TestReferenceThatDoesNotParse is BuildKit's to refuse, each time it is asked.
func TestReferenceThatDoesNotParse(t *testing.T) {
	const bad = "Not A Reference"
	gw := newFake(t, map[string][]string{bad: {refused}})
	c := newClient(gw, defaults())
	for range 2 {
		require.EqualError(t, config(t, c, bad), refused)
	}
	require.Equal(t, []string{bad, bad}, gw.asked())
	require.Empty(t, gw.calls[0].policies)
	require.Empty(t, c.resolver.ledger.outcomes)
}

// TestErrorIsRemembered: the builder is told what the preflight met, without a
// second request.
func TestErrorIsRemembered(t *testing.T) {
	gw := newFake(t, map[string][]string{uv: {anonymous}})
	c := newClient(gw, defaults())
	first := config(t, c, uv)
	require.Error(t, first)
	require.Same(t, first, config(t, c, uv))
	require.Equal(t, []string{uv}, gw.asked())
	require.Len(t, c.resolver.ledger.outcomes, 1)
	require.True(t, errors.Is(c.resolver.ledger.outcomes[0].err, first))
}

// TestPolicyCheckIsCancelled: when a request ends while the policies are asked,
// nothing is remembered of the image.
func TestPolicyCheckIsCancelled(t *testing.T) {
	gw := newFake(t, map[string][]string{uv: {refused}, uvUpper: {""}})
	first, cancel := context.WithCancelCause(t.Context())
	gw.session = func(ctx context.Context, identifier string) error {
		if identifier != "docker-image://"+uvPinned || context.Cause(first) != nil {
			return nil
		}
		cancel(errGraceOver)
		<-ctx.Done()
		return errors.New("Canceled: context canceled")
	}
	c := newClient(gw, defaults())
	opt := sourceresolver.Opt{ImageOpt: &sourceresolver.ResolveImageOpt{Platform: &amd64}}
	_, _, _, err := c.ResolveImageConfig(first, uv, opt)
	require.ErrorIs(t, err, errGraceOver)
	require.Empty(t, c.resolver.names())
	_, _, _, err = c.ResolveImageConfig(t.Context(), uv, opt)
	require.NoError(t, err, "the end of the first request is no answer to the second")
}

// TestSessionPolicyIsAsked: what was had without credentials is used only if the
// policy of the session allows the image as the user wrote it, with its digest.
func TestSessionPolicyIsAsked(t *testing.T) {
	for _, denies := range []bool{false, true} {
		gw := newFake(t, map[string][]string{uv: {refused}, uvUpper: {""}})
		gw.session = func(_ context.Context, identifier string) error {
			if denies && identifier == "docker-image://"+uvPinned {
				return errors.Errorf("source %q not allowed by policy: action DENY", identifier)
			}
			return nil
		}
		c := newClient(gw, defaults())
		err := config(t, c, uv)
		want := []string{"docker-image://" + uvPinned, "docker-image://" + uvPinnedUpper}
		if denies {
			want = want[:1]
		}
		require.Equal(t, want, gw.checks)
		require.Equal(t, []string{uv, uvUpper}, gw.asked())
		require.Equal(t, denies, err != nil)
		require.Equal(t, denies, len(c.resolver.names()) == 0)
		if denies {
			requireNothingRemembered(t, c)
		}
	}
}

// TestPolicyOfTheOtherSpelling: a rule for the other spelling with its digest,
// which the request by tag does not meet, is met before the image is used.
func TestPolicyOfTheOtherSpelling(t *testing.T) {
	for _, rule := range []*spb.Rule{
		{Action: spb.PolicyAction_DENY, Selector: &spb.Selector{Identifier: "docker-image://GHCR.IO/*@*"}},
		{
			Action: spb.PolicyAction_CONVERT, Selector: &spb.Selector{Identifier: "docker-image://GHCR.IO/*@*"},
			Updates: &spb.Update{Identifier: "docker-image://mirror.test/x:1"},
		},
	} {
		t.Run(rule.Action.String(), func(t *testing.T) {
			gw := newFake(t, map[string][]string{uv: {refused}, uvUpper: {""}})
			gw.policy = &spb.Policy{Version: 1, Rules: []*spb.Rule{rule}}
			c := newClient(gw, defaults())
			require.ErrorContains(t, config(t, c, uv), "a policy does not allow it")
			require.Empty(t, c.resolver.names())
		})
	}
}
