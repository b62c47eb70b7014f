package resolve

import (
	"slices"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	digest "github.com/opencontainers/go-digest"

	"github.com/org/pullsafe/frontend/diagnosis"
)

// Image is what BuildKit knows of one image.
type Image struct {
	Ref    string // as the daemon returned it
	Digest digest.Digest
	Config []byte
	Meta   *sourceresolver.MetaResponse // of a source metadata request
}

// Resolution is what became of one reference: facts alone. What they mean in
// words is package report's to say.
type Resolution struct {
	// Ref is the reference as the user wrote it, normalised.
	Ref string
	// Written is the answer to the attempt as written, about the host of Ref; its
	// class is empty when that attempt succeeded.
	Written diagnosis.Diagnosis
	// Fallback are the answers to the failed attempts of the anonymous fallback,
	// in order.
	Fallback []diagnosis.Diagnosis
	// Policy is the verdict of the policies on the image that the fallback
	// resolved; nil when they allow it or were not asked.
	Policy *diagnosis.Diagnosis
	// Off: the anonymous fallback is switched off for the registry host.
	Off bool
	// Strict: an image that only the fallback resolves is not used.
	Strict bool

	// Image is nil when nothing resolved the reference.
	Image *Image
	// Alias is Ref under the host alias by which the fallback resolved it.
	Alias reference.Named
	// Err is why the build cannot use the reference; nil when it can.
	Err error
}

// FellBack tells whether the anonymous fallback resolved the reference.
func (r *Resolution) FellBack() bool { return r.Alias != nil }

// decisive orders the answers of the fallback by how much they say of the image:
// under several aliases, one may meet a helper or a broken proxy and another the
// registry itself.
var decisive = []diagnosis.Class{
	diagnosis.PolicyDenied, diagnosis.Canceled, diagnosis.NoMatchingPlatform, diagnosis.RateLimited, diagnosis.AuthRequired,
	diagnosis.DeniedAmbiguous, diagnosis.NotFound, diagnosis.CredentialsRejected, diagnosis.CredentialHelper,
	diagnosis.RegistryOutage, diagnosis.TLSFailure, diagnosis.NetworkFailure,
}

// Decisive is the answer of the fallback that says most of the image; false when
// there was no fallback.
func (r *Resolution) Decisive() (diagnosis.Diagnosis, bool) {
	for _, class := range decisive {
		if i := slices.IndexFunc(r.Fallback, func(d diagnosis.Diagnosis) bool { return d.Class == class }); i >= 0 {
			return r.Fallback[i], true
		}
	}
	if n := len(r.Fallback); n > 0 {
		return r.Fallback[n-1], true
	}
	return diagnosis.Diagnosis{}, false
}

// Canceled tells that the build was canceled before the reference was known.
func (r *Resolution) Canceled() bool {
	last := r.Written
	if n := len(r.Fallback); n > 0 {
		last = r.Fallback[n-1]
	}
	return last.Class == diagnosis.Canceled
}
