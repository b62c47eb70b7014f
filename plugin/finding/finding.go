// Package finding says what the answers of registries mean for a build: for each
// image whether it can be had, and for each registry whether it takes the
// credential that is sent to it. What an answer means is diagnosis's to say; here
// two answers are put together, and many.
package finding

import (
	"context"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/util/suggest"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/frontend/registry"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/plugin/credentials"
	"github.com/org/pullsafe/plugin/probe"
)

// Verdict is what became of a credential.
type Verdict string

// The verdicts.
const (
	// Accepted: an image was had with it.
	Accepted Verdict = "accepted"
	// Refused: the registry or its token service refused it.
	Refused Verdict = "refused"
	// NotAsked: there is one, and the registry did not ask for it.
	NotAsked Verdict = "not-asked-for"
	// NotTested: it was sent, or would have been, and the answer does not tell.
	NotTested Verdict = "not-tested"
	// HelperFailed: the program that holds it did not give it.
	HelperFailed Verdict = "helper-failed"
	// Nothing: there is no credential.
	Nothing Verdict = "none"
)

// Access is whether an image can be had in one way: Had, NotTried, or the class of
// the failure.
type Access string

// The answers to one way that are no failure.
const (
	Had      Access = "ok"
	NotTried Access = ""
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
	With      Access // with the machine's credential; NotTried where there is none
	Without   Access
	Platforms []string

	answer string // of the registry or the helper to the credential
}

// Of puts the answers about one reference together. names gives the stages and
// contexts that could have been meant by it.
func Of(r probe.Result, names func(references.Reference) []string) Finding {
	f := Finding{
		Reference: report.Reference{
			Ref: r.Reference.Name, Written: r.Reference.Written, Needed: r.Reference.Needed,
			Platform: references.PlatformString(r.Reference.Platform), Digest: r.With.Digest.String(),
		},
		Host: r.Host, Source: r.Source, Scheme: r.Scheme, Platforms: r.With.Platforms,
	}
	for _, p := range r.Reference.Positions {
		f.Positions = append(f.Positions, report.Position{
			File: p.File, Line: p.Line, Stage: p.Stage, Instruction: diagnosis.Clean(p.Instruction, maxInstruction),
		})
	}
	f.conclude(r)
	f.judge(r)
	if f.Outcome == report.Failed && len(f.Positions) > 0 {
		f.Hint = bareNameHint(r.Reference, names)
	}
	return f
}

// maxInstruction bounds the text of an instruction, in runes.
const maxInstruction = 200

// conclude fills in the outcome and the diagnosis.
func (f *Finding) conclude(r probe.Result) {
	var written, without diagnosis.Diagnosis
	if r.With.Err != nil {
		written = diagnosis.Diagnose(f.Ref, r.With.Err.Error()).Sent(r.Sent)
	}
	if r.Without != nil {
		if r.Without.Err != nil {
			without = diagnosis.Diagnose(f.Ref, r.Without.Err.Error()).Sent(false)
		}
		f.Without = access(r.Without.Err, without)
	}
	if r.Sent || r.HelperErr != nil && r.With.Err != nil {
		f.With = access(r.With.Err, written)
	} else {
		f.Without = access(r.With.Err, written)
	}
	if r.With.Err == nil {
		f.Outcome = report.OK
		return
	}
	t := diagnosis.Tries{Ref: f.Ref, Written: written}
	f.Outcome = report.Failed
	if r.Without != nil && written.AnonymousRetryCanHelp {
		if r.Without.Err == nil {
			f.rescued(r, t)
			return
		}
		t.Without = []diagnosis.Diagnosis{without}
	}
	c := t.Conclude()
	f.Diagnosis, f.Explanation = &c.Diagnosis, c.Headline
	f.answer = written.Message
}

// rescued: where the image was had without the credentials, these were what the
// registry refused, whatever its words.
func (f *Finding) rescued(r probe.Result, t diagnosis.Tries) {
	f.Outcome = report.OKWithoutCredentials
	f.Digest, f.Platforms = r.Without.Digest.String(), r.Without.Platforms
	if t.Written.Class == diagnosis.DeniedAmbiguous {
		t.Written.Class = diagnosis.CredentialsRejected
	}
	c := t.Rescued()
	f.Diagnosis, f.Explanation = &c.Diagnosis, c.Headline
	f.answer = c.Written
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
	Had:                                   Accepted,
	Access(diagnosis.NoMatchingPlatform):  Accepted,
	Access(diagnosis.CredentialsRejected): Refused,
	Access(diagnosis.DeniedAmbiguous):     Refused,
	Access(diagnosis.AuthRequired):        Refused,
}

func access(err error, d diagnosis.Diagnosis) Access {
	if err != nil {
		return Access(d.Class)
	}
	return Had
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

// bareNameHint tells that a name without registry, tag and digest may have been
// meant as a stage or a named context.
func bareNameHint(ref references.Reference, names func(references.Reference) []string) string {
	if strings.ContainsAny(ref.Written, "/:@") || domain(ref.Name) != registry.DockerHub {
		return ""
	}
	meant := names(ref)
	near, _ := suggest.Search(ref.Written, meant, false)
	return report.BareNameHint(ref.Written, ref.Name, near, meant)
}

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
	OnBuild(base references.Reference, triggers []string) []references.Reference
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
			triggers := r.With.OnBuild
			if r.With.Err != nil && r.Without != nil {
				triggers = r.Without.OnBuild
			}
			refs = append(refs, set.OnBuild(r.Reference, triggers)...)
		}
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
