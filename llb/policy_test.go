package llb

import (
	"fmt"
	"testing"

	bkllb "github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/sourcepolicy"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
	"github.com/stretchr/testify/require"
)

const (
	alpineSource  = "docker-image://docker.io/library/alpine:3@" + testDigest
	alpineOther   = "docker-image://REGISTRY-1.DOCKER.IO/library/alpine:3@" + testDigest
	toolsSource   = "docker-image://ghcr.io/acme/tools:1"
	toolsOther    = "docker-image://GHCR.IO/acme/tools:1"
	busyboxSource = "docker-image://docker.io/library/busybox:latest"
)

func testNames() Names {
	return Names{
		"docker.io/library/alpine": "REGISTRY-1.DOCKER.IO/library/alpine",
		"ghcr.io/acme/tools":       "GHCR.IO/acme/tools",
		"127.0.0.1:5000/x":         "127.0.0.1:05000/x",
	}
}

func TestParseImageSource(t *testing.T) {
	for _, tc := range []struct {
		name, identifier, want string
	}{
		{"normal form", alpineSource, "docker.io/library/alpine:3@" + testDigest},
		{"familiar", "docker-image://alpine", "docker.io/library/alpine:latest"},
		{"digest only", "docker-image://ghcr.io/a@" + testDigest, "ghcr.io/a@" + testDigest},
		{"upper case", "docker-image://GHCR.IO/a:1", "GHCR.IO/a:1"},
		{"other scheme", "oci-layout://ghcr.io/a@" + testDigest, ""},
		{"blob", "docker-image+blob://ghcr.io/a@" + testDigest, ""},
		{"no scheme", "ghcr.io/a:1", ""},
		{"no reference", "docker-image://Not A Reference", ""},
		{"empty", "docker-image://", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ref, ok := ParseImageSource(tc.identifier)
			require.Equal(t, tc.want != "", ok)
			if ok {
				require.Equal(t, tc.want, ref.String())
				require.Equal(t, "docker-image://"+tc.want, ImageSource(ref))
			}
		})
	}
}

func TestAlias(t *testing.T) {
	names := testNames()
	names["ghcr.io/other/place"] = "ghcr.example/other/place"
	names["ghcr.io/other/path"] = "GHCR.IO/other"
	names["ghcr.io/bad"] = "no name"
	names["127.0.0.1:5001/x"] = "127.0.0.1:05000/x"
	names["localhost:5000/x"] = "LOCALHOST:5000/x"
	names["GHCR.IO/both"] = "Ghcr.Io/both"
	names["Ghcr.Io/both"] = "GHCR.IO/both"
	for _, tc := range []struct {
		name, ref, want string
	}{
		{"tag", "ghcr.io/acme/tools:1", "GHCR.IO/acme/tools:1"},
		{"tag and digest", "alpine:3@" + testDigest, "REGISTRY-1.DOCKER.IO/library/alpine:3@" + testDigest},
		{"no tag", "ghcr.io/acme/tools", "GHCR.IO/acme/tools"},
		{"another repository", "ghcr.io/acme/tools/more:1", ""},
		{"as written only", "GHCR.IO/acme/tools:1", ""},
		{"another registry", "ghcr.io/other/place", ""},
		{"another path", "ghcr.io/other/path", ""},
		{"another port", "127.0.0.1:5001/x", ""},
		{"another scheme", "localhost:5000/x", ""},
		{"no reference", "ghcr.io/bad", ""},
		{"rejected itself", "GHCR.IO/both", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			other, ok := names.Alias(parse(t, tc.ref))
			require.Equal(t, tc.want != "", ok)
			if ok {
				require.Equal(t, tc.want, other.String())
			}
		})
	}
	_, ok := names.Alias(nil)
	require.False(t, ok)
}

func TestAliasTakesEveryHostAlias(t *testing.T) {
	for _, s := range []string{"alpine:3", "ghcr.io/a/b@" + testDigest, "[::1]:5000/x", "localhost/x", "GHCR.IO/a"} {
		ref := parse(t, s)
		for _, alias := range Aliases(ref, allKinds) {
			got, ok := Names{ref.Name(): alias.Name()}.Alias(ref)
			require.True(t, ok)
			require.Equal(t, alias, got)
		}
	}
}

func TestImageSources(t *testing.T) {
	def := definitionOf(t, alpineSource, toolsSource, alpineSource, "local://context", "docker-image://alpine:3", "docker-image://Bad Name", busyboxSource)
	sources, err := ImageSources(def)
	require.NoError(t, err)
	var got []string
	for _, src := range sources {
		got = append(got, ImageSource(src.Ref))
	}
	require.Equal(t, []string{alpineSource, toolsSource, busyboxSource}, got)

	sources, err = ImageSources(nil)
	require.NoError(t, err)
	require.Empty(t, sources)

	_, err = ImageSources(&pb.Definition{Def: [][]byte{{0xff}}})
	require.ErrorContains(t, err, "failed to parse op 0")
}

func TestPolicyRules(t *testing.T) {
	pol, err := testNames().Policy(definitionOf(t, toolsSource, busyboxSource, alpineSource, toolsSource))
	require.NoError(t, err)
	require.EqualValues(t, 1, pol.Version)
	require.Len(t, pol.Rules, 2)
	for i, want := range [][2]string{{toolsSource, toolsOther}, {alpineSource, alpineOther}} {
		rule := pol.Rules[i]
		require.Equal(t, spb.PolicyAction_CONVERT, rule.Action)
		require.Equal(t, spb.MatchType_WILDCARD, rule.Selector.MatchType)
		require.Equal(t, want[0], rule.Selector.Identifier)
		require.Equal(t, want[1], rule.Updates.Identifier)
	}

	for _, names := range []Names{nil, {}, {"ghcr.io/x": "GHCR.IO/x"}} {
		pol, err := names.Policy(definitionOf(t, toolsSource))
		require.NoError(t, err)
		require.Nil(t, pol)
	}
	_, err = testNames().Policy(&pb.Definition{Def: [][]byte{{0xff}}})
	require.ErrorContains(t, err, "failed to parse op 0")
}

// TestPolicyWithUsersPolicies runs BuildKit's engine with the user's policies
// first, the order in which the daemon has them.
func TestPolicyWithUsersPolicies(t *testing.T) {
	rule := func(action spb.PolicyAction, identifier, update string) *spb.Rule {
		r := &spb.Rule{Action: action, Selector: &spb.Selector{Identifier: identifier}}
		if update != "" {
			r.Updates = &spb.Update{Identifier: update}
		}
		return r
	}
	const mirror = "docker-image://mirror.test/alpine:3"
	for _, tc := range []struct {
		name   string
		user   []*spb.Rule
		source string
		want   string // the identifier that is pulled; empty when denied
	}{
		{"none", nil, alpineSource, alpineOther},
		{"none, another image", nil, busyboxSource, busyboxSource},
		{"none, another digest", nil, "docker-image://docker.io/library/alpine:3", "docker-image://docker.io/library/alpine:3"},
		{"deny", []*spb.Rule{rule(spb.PolicyAction_DENY, "docker-image://docker.io/*", "")}, alpineSource, ""},
		{"deny another", []*spb.Rule{rule(spb.PolicyAction_DENY, "docker-image://quay.io/*", "")}, alpineSource, alpineOther},
		{"convert", []*spb.Rule{rule(spb.PolicyAction_CONVERT, alpineSource, mirror)}, alpineSource, mirror},
		{"allow-list", []*spb.Rule{rule(spb.PolicyAction_DENY, "*", ""), rule(spb.PolicyAction_ALLOW, "docker-image://docker.io/*", "")}, alpineSource, ""},
		{"allow-list of both", []*spb.Rule{
			rule(spb.PolicyAction_DENY, "*", ""),
			rule(spb.PolicyAction_ALLOW, "docker-image://docker.io/*", ""),
			rule(spb.PolicyAction_ALLOW, "docker-image://REGISTRY-1.DOCKER.IO/*", ""),
		}, alpineSource, alpineOther},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ours, err := testNames().Policy(definitionOf(t, alpineSource, toolsSource))
			require.NoError(t, err)
			op := &pb.SourceOp{Identifier: tc.source, Attrs: map[string]string{"k": "v"}}
			engine := sourcepolicy.NewEngine([]*spb.Policy{{Version: 1, Rules: tc.user}, ours})
			_, err = engine.Evaluate(t.Context(), op)
			if tc.want == "" {
				require.ErrorIs(t, err, sourcepolicy.ErrSourceDenied)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.want, op.Identifier)
			require.Equal(t, map[string]string{"k": "v"}, op.Attrs)
		})
	}
}

// TestPolicyHasNoLoop has a repository under three hosts that are aliases of each
// other, each rejected and each mapped to another one.
func TestPolicyHasNoLoop(t *testing.T) {
	names := Names{"ghcr.io/a": "GHCR.IO/a", "GHCR.IO/a": "Ghcr.Io/a", "Ghcr.Io/a": "GHCR.IO/a"}
	sources := []string{"docker-image://ghcr.io/a:1", "docker-image://GHCR.IO/a:1", "docker-image://Ghcr.Io/a:1"}
	pol, err := names.Policy(definitionOf(t, sources...))
	require.NoError(t, err)
	require.Nil(t, pol)
}

func TestOnlyPolicy(t *testing.T) {
	only := OnlyPolicy(parse(t, "alpine:3@"+testDigest))
	convert := &spb.Policy{Rules: []*spb.Rule{{
		Action:   spb.PolicyAction_CONVERT,
		Selector: &spb.Selector{Identifier: "docker-image://docker.io/*"},
		Updates:  &spb.Update{Identifier: "docker-image://mirror.test/${1}"},
	}}}
	deny := &spb.Policy{Rules: []*spb.Rule{{Action: spb.PolicyAction_DENY, Selector: &spb.Selector{Identifier: alpineSource}}}}
	for _, tc := range []struct {
		name     string
		policies []*spb.Policy
		source   string
		allowed  bool
	}{
		{"the reference", []*spb.Policy{only}, alpineSource, true},
		{"the alias", []*spb.Policy{only}, alpineOther, false},
		{"longer", []*spb.Policy{only}, alpineSource + "0", false},
		{"another scheme", []*spb.Policy{only}, "https://alpine.test/x", false},
		{"with a newline", []*spb.Policy{only}, alpineSource + "\nx", false},
		{"empty", []*spb.Policy{only}, "", false},
		{"converted before", []*spb.Policy{convert, only}, alpineSource, false},
		{"converted after", []*spb.Policy{only, convert}, alpineSource, false},
		{"denied before", []*spb.Policy{deny, only}, alpineSource, false},
		{"denied after", []*spb.Policy{only, deny}, alpineSource, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			op := &pb.SourceOp{Identifier: tc.source}
			_, err := sourcepolicy.NewEngine(tc.policies).Evaluate(t.Context(), op)
			if tc.allowed {
				require.NoError(t, err)
				require.Equal(t, tc.source, op.Identifier)
				return
			}
			require.ErrorIs(t, err, sourcepolicy.ErrSourceDenied)
		})
	}
	require.Equal(t, busyboxSource, OnlyPolicy(parse(t, "busybox")).Rules[1].Selector.Identifier)
}

// definitionOf returns a definition that merges sources with these identifiers.
func definitionOf(t testing.TB, identifiers ...string) *pb.Definition {
	t.Helper()
	states := make([]bkllb.State, len(identifiers))
	for i, identifier := range identifiers {
		c := bkllb.NewConstraints(bkllb.WithCustomName(fmt.Sprintf("source %d", i)))
		states[i] = bkllb.NewState(bkllb.NewSource(identifier, map[string]string{"n": fmt.Sprint(i)}, *c).Output())
	}
	def, err := bkllb.Merge(states).Marshal(t.Context(), bkllb.LinuxAmd64)
	require.NoError(t, err)
	return def.ToPB()
}
