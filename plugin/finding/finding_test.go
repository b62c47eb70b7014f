package finding_test

import (
	"context"
	"testing"

	digest "github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/plugin/credentials"
	"github.com/org/pullsafe/plugin/finding"
	"github.com/org/pullsafe/plugin/probe"
)

var (
	had       = probe.Attempt{Digest: digest.FromString("x"), Platforms: []string{"linux/amd64"}}
	oauth     = probe.Attempt{Err: errors.New("failed to authorize: failed to fetch oauth token: denied: denied")}
	anonymous = probe.Attempt{Err: errors.New("failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token: 401 Unauthorized")}
	refused   = probe.Attempt{Err: errors.New("unexpected status from HEAD request to https://ghcr.io/v2/a/b/manifests/1: 401 Unauthorized")}
	missing   = probe.Attempt{Err: errors.New("ghcr.io/a/b:1: not found")}
	platform  = probe.Attempt{Err: errors.New("no match for platform in manifest sha256:x: not found")}
	offline   = probe.Attempt{Err: errors.New(`failed to do request: Head "https://ghcr.io/v2/a/b/manifests/1": dial tcp: lookup ghcr.io: no such host`)}
	errHelper = errors.New("error getting credentials - err: exit status 1, out: `locked`")
	source    = credentials.Source{Kind: credentials.Auths, File: "/x/config.json", Key: "ghcr.io"}
)

func result(sent bool, with probe.Attempt, without *probe.Attempt) probe.Result {
	return probe.Result{
		Reference: references.Reference{Name: "ghcr.io/a/b:1", Written: "ghcr.io/a/b:1", Needed: true},
		Host:      "ghcr.io", Source: source, Sent: sent, With: with, Without: without,
	}
}

// under is a result with attempts under aliases.
func under(r probe.Result, aliases ...probe.Alias) probe.Result {
	r.Aliases = aliases
	return r
}

// login is a result of credentials that were tested.
func login(r probe.Result, state probe.LoginState, err error) probe.Result {
	r.Login = probe.Login{State: state, Err: err}
	return r
}

var (
	upper      = probe.Alias{Host: "GHCR.IO", Attempt: had}
	upperMiss  = probe.Alias{Host: "GHCR.IO", Attempt: missing}
	upperDeny  = probe.Alias{Host: "GHCR.IO", Attempt: anonymous}
	port       = probe.Alias{Host: "ghcr.io:443", Attempt: had}
	errStatus  = errors.New("unexpected status from GET request to https://ghcr.io/v2/: 401 Unauthorized")
	upperBroke = probe.Alias{Host: "GHCR.IO", Attempt: probe.Attempt{Err: errHelper}, HelperErr: errHelper, Source: credentials.Source{Kind: credentials.CredsStore, Helper: "docker-credential-x"}}
)

func TestOf(t *testing.T) {
	nothing := func(r probe.Result) probe.Result {
		r.Source = credentials.Source{Kind: credentials.None}
		return r
	}
	broken := under(result(false, probe.Attempt{Err: errHelper}, &had), upper)
	broken.HelperErr = errHelper
	unasked := result(false, had, nil)
	unasked.HelperErr = errHelper
	blocked := under(result(false, probe.Attempt{Err: errHelper}, &had), upperBroke)
	blocked.HelperErr, blocked.Served = errHelper, &upperBroke
	for _, tc := range []struct {
		name          string
		result        probe.Result
		outcome       report.Outcome
		verdict       finding.Verdict
		with, without finding.Access
		class         diagnosis.Class
	}{
		{"accepted, private", login(result(true, had, &anonymous), probe.LoginAccepted, nil), report.OK, finding.Accepted, "ok", "auth-required", ""},
		{"accepted, public", login(result(true, had, &had), probe.LoginAccepted, nil), report.OK, finding.Accepted, "ok", "ok", ""},
		{"an anonymous token for a wrong password", login(result(true, had, &had), probe.LoginRejected, errStatus), report.OK, finding.LoginRejected, "ok", "ok", ""},
		{"GET /v2/ is open", login(result(true, had, &had), probe.LoginOpen, nil), report.OK, finding.NotRejected, "ok", "ok", ""},
		{"not tested", result(true, had, &had), report.OK, finding.NotRejected, "ok", "ok", ""},
		{"refused, public, second alias", under(result(true, oauth, &had), upperMiss, port), report.OKWithoutCredentials, finding.Rejected, "credentials-rejected", "ok", diagnosis.CredentialsRejected},
		{"refused, public, no alias served", under(result(true, oauth, &had), upperMiss), report.Failed, finding.Rejected, "credentials-rejected", "ok", diagnosis.NotFound},
		{"refused, public", under(result(true, oauth, &had), upper), report.OKWithoutCredentials, finding.Rejected, "credentials-rejected", "ok", diagnosis.CredentialsRejected},
		{"refused without words, public", under(result(true, refused, &had), upper), report.OKWithoutCredentials, finding.Rejected, "denied-ambiguous", "ok", diagnosis.CredentialsRejected},
		{"refused, private", under(result(true, oauth, &anonymous), upperDeny), report.Failed, finding.Rejected, "credentials-rejected", "auth-required", diagnosis.CredentialsRejected},
		{"refused, offline after", result(true, oauth, &offline), report.Failed, finding.Rejected, "credentials-rejected", "network", diagnosis.CredentialsRejected},
		{"missing with, there without: a build fails", result(true, missing, &had), report.Failed, finding.NotTested, "not-found", "ok", diagnosis.NotFound},
		{"no such platform", login(result(true, platform, &platform), probe.LoginAccepted, nil), report.Failed, finding.Accepted, "no-matching-platform", "no-matching-platform", diagnosis.NoMatchingPlatform},
		{"none stored", nothing(result(false, had, nil)), report.OK, finding.Nothing, "", "ok", ""},
		{"none stored, private", nothing(result(false, anonymous, nil)), report.Failed, finding.Nothing, "", "auth-required", diagnosis.AuthRequired},
		{"not asked for", result(false, had, nil), report.OK, finding.NotAsked, "", "ok", ""},
		{"offline", result(false, offline, nil), report.Failed, finding.NotTested, "", "network", diagnosis.NetworkFailure},
		{"offline later", result(true, offline, &offline), report.Failed, finding.NotTested, "network", "network", diagnosis.NetworkFailure},
		{"helper failed, public", broken, report.OKWithoutCredentials, finding.HelperFailed, "credential-helper", "ok", diagnosis.CredentialHelper},
		{"helper failed for the alias too", blocked, report.Failed, finding.HelperFailed, "credential-helper", "ok", diagnosis.CredentialHelper},
		{"helper failed, not asked for", unasked, report.OK, finding.HelperFailed, "", "ok", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := finding.Of(tc.result, nil)
			require.Equal(t, tc.outcome, f.Outcome)
			require.Equal(t, tc.verdict, f.Verdict)
			require.Equal(t, tc.with, f.With)
			require.Equal(t, tc.without, f.Without)
			if tc.class == "" {
				require.Nil(t, f.Diagnosis)
				return
			}
			require.Equal(t, tc.class, f.Diagnosis.Class)
			require.NotEmpty(t, f.Explanation)
			if tc.outcome == report.OKWithoutCredentials {
				require.Equal(t, had.Digest.String(), f.Digest)
			}
		})
	}
}

func TestBareNameHint(t *testing.T) {
	r := result(false, missing, nil)
	r.Reference = references.Reference{Name: "docker.io/library/deps:latest", Written: "deps", Positions: []references.Position{{File: "Dockerfile", Line: 2}}}
	require.Contains(t, finding.Of(r, func(references.Reference) []string { return []string{"dep"} }).Hint, `did you mean "dep"?`)
	r.Reference.Positions = nil
	require.Empty(t, finding.Of(r, nil).Hint)
}

func TestRegistries(t *testing.T) {
	public := finding.Of(under(result(true, oauth, &had), upper), nil)
	private := finding.Of(result(true, oauth, &anonymous), nil)
	accepted := finding.Of(login(result(true, had, &anonymous), probe.LoginAccepted, nil), nil)
	offlined := finding.Of(result(false, offline, nil), nil)

	all := finding.Registries([]finding.Finding{offlined, public, private})
	require.Len(t, all, 1)
	require.Equal(t, finding.Rejected, all[0].Verdict)
	require.Equal(t, []int{3, 2, 1}, []int{all[0].Images, all[0].Rejected, all[0].Resolved})

	all = finding.Registries([]finding.Finding{public, accepted})
	require.Equal(t, finding.Accepted, all[0].Verdict)

	other := public
	other.Source.Scoped = true
	require.Len(t, finding.Registries([]finding.Finding{public, other}), 2, "two credentials for one registry")
}

// TestEntries: what is stored under one key is one entry, whichever registry and
// configuration it is read for.
func TestEntries(t *testing.T) {
	hub, dhi, helped := finding.Of(result(true, oauth, &had), nil), finding.Of(login(result(true, had, &anonymous), probe.LoginAccepted, nil), nil), finding.Of(result(false, offline, nil), nil)
	hub.Source.Key, dhi.Source.Key = "https://index.docker.io/v1/", "https://index.docker.io/v1/"
	hub.Host, dhi.Host = "registry-1.docker.io", "dhi.io"
	helped.Source = credentials.Source{Kind: credentials.CredsStore, File: "/x/config.json", Key: "ghcr.io", Helper: "docker-credential-x"}
	scoped := helped
	scoped.Source = credentials.Source{Kind: credentials.CredHelpers, File: "/y/config.json", Key: "ghcr.io", Helper: "docker-credential-x", Scoped: true}
	none := hub
	none.Source = credentials.Source{Kind: credentials.None}

	all := finding.Entries([]finding.Finding{hub, none, helped, dhi, scoped})
	require.Len(t, all, 2)
	require.Len(t, all[0].Findings, 2)
	require.Len(t, all[1].Findings, 2)
	require.Equal(t, finding.Accepted, all[0].Sparing().Verdict)
	require.Equal(t, finding.NotTested, all[1].Sparing().Verdict)
	require.Len(t, all[0].Public(), 1)

	rejected := finding.Entries([]finding.Finding{hub, hub})
	require.Nil(t, rejected[0].Sparing())
	unknown := hub
	unknown.Verdict = "new"
	require.NotNil(t, finding.Entries([]finding.Finding{hub, unknown})[0].Sparing())
}

func TestFailing(t *testing.T) {
	public := finding.Of(under(result(true, oauth, &had), upper), nil)
	private := finding.Of(result(true, oauth, &anonymous), nil)
	unneeded := private
	unneeded.Needed = false
	require.Len(t, finding.Failing([]finding.Finding{public, private, unneeded}, false), 1)
	require.Len(t, finding.Failing([]finding.Finding{public, private, unneeded}, true), 2)
}

// set has an image whose trigger names another, and one that names a known one.
type set struct{ refs []references.Reference }

func (s *set) All() []references.Reference         { return s.refs }
func (s *set) Names(references.Reference) []string { return nil }
func (s *set) OnBuild(_ context.Context, base references.Reference, triggers []string) []references.Reference {
	if len(triggers) == 0 {
		return nil
	}
	s.refs[0].Positions = append(s.refs[0].Positions, references.Position{Line: 9})
	fresh := references.Reference{Name: base.Name + "-more"}
	s.refs = append(s.refs, fresh)
	return []references.Reference{fresh}
}

type prober struct{ asked [][]references.Reference }

func (p *prober) Probe(_ context.Context, refs []references.Reference) ([]probe.Result, error) {
	p.asked = append(p.asked, refs)
	var out []probe.Result
	for _, r := range refs {
		with := had
		if r.Name == "a.test/a:1" {
			with.OnBuild = []string{"RUN true"}
		}
		out = append(out, probe.Result{Reference: r, With: with})
	}
	return out, nil
}

func TestCheckAsksForTriggers(t *testing.T) {
	p := &prober{}
	got, err := finding.Check(t.Context(), p, &set{refs: []references.Reference{{Name: "a.test/a:1", Needed: true}}})
	require.NoError(t, err)
	require.Len(t, p.asked, 2)
	require.Len(t, got, 2)
	require.Equal(t, 9, got[0].Positions[0].Line, "places that a trigger added are there")
}

// TestCheckIgnoresTriggersOfUnneeded bases: no build runs them.
func TestCheckIgnoresTriggersOfUnneeded(t *testing.T) {
	p := &prober{}
	got, err := finding.Check(t.Context(), p, &set{refs: []references.Reference{{Name: "a.test/a:1"}}})
	require.NoError(t, err)
	require.Len(t, p.asked, 1)
	require.Len(t, got, 1)
}

// TestCheckIsInterrupted while triggers are looked at.
func TestCheckIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("why")
	p := &prober{}
	s := &interrupting{set: set{refs: []references.Reference{{Name: "a.test/a:1", Needed: true}}}, cancel: func() { cancel(why) }}
	_, err := finding.Check(ctx, p, s)
	require.ErrorIs(t, err, why)
}

type interrupting struct {
	set
	cancel func()
}

func (s *interrupting) OnBuild(context.Context, references.Reference, []string) []references.Reference {
	s.cancel()
	return nil
}
