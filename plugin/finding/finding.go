// Package finding says what the answers of registries mean for a build: for each
// image whether it can be resolved, and for each registry whether it takes the
// credential that is sent to it. What an answer means is diagnosis's to say; here
// two answers are put together, and many.
package finding

import (
	"slices"

	"github.com/distribution/reference"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/frontend/resolve"
	"github.com/org/pullsafe/plugin/credentials"
	"github.com/org/pullsafe/plugin/probe"
)

// Verdict is what became of a credential.
type Verdict string

// The verdicts.
const (
	// Accepted: an image was resolved with it.
	Accepted Verdict = "accepted"
	// Rejected: the registry or its token service rejected it.
	Rejected Verdict = "rejected"
	// LoginRejected: images were resolved, since the token service gives anonymous
	// tokens for it, but GET /v2/, by which `docker login` tests, is denied.
	LoginRejected Verdict = "login-rejected"
	// NotRejected: images were resolved, and nothing tells whether it was accepted.
	NotRejected Verdict = "not-rejected"
	// NotAsked: there is one, and the registry did not ask for it.
	NotAsked Verdict = "not-asked-for"
	// NotTested: it was sent, or would have been, and the answer does not tell.
	NotTested Verdict = "not-tested"
	// HelperFailed: the program that holds it did not give it.
	HelperFailed Verdict = "helper-failed"
	// Nothing: there is no credential.
	Nothing Verdict = "none"
)

// Access is whether an image can be resolved in one way: Resolved, NotAttempted, or
// the class of the failure.
type Access string

// The answers to one way that are no failure.
const (
	Resolved     Access = "ok"
	NotAttempted Access = ""
)

// Finding is what is known of one reference.
type Finding struct {
	report.Reference

	// Host is the registry host as requests spell it: Docker Hub's is
	// registry-1.docker.io.
	Host    string
	Source  credentials.Source
	Verdict Verdict
	Scheme  probe.Scheme
	With    Access // with the machine's credential; NotAttempted where there is none
	// Without is the answer to an anonymous request for the image as written: what a
	// build gets after `docker logout`.
	Without   Access
	Platforms []string

	// Alias is the host alias by which a build with pullsafe gets the image, and Aliases
	// all that it asks.
	Alias   string
	Aliases []Alias
	// Free is the alias that is served, where only what a credential helper answers for
	// it keeps a build from going by it.
	Free *Alias

	answer string // of the registry or the helper to the credential
}

// Alias is the answer under one host alias.
type Alias struct {
	Host      string
	Source    credentials.Source
	Access    Access
	Answer    string // of the registry, its proxy or the helper, where the attempt failed
	Anonymous bool   // nothing was sent
}

// Of puts the answers about one reference together. names gives the stages and
// contexts that could have been meant by it.
func Of(r probe.Result, names func(references.Reference) []string) Finding {
	f := Finding{Host: r.Host, Source: r.Source, Scheme: r.Scheme, Platforms: r.With.Platforms}
	res := f.resolution(r)
	var meant []string
	if names != nil {
		meant = names(r.Reference)
	}
	f.Reference = report.Of(r.Reference, res, meant)
	f.answer = res.Written.Message
	if f.Alias != "" {
		f.Platforms = r.Aliases[len(r.Aliases)-1].Platforms
	}
	f.judge(r)
	return f
}

// resolution is what became of the reference, as a build has it: the answer to the
// credentials, and those of the anonymous fallback.
func (f *Finding) resolution(r probe.Result) *resolve.Resolution {
	res := &resolve.Resolution{Ref: r.Reference.Name, Err: r.With.Err, Image: &resolve.Image{Digest: r.With.Digest}}
	if r.With.Err != nil {
		res.Written = diagnosis.Diagnose(res.Ref, r.With.Err.Error()).FromClient(r.Sent)
	}
	if r.Without != nil {
		f.Without = access(res.Ref, r.Without.Err)
	}
	if r.Sent || r.HelperErr != nil && r.With.Err != nil {
		f.With = access(res.Ref, r.With.Err)
	} else {
		f.Without = access(res.Ref, r.With.Err)
	}
	for i := range r.Aliases {
		a := &r.Aliases[i]
		alias := Alias{Host: a.Host, Source: a.Source, Access: Resolved, Anonymous: !a.Held()}
		if a.Err != nil {
			d := diagnosis.Diagnose(res.Ref, a.Err.Error()).FromClient(a.Sent)
			res.Fallback = append(res.Fallback, d)
			alias.Access, alias.Answer = Access(d.Class), d.Message
		} else {
			res.Alias, _ = reference.ParseNormalizedNamed(res.Ref) // it was asked for, so it parses
			res.Err, res.Image, f.Alias = nil, &resolve.Image{Digest: a.Digest}, a.Host
		}
		f.Aliases = append(f.Aliases, alias)
		if r.Served != nil && r.Served.Host == a.Host {
			f.Free = &f.Aliases[i]
		}
	}
	// The image was there without the credentials, so that they were what the registry
	// rejected, whatever its words.
	if res.Written.Class == diagnosis.DeniedAmbiguous && (f.Alias != "" || f.Without == Resolved) {
		res.Written.Class = diagnosis.CredentialsRejected
	}
	return res
}

// judge fills in the verdict on the credential.
func (f *Finding) judge(r probe.Result) {
	switch {
	case r.HelperErr != nil:
		f.Verdict, f.answer = HelperFailed, diagnosis.Diagnose(f.Ref, r.HelperErr.Error()).Message
	case r.Source.Kind == credentials.None || r.Source.Kind == "":
		f.Verdict = Nothing
	case !r.Sent && r.With.Err == nil:
		f.Verdict = NotAsked
	case !r.Sent:
		f.Verdict = NotTested
	case f.With == Resolved || f.With == Access(diagnosis.NoMatchingPlatform):
		f.Verdict = NotRejected
		switch r.Login.State {
		case probe.LoginAccepted:
			f.Verdict = Accepted
		case probe.LoginRejected:
			f.Verdict, f.answer = LoginRejected, diagnosis.Diagnose(f.Ref, r.Login.Err.Error()).Message
		case probe.LoginOpen:
			f.answer = ""
		case probe.LoginNotTested:
			f.answer = "no answer"
			if r.Login.Err != nil {
				f.answer = diagnosis.Diagnose(f.Ref, r.Login.Err.Error()).Message
			}
		}
	default:
		f.Verdict = verdicts[f.With]
		if f.Verdict == "" {
			f.Verdict = NotTested
		}
	}
}

// verdicts are what the answers to a request with credentials say of these.
var verdicts = map[Access]Verdict{
	Access(diagnosis.CredentialsRejected): Rejected,
	Access(diagnosis.DeniedAmbiguous):     Rejected,
	Access(diagnosis.AuthRequired):        Rejected,
}

func access(ref string, err error) Access {
	if err != nil {
		return Access(diagnosis.Diagnose(ref, err.Error()).Class)
	}
	return Resolved
}

// Logout tells that a build gets the image after `docker logout`, whether or not there
// is pullsafe in it.
func (f *Finding) Logout() bool {
	return f.Without == Resolved && f.With != Resolved && f.With != NotAttempted
}

func domain(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ""
	}
	return reference.Domain(named)
}

// Repository is the path of a reference, without the host; "" if it is none.
func Repository(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ""
	}
	return reference.Path(named)
}

// Answer is what the registry or the helper said to the credential, where it was
// not accepted; it may be empty.
func (f *Finding) Answer() string { return f.answer }

// Report is the findings in the form of the preflight.
func Report(findings []Finding) *report.Report {
	refs := make([]report.Reference, 0, len(findings))
	for i := range findings {
		refs = append(refs, findings[i].Reference)
	}
	return report.New(refs)
}

// Failing are the findings that make a check fail.
func Failing(findings []Finding, strict bool) []Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f Finding) bool {
		return !f.Needed || f.Outcome == report.OK || f.Outcome == report.OKWithoutCredentials && !strict
	})
}

// NotServed tells that the anonymous fallback failed for no reason that the registry
// itself gave: what stands before it does not know the host aliases.
func (f *Finding) NotServed() bool {
	return len(f.Aliases) > 0 && f.Alias == "" && f.Free == nil && !slices.ContainsFunc(f.Aliases, func(a Alias) bool {
		//exhaustive:ignore
		switch diagnosis.Class(a.Access) {
		case diagnosis.AuthRequired, diagnosis.RateLimited, diagnosis.NoMatchingPlatform:
			return true
		}
		return !a.Anonymous
	})
}
