package security

import (
	"regexp"
	"testing"

	"github.com/moby/buildkit/solver/pb"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

func rule(action spb.PolicyAction, identifier string) *spb.Rule {
	return &spb.Rule{Action: action, Selector: &spb.Selector{Identifier: identifier}}
}

func deny(identifier string) *spb.Rule { return rule(spb.PolicyAction_DENY, identifier) }

func allow(identifier string) *spb.Rule { return rule(spb.PolicyAction_ALLOW, identifier) }

func convert(from, to string) *spb.Rule {
	r := rule(spb.PolicyAction_CONVERT, from)
	r.Updates = &spb.Update{Identifier: to}
	return r
}

func matching(r *spb.Rule, kind spb.MatchType) *spb.Rule {
	r.Selector.MatchType = kind
	return r
}

// with adds a condition on an attribute of the source.
func with(r *spb.Rule, key, value string) *spb.Rule {
	r.Selector.Constraints = []*spb.AttrConstraint{{Key: key, Value: value, Condition: spb.AttrMatch_EQUAL}}
	return r
}

// allowList allows what every build needs, and more.
func allowList(more ...string) []*spb.Rule {
	rules := []*spb.Rule{deny("*"), allow("local://*"), allow("docker-image://127.0.0.1*")}
	for _, identifier := range more {
		rules = append(rules, allow(identifier))
	}
	return rules
}

func stale(t *testing.T, e *harness.Env, hosts ...string) *harness.DockerConfig {
	return world.StaleLogin(t, e, hosts...)
}

// policyCase is one policy and what must come of it. Rules are made for the site
// of the Dockerfile, s, and for another registry, o.
type policyCase struct {
	name  string
	rules func(s, o site) []*spb.Rule
	good  bool // the login is good; else refused
	opts  map[string]string
	df    func(s, o site) map[string]string // nil: the site's image
	// want is in the error; empty: it builds. same: upstream's error is the same.
	want []string
	same bool
	// Who may be asked for manifests or blobs at all: hosts as spelled.
	asked func(s, o site) []string
	// rescued: the layers come from the other spelling. hidden: the tag 2 must not
	// be asked for.
	rescued, hidden bool
	fast            bool // runs without -full
}

func nobody(site, site) []string { return nil }

func written(s, _ site) []string { return []string{s.host} }

func both(s, _ site) []string { return []string{s.host, s.upper} }

func theOther(_, o site) []string { return []string{o.host} }

var policyCases = []policyCase{
	{
		name: "deny, the other spelling only", fast: true, asked: written,
		rules: func(s, _ site) []*spb.Rule { return []*spb.Rule{deny("docker-image://" + s.upper + "/*")} },
		want:  []string{"rejected the stored credentials", "no anonymous fallback: the source policy does not allow the host alias (\"docker-image://", "docker logout"},
	},
	{
		name: "deny, a regular expression for the other spelling only", asked: written,
		rules: func(s, _ site) []*spb.Rule {
			return []*spb.Rule{matching(deny("^docker-image://"+regexp.QuoteMeta(s.upper)+"/"), spb.MatchType_REGEX)}
		},
		want: []string{"the source policy does not allow the host alias"},
	},
	{
		name: "deny, a regular expression for every spelling", asked: nobody, same: true,
		rules: func(s, _ site) []*spb.Rule {
			return []*spb.Rule{matching(deny("(?i)^docker-image://"+regexp.QuoteMeta(s.host)+"/"), spb.MatchType_REGEX)}
		},
		want: []string{"denied by policy"},
	},
	{
		name: "deny, the spelling that is not needed", asked: both, rescued: true,
		rules: func(s, _ site) []*spb.Rule { return []*spb.Rule{deny("docker-image://" + s.host + ":443/*")} },
	},
	{
		name: "deny, the image with its digest, login refused", fast: true, asked: both,
		rules: func(s, _ site) []*spb.Rule { return []*spb.Rule{deny(s.source(s.host, "1@*"))} },
		want:  []string{"a policy does not allow it"},
	},
	{
		name: "deny, the image with its digest, login good", asked: written, same: true, good: true,
		rules: func(s, _ site) []*spb.Rule { return []*spb.Rule{deny(s.source(s.host, "1@*"))} },
		want:  []string{"denied by policy"},
	},
	{
		name: "deny, the other spelling with its digest", asked: both,
		rules: func(s, _ site) []*spb.Rule { return []*spb.Rule{deny(s.source(s.upper, "1@*"))} },
		want:  []string{"a policy does not allow it"},
	},
	{
		name: "deny by an attribute, login refused", asked: both, opts: map[string]string{"image-resolve-mode": "pull"},
		rules: func(s, _ site) []*spb.Rule {
			return []*spb.Rule{with(deny("docker-image://"+s.host+"/*"), pb.AttrImageResolveMode, pb.AttrImageResolveModeForcePull)}
		},
		want: []string{"denied by policy"},
	},
	{
		name: "deny by an attribute, login good", asked: written, good: true, same: true, opts: map[string]string{"image-resolve-mode": "pull"},
		rules: func(s, _ site) []*spb.Rule {
			return []*spb.Rule{with(deny("docker-image://"+s.host+"/*"), pb.AttrImageResolveMode, pb.AttrImageResolveModeForcePull)}
		},
		want: []string{"denied by policy"},
	},
	{
		name: "deny by an attribute that the image has not", asked: both, rescued: true,
		rules: func(s, _ site) []*spb.Rule {
			return []*spb.Rule{with(deny("docker-image://"+s.host+"/*"), pb.AttrImageResolveMode, pb.AttrImageResolveModePreferLocal)}
		},
	},
	{
		name: "allow list, the host as written", asked: written,
		rules: func(s, _ site) []*spb.Rule { return allowList("docker-image://" + s.host + "/*") },
		want:  []string{"the source policy does not allow the host alias", "allow the host alias in the source policy"},
	},
	{
		name: "allow list, exact, with the digest", asked: written,
		rules: func(s, _ site) []*spb.Rule {
			return append(allowList(), matching(allow(s.source(s.host, "1")), spb.MatchType_EXACT), allow(s.source(s.host, "1@*")))
		},
		want: []string{"the source policy does not allow the host alias"},
	},
	{
		name: "allow list, both spellings", fast: true, asked: both, rescued: true,
		rules: func(s, _ site) []*spb.Rule {
			return allowList("docker-image://"+s.host+"/*", "docker-image://"+s.upper+"/*")
		},
	},
	{
		name: "allow list, the other spelling only", asked: nobody, same: true,
		rules: func(s, _ site) []*spb.Rule { return allowList("docker-image://" + s.upper + "/*") },
		want:  []string{"denied by policy"},
	},
	{
		name: "convert to another host, login refused there", asked: theOther,
		rules: func(s, o site) []*spb.Rule { return []*spb.Rule{convert(s.source(s.host, "1"), o.source(o.host, "1"))} },
		want:  []string{"rejected the stored credentials", "docker logout other-"},
	},
	{
		name: "convert to another host by a wildcard, login good", asked: theOther, good: true,
		rules: func(s, o site) []*spb.Rule {
			return []*spb.Rule{convert("docker-image://"+s.host+"/*", o.source(o.host, "1"))}
		},
	},
	{
		name: "convert to another host and deny that", asked: nobody, same: true,
		rules: func(s, o site) []*spb.Rule {
			return []*spb.Rule{deny("docker-image://" + o.host + "/*"), convert("docker-image://"+s.host+"/*", o.source(o.host, "1"))}
		},
		want: []string{"denied by policy"},
	},
	{
		name: "convert the other spelling to another host", fast: true, asked: written,
		rules: func(s, o site) []*spb.Rule {
			return []*spb.Rule{convert("docker-image://"+s.upper+"/*", o.source(o.host, "1"))}
		},
		want: []string{"rejected the stored credentials", "no anonymous fallback: a source policy converts the host alias (\"docker-image://"},
	},
	{
		// The request by tag does not meet the rule; nothing may be pulled from there.
		name: "convert the other spelling with its digest", fast: true, asked: both,
		rules: func(s, o site) []*spb.Rule {
			return []*spb.Rule{convert(s.source(s.upper, "1@*"), o.source(o.host, "1"))}
		},
		want: []string{"a policy does not allow it"},
	},
	{
		name: "convert to the other spelling", asked: func(s, _ site) []string { return []string{s.upper} },
		rules: func(s, _ site) []*spb.Rule {
			return []*spb.Rule{convert("docker-image://"+s.host+"/*", "docker-image://"+s.upper+"/${1}")}
		},
	},
	{
		name: "a policy that cannot be evaluated", asked: nobody, same: true,
		rules: func(s, _ site) []*spb.Rule {
			return []*spb.Rule{rule(spb.PolicyAction_CONVERT, s.source(s.host, "1"))}
		},
		want: []string{"error mutating source policy"},
	},
	{
		name: "an image of the repository is denied, another is not", fast: true, asked: both, hidden: true,
		rules: func(s, _ site) []*spb.Rule { return []*spb.Rule{deny(s.source(s.host, "2"))} },
		df:    func(s, _ site) map[string]string { return from(s.base(), s.host+"/"+s.repo+":2") },
		want:  []string{"denied by policy"},
	},
	{
		name: "an image of the repository is denied by its digest, another is not", asked: both,
		rules: func(s, _ site) []*spb.Rule { return []*spb.Rule{deny(s.source(s.host, "2@*"))} },
		df:    func(s, _ site) map[string]string { return from(s.base(), s.host+"/"+s.repo+":2") },
		want:  []string{"policy"},
	},
	{
		name: "the denied image is not needed", asked: both, rescued: true, hidden: true,
		rules: func(s, _ site) []*spb.Rule { return []*spb.Rule{deny(s.source(s.host, "2"))} },
		df: func(s, _ site) map[string]string {
			return world.Dockerfile("FROM " + s.host + "/" + s.repo + ":2 AS spare\nFROM scratch\nCOPY --from=" + s.base() + " /image /a\n")
		},
	},
}

// TestPoliciesWithRefusedLogin: what the policies of a build decide holds when a
// login is refused. Nobody is asked but who may be; a denied image is never asked
// for, and its layers are never pulled.
func TestPoliciesWithRefusedLogin(t *testing.T) {
	for _, tc := range policyCases {
		t.Run(tc.name, func(t *testing.T) {
			if !tc.fast {
				slow(t) // TestSourcePolicies of tests/dropin has the plain ones
			}
			t.Parallel()
			each(t, func(t *testing.T, fe harness.Frontend) { tc.run(t, fe) })
		})
	}
}

func (tc policyCase) run(t *testing.T, fe harness.Frontend) {
	e, c, _ := sharedDaemon(t)
	s, o := newSite(t, "site", harness.RegistryOpt{}), newSite(t, "other", harness.RegistryOpt{})
	s.push(t, "2")
	in := harness.SolveInput{
		Files: from(s.base()), Opts: tc.opts, DockerConfig: stale(t, e, s.host, o.host),
		SourcePolicy: &spb.Policy{Version: 1, Rules: tc.rules(s, o)},
	}
	if tc.df != nil {
		in.Files = tc.df(s, o)
	}
	if tc.good {
		in.DockerConfig = world.GoodLogin(t, e, s.host, o.host)
	}
	var upstream string
	if tc.same {
		in.Frontend = harness.Frontend{Image: shared.Upstream}
		up := world.Solve(t, e, c, in)
		require.Error(t, up.Err)
		upstream = up.Err.Error()
		s.ResetRequests()
		o.ResetRequests()
	}
	in.Frontend = fe
	res := world.Solve(t, e, c, in)

	for _, r := range append(s.Requests(), o.Requests()...) {
		if r.Kind == harness.KindManifest || r.Kind == harness.KindBlob {
			require.Contains(t, tc.asked(s, o), r.Host, "%s%s", s.Requests(), o.Requests())
		}
		require.False(t, tc.hidden && r.Reference == "2", "a denied tag was asked for")
	}
	s.requireNoCredential(t)
	o.requireNoCredential(t)
	if len(tc.want) == 0 {
		require.NoError(t, res.Err)
		require.Equal(t, tc.rescued, len(world.RefusedWarnings(res)) == 1)
	} else {
		for _, want := range tc.want {
			require.ErrorContains(t, res.Err, want)
		}
		require.LessOrEqual(t, blobs(s), 2, "only the configuration of an image that is not pulled")
	}
	if tc.same {
		require.Equal(t, upstream, res.Err.Error())
	}
}

// blobs counts the different blobs that a site gave.
func blobs(s site) int {
	seen := map[string]struct{}{}
	for _, r := range s.Requests().Blobs() {
		seen[r.Reference] = struct{}{}
	}
	return len(seen)
}
