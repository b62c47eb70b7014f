package finding

import (
	"slices"

	"github.com/org/pullsafe/plugin/credentials"
)

// Registry is what is known of one credential for one registry. A registry for
// which buildx has several, by repository, is there several times.
type Registry struct {
	Domain string // the host as references spell it
	Source credentials.Source
	// Verdict is that of the images together: a credential that was accepted for
	// one is accepted.
	Verdict Verdict
	// Answer is what the registry or the helper said.
	Answer string
	// Images counts references; Rejected and Resolved those for which the credential
	// was rejected, and of these the ones that resolve without it.
	Images, Rejected, Resolved int
}

// rank orders the verdicts of images by how much they say of the credential.
var rank = []Verdict{Accepted, Rejected, LoginRejected, HelperFailed, NotRejected, NotTested, NotAsked, Nothing}

// Rank is less for a verdict that says more of the credential.
func (v Verdict) Rank() int { return slices.Index(rank, v) }

// Registries puts findings together by registry and credential, in their order.
func Registries(findings []Finding) []Registry {
	type key struct {
		domain string
		source credentials.Source
	}
	index := map[key]int{}
	var out []Registry
	for i := range findings {
		f := &findings[i]
		k := key{domain(f.Ref), f.Source}
		n, ok := index[k]
		if !ok {
			n = len(out)
			index[k] = n
			out = append(out, Registry{Domain: k.domain, Source: f.Source, Verdict: Nothing})
		}
		out[n].add(f)
	}
	return out
}

func (r *Registry) add(f *Finding) {
	r.Images++
	if f.Verdict.Rank() < r.Verdict.Rank() {
		r.Verdict = f.Verdict
	}
	if f.Verdict == Rejected {
		r.Rejected++
		if f.Logout() {
			r.Resolved++
		}
	}
	if r.Answer == "" && f.Verdict != Nothing && f.Verdict != Accepted {
		r.Answer = f.answer
	}
}
