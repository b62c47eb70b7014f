package llb

import (
	"testing"

	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/sourcepolicy"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
	"github.com/stretchr/testify/require"
)

// TestAliasPolicy runs BuildKit's engine with the policies in the order that the
// daemon has for a metadata request: those of the request, then the user's.
func TestAliasPolicy(t *testing.T) {
	deny := func(identifier string) *spb.Policy {
		return &spb.Policy{Version: 1, Rules: []*spb.Rule{{Action: spb.PolicyAction_DENY, Selector: &spb.Selector{Identifier: identifier}}}}
	}
	to := func(from, to string) *spb.Policy {
		return &spb.Policy{Version: 1, Rules: []*spb.Rule{{
			Action: spb.PolicyAction_CONVERT, Selector: &spb.Selector{Identifier: from}, Updates: &spb.Update{Identifier: to},
		}}}
	}
	for _, tc := range []struct {
		name   string
		user   *spb.Policy
		source string
		want   string // what the registry is asked for; empty when denied
	}{
		{"the reference", nil, alpineSource, alpineOther},
		{"the alias itself", nil, alpineOther, alpineOther},
		{"another tag", nil, "docker-image://docker.io/library/alpine:4@" + testDigest, ""},
		{"without the digest", nil, "docker-image://docker.io/library/alpine:3", ""},
		{"longer", nil, alpineSource + "0", ""},
		{"another image", nil, busyboxSource, ""},
		{"another scheme", nil, "https://docker.io/library/alpine", ""},
		{"with a newline", nil, alpineSource + "\nx", ""},
		{"empty", nil, "", ""},
		{"the user denies the alias", deny("docker-image://REGISTRY-1.DOCKER.IO/*"), alpineSource, ""},
		{"the user denies all", deny("*"), alpineSource, ""},
		{"the user denies another image", deny("docker-image://quay.io/*"), alpineSource, alpineOther},
		// The attempt as written has met these already.
		{"the user denies the reference", deny("docker-image://docker.io/*"), alpineSource, alpineOther},
		{"the user converts the reference", to("docker-image://docker.io/*", "docker-image://mirror.test/${1}"), alpineSource, alpineOther},
		{"the user converts the alias", to("docker-image://REGISTRY-1.DOCKER.IO/*", "docker-image://mirror.test/${1}"), alpineSource, ""},
		{"the user converts the alias back", to(alpineOther, alpineSource), alpineSource, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			policies := []*spb.Policy{AliasPolicy(parse(t, "alpine:3@"+testDigest), parse(t, "REGISTRY-1.DOCKER.IO/library/alpine:3@"+testDigest))}
			if tc.user != nil {
				policies = append(policies, tc.user)
			}
			op := &pb.SourceOp{Identifier: tc.source, Attrs: map[string]string{"k": "v"}}
			_, err := sourcepolicy.NewEngine(policies).Evaluate(t.Context(), op)
			if tc.want == "" {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.want, op.Identifier)
			require.Equal(t, map[string]string{"k": "v"}, op.Attrs)
		})
	}
}

// TestAliasPolicyOfEveryAlias: with and without tag and digest, for every kind of host.
func TestAliasPolicyOfEveryAlias(t *testing.T) {
	for _, s := range []string{
		"alpine", "alpine:3", "ghcr.io/a/b@" + testDigest, "ghcr.io/a/b:1@" + testDigest, "[::1]:5000/x", "localhost/x", "GHCR.IO/a", "reg.test:5000/x:1",
	} {
		ref := parse(t, s)
		for _, alias := range Aliases(ref, allKinds) {
			op := &pb.SourceOp{Identifier: ImageSource(ref)}
			mutated, err := sourcepolicy.NewEngine([]*spb.Policy{AliasPolicy(ref, alias)}).Evaluate(t.Context(), op)
			require.NoError(t, err)
			require.True(t, mutated)
			require.Equal(t, ImageSource(alias), op.Identifier)
		}
	}
}
