package dropin

import (
	"testing"

	spb "github.com/moby/buildkit/sourcepolicy/pb"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

func rule(action spb.PolicyAction, identifier string) *spb.Rule {
	return &spb.Rule{Action: action, Selector: &spb.Selector{Identifier: identifier}}
}

func convert(from, to string) *spb.Rule {
	r := rule(spb.PolicyAction_CONVERT, from)
	r.Updates = &spb.Update{Identifier: to}
	return r
}

const (
	uvSource   = "docker-image://ghcr.io/astral-sh/uv:0.7.1"
	uvAnyCase  = "docker-image://GHCR.IO:443/*"
	baseSource = "docker-image://ghcr.io/acme/base:1"
)

// TestSourcePolicies: a policy decides with pullsafe as it does with upstream,
// also when the session's credentials are refused.
func TestSourcePolicies(t *testing.T) {
	for _, tc := range []struct {
		name   string
		rules  []*spb.Rule
		login  func(t *testing.T, e *harness.Env) *harness.DockerConfig
		same   bool   // the text of the error is upstream's
		want   string // in the error; empty: it builds
		asked  bool   // the registry is asked for the image at all
		hidden string // repository that must never be asked for
	}{
		{
			name: "deny, login refused", login: world.Stale,
			rules: []*spb.Rule{rule(spb.PolicyAction_DENY, uvSource)},
			want:  "denied by policy", same: true,
		},
		{
			name: "deny, login good", login: world.Good,
			rules: []*spb.Rule{rule(spb.PolicyAction_DENY, "docker-image://ghcr.io/astral-sh/*")},
			want:  "denied by policy", same: true,
		},
		{
			name: "allow list, login good", login: world.Good, asked: true,
			rules: []*spb.Rule{
				rule(spb.PolicyAction_DENY, "*"), rule(spb.PolicyAction_ALLOW, "docker-image://ghcr.io/*"),
				rule(spb.PolicyAction_ALLOW, "docker-image://docker.io/*"), rule(spb.PolicyAction_ALLOW, "docker-image://127.0.0.1*"),
				rule(spb.PolicyAction_ALLOW, "local://*"),
			},
		},
		{
			// Fails closed, and the error names the policy as the reason.
			name: "allow list that knows only the host as written, login refused", login: world.Stale, asked: true,
			rules: []*spb.Rule{
				rule(spb.PolicyAction_DENY, "*"), rule(spb.PolicyAction_ALLOW, "docker-image://ghcr.io/*"),
				rule(spb.PolicyAction_ALLOW, "docker-image://docker.io/*"), rule(spb.PolicyAction_ALLOW, "docker-image://127.0.0.1*"),
				rule(spb.PolicyAction_ALLOW, "local://*"),
			},
			want: "source policy",
		},
		{
			name: "allow list with the other spelling, login refused", login: world.Stale, asked: true,
			rules: []*spb.Rule{
				rule(spb.PolicyAction_DENY, "*"), rule(spb.PolicyAction_ALLOW, "docker-image://ghcr.io/*"),
				rule(spb.PolicyAction_ALLOW, uvAnyCase),
				rule(spb.PolicyAction_ALLOW, "docker-image://docker.io/*"), rule(spb.PolicyAction_ALLOW, "docker-image://127.0.0.1*"),
				rule(spb.PolicyAction_ALLOW, "local://*"),
			},
		},
		{
			name: "convert, login good", login: world.Good, hidden: "astral-sh/uv",
			rules: []*spb.Rule{convert(uvSource, baseSource)},
		},
		{
			name: "convert, login refused for the new place", login: world.Stale, hidden: "astral-sh/uv",
			rules: []*spb.Rule{convert(uvSource, baseSource)},
			want:  "ghcr.io rejected",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := harness.SolveInput{
				Files:        world.Dockerfile("FROM alpine:3.23\nCOPY --from=ghcr.io/astral-sh/uv:0.7.1 / /x/\n"),
				SourcePolicy: &spb.Policy{Version: 1, Rules: tc.rules},
			}
			e, c := world.Fresh(t)
			in.DockerConfig = tc.login(t, e)
			in.Frontend = harness.Frontend{Image: shared.Upstream}
			up := world.Solve(t, e, c, in)
			world.Image(t, func(t *testing.T, fe harness.Frontend) {
				shared.Reset()
				in.Frontend = fe
				res := world.Solve(t, e, c, in)
				if tc.want == "" {
					require.NoError(t, res.Err)
				} else {
					require.ErrorContains(t, res.Err, tc.want)
					require.Error(t, up.Err)
				}
				if tc.same {
					require.Equal(t, up.Err.Error(), res.Err.Error())
				}
				seen := shared.GHCR.Requests()
				if !tc.asked {
					require.Empty(t, seen.Manifests("astral-sh/uv"), "%s", seen)
				}
				if tc.hidden != "" {
					require.NotContains(t, seen.String(), tc.hidden)
				}
			})
		})
	}
}
