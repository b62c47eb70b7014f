package resolve

import (
	"slices"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/org/pullsafe/frontend/diagnosis"
)

// Image is what BuildKit knows of one image.
type Image struct {
	Ref    string // as the daemon returned it
	Digest digest.Digest
	Config []byte
	Meta   *sourceresolver.MetaResponse // of a source metadata request
}

// Resolution is what became of one reference: facts alone, for which package report
// has the words.
type Resolution struct {
	Ref      string // as the user wrote it, normalised
	Named    reference.Named
	Platform *ocispecs.Platform // that was asked for; nil left it to BuildKit

	// Written is the answer to the attempt as written, about the host of Ref or the one
	// that a policy of the user's led to; its class is empty when that attempt succeeded.
	Written diagnosis.Diagnosis
	// Fallback are the answers to the failed attempts of the fallback, in order.
	Fallback []diagnosis.Diagnosis
	// Policy is the verdict of the policies on the image that the fallback
	// resolved; nil when they allow it or were not asked.
	Policy *diagnosis.Diagnosis
	// Converted: a policy of the user's leads the image elsewhere, and has to find it
	// under the name that the user wrote.
	Converted bool
	Off       bool // the fallback is switched off for the registry host
	Strict    bool // an image that only the fallback resolves is not used

	Pulling bool // the metadata was resolved; the answers are to requests for content
	Unsure  bool // they may be about another image

	Image *Image          // nil when nothing resolved the reference
	Alias reference.Named // Ref under the host alias by which the fallback resolved it
	Err   error           // why the build cannot use it, in BuildKit's words; nil when it can
	key   string          // of the request
}

// Host is the registry host as the user knows it.
func (r *Resolution) Host() string { return reference.Domain(r.Named) }

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

// Decisive is the answer of the fallback that says most; false when there was none.
// That a host alias is not served says least: only when no other answer came.
func (r *Resolution) Decisive() (diagnosis.Diagnosis, bool) {
	for _, class := range decisive {
		if i := slices.IndexFunc(r.Fallback, func(d diagnosis.Diagnosis) bool { return d.Class == class && !d.NotServed() }); i >= 0 {
			return r.Fallback[i], true
		}
	}
	if len(r.Fallback) == 0 {
		return diagnosis.Diagnosis{}, false
	}
	return r.last(), true
}

// Canceled tells that the build was canceled before the reference was known.
func (r *Resolution) Canceled() bool { return r.last().Class == diagnosis.Canceled }

func (r *Resolution) last() diagnosis.Diagnosis {
	if n := len(r.Fallback); n > 0 {
		return r.Fallback[n-1]
	}
	return r.Written
}

// pinned is the reference with the digest that was resolved.
func (r *Resolution) pinned() (reference.Named, error) { return withDigest(r.Named, r.Image.Digest) }

// withDigest is ref with a digest: its own, or dgst.
func withDigest(ref reference.Named, dgst digest.Digest) (reference.Named, error) {
	if _, ok := ref.(reference.Digested); ok {
		return ref, nil
	}
	return reference.WithDigest(ref, dgst)
}
