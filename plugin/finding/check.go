package finding

import (
	"context"

	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/plugin/probe"
)

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
			for _, a := range r.Aliases {
				triggers = append(triggers, a.OnBuild...) // of the last, which resolved it
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
