package compat

import (
	"strings"
	"testing"

	spb "github.com/moby/buildkit/sourcepolicy/pb"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// sourcePolicies: DENY and CONVERT decide as they do with upstream's frontend on
// this daemon, whether the login is good or refused.
func sourcePolicies(t *testing.T, d *running) string {
	var cells []string
	for _, action := range []spb.PolicyAction{spb.PolicyAction_DENY, spb.PolicyAction_CONVERT} {
		if d.obeys(t, action) {
			cells = append(cells, action.String())
		}
	}
	if d.obeysList(t) {
		cells = append(cells, "allow-list")
	}
	if len(cells) == 0 {
		return cellNone
	}
	return strings.Join(cells, ", ") + " as upstream"
}

// obeysList finds out the same of a list of what is allowed, which names the host
// as written: the other spelling is not on it, and the user is told so.
func (d *running) obeysList(t *testing.T) bool {
	t.Helper()
	build := func(image string, login func(*place) *harness.DockerConfig, hosts ...string) (*place, error) {
		p := d.place(t)
		policy := &spb.Policy{Version: 1, Rules: []*spb.Rule{{Action: spb.PolicyAction_DENY, Selector: &spb.Selector{Identifier: "*"}}}}
		for _, source := range append(hosts, "local://", "docker-image://127.0.0.1") {
			source = strings.ReplaceAll(source, "HOST", p.Host())
			policy.Rules = append(policy.Rules, &spb.Rule{Action: spb.PolicyAction_ALLOW, Selector: &spb.Selector{Identifier: source + "*"}})
		}
		return p, d.solve(t, image, harness.SolveInput{
			Files:        world.Dockerfile("FROM scratch\nCOPY --from=" + p.tools + " /etc/image /tools\n"),
			DockerConfig: login(p), SourcePolicy: policy,
		}).Err
	}
	good := func(p *place) *harness.DockerConfig { return p.good(t, d) }
	stale := func(p *place) *harness.DockerConfig { return p.stale(t, d) }

	_, denied := build(shared.Upstream, good)
	_, same := build(shared.Pullsafe, good)
	require.Equal(t, denied == nil, same == nil, "%v", same)
	_, err := build(shared.Pullsafe, good, "docker-image://HOST/")
	require.NoError(t, err)
	p, err := build(shared.Pullsafe, stale, "docker-image://HOST/")
	if denied == nil {
		require.NoError(t, err)
		p.requireRescued(t, "tools")
		return false
	}
	require.ErrorContains(t, err, "source policy")
	require.NotContains(t, err.Error(), rawToken)
	require.Equal(t, []string{p.Host()}, p.Requests().Hosts())
	return true
}

// obeys finds out whether the daemon takes to a rule about the second image, and
// asserts that pullsafe does just as upstream.
func (d *running) obeys(t *testing.T, action spb.PolicyAction) bool {
	t.Helper()
	build := func(image string, login func(*place) *harness.DockerConfig) (*place, error) {
		p := d.place(t)
		rule := &spb.Rule{Action: action, Selector: &spb.Selector{Identifier: "docker-image://" + p.tools}}
		if action == spb.PolicyAction_CONVERT {
			rule.Updates = &spb.Update{Identifier: "docker-image://" + p.base}
		}
		return p, d.solve(t, image, harness.SolveInput{
			Files:        world.Dockerfile("FROM scratch\nCOPY --from=" + p.tools + " /etc/image /tools\n"),
			DockerConfig: login(p), SourcePolicy: &spb.Policy{Version: 1, Rules: []*spb.Rule{rule}},
		}).Err
	}
	good := func(p *place) *harness.DockerConfig { return p.good(t, d) }
	stale := func(p *place) *harness.DockerConfig { return p.stale(t, d) }

	up, upErr := build(shared.Upstream, good)
	same, sameErr := build(shared.Pullsafe, good)
	require.Equal(t, up.asked(), same.asked())
	require.Equal(t, upErr == nil, sameErr == nil, "%v", sameErr)
	refused, refusedErr := build(shared.Pullsafe, stale)
	if len(up.Requests().Manifests(up.repository("tools"))) > 0 {
		// No such rule for this daemon.
		require.NoError(t, upErr)
		require.NoError(t, refusedErr)
		refused.requireRescued(t, "tools")
		return false
	}
	require.Empty(t, refused.Requests().Manifests(refused.repository("tools")), "%s", refused.Requests())
	if action == spb.PolicyAction_DENY {
		require.ErrorContains(t, upErr, "denied by policy")
		require.Equal(t, strings.ReplaceAll(upErr.Error(), up.dir, "DIR"), strings.ReplaceAll(sameErr.Error(), same.dir, "DIR"))
		require.Equal(t, strings.ReplaceAll(upErr.Error(), up.dir, "DIR"), strings.ReplaceAll(refusedErr.Error(), refused.dir, "DIR"))
		require.Empty(t, same.Requests())
		require.Empty(t, refused.Requests(), "a denied image is not asked for")
		return true
	}
	// What a user's rule leads to is asked for as it says, and in no other way.
	require.NoError(t, upErr)
	require.Error(t, refusedErr)
	require.NotContains(t, refusedErr.Error(), rawToken)
	require.Equal(t, []string{refused.Host()}, refused.Requests().Hosts())
	return true
}

// sessionPolicy: a policy that buildx evaluates for the daemon (Dockerfile.rego).
func sessionPolicy(t *testing.T, d *running) string {
	build := func(image string, login func(*testing.T, *place) *harness.DockerConfig) (*place, *harness.Output) {
		p := d.place(t)
		out := d.command(t, image, map[string]string{
			"Dockerfile":      "FROM scratch\nCOPY --from=" + p.tools + " /etc/image /tools\n",
			"Dockerfile.rego": "package docker\n\ndefault allow := true\n\nallow := false if input.image.host == \"" + p.Host() + "\"\n\ndecision := {\"allow\": allow}\n",
		}, login(t, p))
		return p, out
	}
	good := func(t *testing.T, p *place) *harness.DockerConfig { t.Helper(); return p.good(t, d) }
	stale := func(t *testing.T, p *place) *harness.DockerConfig { t.Helper(); return p.stale(t, d) }
	up, upOut := build(shared.Upstream, good)
	same, sameOut := build(shared.Pullsafe, good)
	require.Equal(t, upOut.Code, sameOut.Code, "%s\n%s", upOut.Stderr, sameOut.Stderr)
	require.Equal(t, up.asked(), same.asked())
	refused, refusedOut := build(shared.Pullsafe, stale)
	require.Equal(t, upOut.Code, refusedOut.Code, refusedOut.Stderr)
	if upOut.Code == 0 {
		refused.requireRescued(t, "tools")
		return cellNone
	}
	require.Empty(t, refused.Requests(), "a denied image is not asked for")
	require.Contains(t, final(upOut), "not allowed by policy")
	require.Contains(t, final(refusedOut), "not allowed by policy")
	return "denies as upstream"
}
