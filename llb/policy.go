package llb

import (
	"github.com/distribution/reference"
	"github.com/moby/buildkit/solver/pb"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
)

// policyVersion is the only version of a source policy there is
// (sourcepolicy/pb/policy.proto).
const policyVersion = 1

// Names maps repositories as the user wrote them (reference.Named.Name(), for
// example "docker.io/library/alpine") to the same repository under a host alias
// ("REGISTRY-1.DOCKER.IO/library/alpine").
type Names map[string]string

// Alias returns ref under the host alias of its repository; false when the
// repository is not in the map, when the map names another place, and when the alias
// is itself a repository of the map: its credentials were rejected like these, and as
// convert rules the two could send BuildKit around in circles.
func (n Names) Alias(ref reference.Named) (reference.Named, bool) {
	if ref == nil {
		return nil, false
	}
	name, ok := n[ref.Name()]
	if _, rejected := n[name]; !ok || rejected {
		return nil, false
	}
	return withName(ref, name)
}

// Policy returns a source policy whose rules convert exactly the image sources
// of def whose repository is in n: from the original identifier, digest
// included, to the host alias with the same digest; nil when there is none.
//
// It belongs behind the user's policies. BuildKit evaluates policies in order and
// starts again after each conversion (sourcepolicy/engine.go), so a rule of the user
// sees the original first, and an allow-list that names only that denies the alias.
func (n Names) Policy(def *pb.Definition) (*spb.Policy, error) {
	if len(n) == 0 {
		return nil, nil
	}
	sources, err := ImageSources(def)
	if err != nil {
		return nil, err
	}
	var rules []*spb.Rule
	seen := map[string]bool{}
	for _, src := range sources {
		other, ok := n.Alias(src.Ref)
		if ok && !seen[src.Ref.String()] { // another platform has the same rule
			seen[src.Ref.String()] = true
			rules = append(rules, convert(src.Ref, other))
		}
	}
	if len(rules) == 0 {
		return nil, nil
	}
	return &spb.Policy{Version: policyVersion, Rules: rules}, nil
}

// OnlyPolicy returns a policy that allows exactly the identifiers of refs. It goes with
// a request for a reference as written: a CONVERT rule of the user is then noticed, as
// a denial, before anything is sent to another place.
//
// The last matching rule of a policy wins, and every policy must pass
// (sourcepolicy/engine.go), so it grants nothing that another policy denies.
func OnlyPolicy(refs ...reference.Named) *spb.Policy {
	p := &spb.Policy{Version: policyVersion, Rules: []*spb.Rule{{
		Action: spb.PolicyAction_DENY,
		// Not a wildcard: "*" does not match an identifier with a newline.
		Selector: &spb.Selector{Identifier: "^", MatchType: spb.MatchType_REGEX},
	}}}
	for _, ref := range refs {
		p.Rules = append(p.Rules, &spb.Rule{
			Action:   spb.PolicyAction_ALLOW,
			Selector: &spb.Selector{Identifier: ImageSource(ref), MatchType: spb.MatchType_EXACT},
		})
	}
	return p
}

// AliasPolicy returns the policy with which a request for ref becomes one for its
// alias and for nothing else: [OnlyPolicy] of the alias, which has to pass once the
// engine has started again after the conversion.
func AliasPolicy(ref, alias reference.Named) *spb.Policy {
	p := OnlyPolicy(alias)
	p.Rules = append(p.Rules, convert(ref, alias))
	return p
}

// convert selects ref alone. Up to BuildKit 0.23 at least, a convert rule with an
// exact selector converts to the selector itself, that is to nothing
// (sourcepolicy/formatter.go). A wildcard converts in every version, and one
// without "*" matches only itself: no reference has one, or a "$", which would
// stand for a group in what it is converted to.
func convert(ref, alias reference.Named) *spb.Rule {
	return &spb.Rule{
		Action:   spb.PolicyAction_CONVERT,
		Selector: &spb.Selector{Identifier: ImageSource(ref), MatchType: spb.MatchType_WILDCARD},
		Updates:  &spb.Update{Identifier: ImageSource(alias)},
	}
}
