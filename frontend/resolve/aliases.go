package resolve

import (
	"slices"

	"github.com/distribution/reference"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/registry"
	"github.com/org/pullsafe/llb"
)

// aliases are the names of a reference under the aliases of its host, in the order in
// which to try them: as the registry is known to serve them, but first the one that has
// worked in this build, for the repository or else for another of the host.
func (r *Resolver) aliases(named reference.Named) []reference.Named {
	host := reference.Domain(named)
	all := llb.Aliases(named, registry.AliasOrder(host))
	worked := ""
	if known, ok := r.Names().Alias(named); ok {
		worked = reference.Domain(known)
	} else {
		for _, res := range r.All() {
			if res.FellBack() && res.Host() == host {
				worked = reference.Domain(res.Alias)
				break
			}
		}
	}
	slices.SortStableFunc(all, func(a, b reference.Named) int {
		switch worked {
		case reference.Domain(a):
			return -1
		case reference.Domain(b):
			return 1
		}
		return 0
	})
	return all
}

// knownUnserved is the answer that a host alias has given to an earlier attempt of this
// build, where it holds for every image of the host.
func (r *Resolver) knownUnserved(alias reference.Named) (diagnosis.Diagnosis, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d, ok := r.unserved[reference.Domain(alias)]
	return d, ok
}

// learn remembers an answer that is about the host alias: it is not served, or the
// credential helper failed for it. What a registry says under the alias is about one
// image, and so may a 404 be, or rejected credentials that are stored for the alias. A
// network failure may be gone by the next attempt.
func (r *Resolver) learn(alias reference.Named, d diagnosis.Diagnosis) {
	if !d.NotServed() && d.Class != diagnosis.CredentialHelper && (d.Class != diagnosis.TLSFailure || d.Redirect != "") {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unserved[reference.Domain(alias)] = d
}
