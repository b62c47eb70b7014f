// Package finding says what the answers of registries mean for a build: for each
// image whether it can be resolved, and for each registry whether it takes the
// credential that is sent to it. What an answer means is diagnosis's to say; here
// two answers are put together, and many.
package finding

import (
	"context"
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
	Host      string
	Source    credentials.Source
	Verdict   Verdict
	Scheme    probe.Scheme
	With      Access // with the machine's credential; NotAttempted where there is none
	Without   Access
	Platforms []string

	answer string // of the registry or the helper to the credential
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
	if f.Outcome == report.OKWithoutCredentials {
		f.Platforms = r.Without.Platforms
	}
	f.judge(r)
	return f
}

// resolution is what became of the reference, as a build would see it: the answer to
// the credentials, and where they can be at fault the one without.
func (f *Finding) resolution(r probe.Result) *resolve.Resolution {
	res := &resolve.Resolution{Ref: r.Reference.Name, Err: r.With.Err, Image: &resolve.Image{Digest: r.With.Digest}}
	var without diagnosis.Diagnosis
	if r.With.Err != nil {
		res.Written = diagnosis.Diagnose(res.Ref, r.With.Err.Error()).FromClient(r.Sent)
	}
	if r.Without != nil {
		if r.Without.Err != nil {
			without = diagnosis.Diagnose(res.Ref, r.Without.Err.Error()).FromClient(false)
		}
		f.Without = access(r.Without.Err, without)
	}
	if r.Sent || r.HelperErr != nil && r.With.Err != nil {
		f.With = access(r.With.Err, res.Written)
	} else {
		f.Without = access(r.With.Err, res.Written)
	}
	if r.With.Err == nil || r.Without == nil || !res.Written.AnonymousRetryCanHelp {
		return res
	}
	if r.Without.Err != nil {
		res.Fallback = []diagnosis.Diagnosis{without}
		return res
	}
	// The image was there without the credentials, so that they were what the registry
	// rejected, whatever its words. No alias is needed where none are sent.
	if res.Written.Class == diagnosis.DeniedAmbiguous {
		res.Written.Class = diagnosis.CredentialsRejected
	}
	res.Image = &resolve.Image{Digest: r.Without.Digest}
	res.Alias, _ = reference.ParseNormalizedNamed(res.Ref) // it was asked for, so it parses
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
	default:
		f.Verdict = verdicts[f.With]
		if f.Verdict == "" {
			f.Verdict = NotTested
		}
	}
}

// verdicts are what the answers to a request with credentials say of these.
var verdicts = map[Access]Verdict{
	Resolved:                              Accepted,
	Access(diagnosis.NoMatchingPlatform):  Accepted,
	Access(diagnosis.CredentialsRejected): Rejected,
	Access(diagnosis.DeniedAmbiguous):     Rejected,
	Access(diagnosis.AuthRequired):        Rejected,
}

func access(err error, d diagnosis.Diagnosis) Access {
	if err != nil {
		return Access(d.Class)
	}
	return Resolved
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

// Prober is what asks registries.
type Prober interface {
	Probe(ctx context.Context, refs []references.Reference) ([]probe.Result, error)
}

// Set is the references of everything that is checked.
type Set interface {
	// All are the references known so far.
	All() []references.Reference
	// OnBuild adds the images that the ONBUILD triggers of a base name, and
	// returns those that are new.
	OnBuild(ctx context.Context, base references.Reference, triggers []string) []references.Reference
	// Names are the stages and contexts that could have been meant by ref.
	Names(ref references.Reference) []string
}

// Check asks for every reference of a set, and then for those that only the
// images themselves name.
func Check(ctx context.Context, p Prober, set Set) ([]Finding, error) {
	var all []probe.Result
	for refs := set.All(); len(refs) > 0; {
		results, err := p.Probe(ctx, refs)
		if err != nil {
			return nil, err
		}
		all, refs = append(all, results...), nil
		for _, r := range results {
			if !r.Reference.Needed {
				continue // no build runs its triggers
			}
			triggers := r.With.OnBuild
			if r.With.Err != nil && r.Without != nil {
				triggers = r.Without.OnBuild
			}
			refs = append(refs, set.OnBuild(ctx, r.Reference, triggers)...)
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	// A trigger may have named an image that was known already.
	known := map[string]references.Reference{}
	for _, ref := range set.All() {
		known[ref.Key()] = ref
	}
	out := make([]Finding, 0, len(all))
	for _, r := range all {
		if ref, ok := known[r.Reference.Key()]; ok {
			r.Reference = ref
		}
		out = append(out, Of(r, set.Names))
	}
	return out, nil
}

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
