package llb

import (
	_ "crypto/sha256" // a reference with a digest parses only if its algorithm is linked
	_ "crypto/sha512" // likewise
	"strings"

	"github.com/distribution/reference"
)

// imageScheme is the scheme of images in a registry (BuildKit, source/types).
const imageScheme = "docker-image://"

// Spellings returns the other spellings of ref's registry host in the order in
// which they are worth trying; empty when there is none. Nothing but the host
// changes: path, tag and digest are equal, and so are the registry, the port
// and the scheme that BuildKit picks for it. The order is a table by registry,
// see waysByRegistry.
//
// No spelling is the host as written, nor the bare host in lower case: a login
// may be stored under either. Docker Hub's is stored for docker.io,
// index.docker.io and registry-1.docker.io (authprovider.DockerHubRegistryHost,
// docker/cli configfile), which its spellings avoid as well.
func Spellings(ref reference.Named) []reference.Named {
	if ref == nil {
		return nil
	}
	ref, err := reference.ParseNormalizedNamed(ref.String())
	if err != nil {
		return nil
	}
	h := parseHost(reference.Domain(ref)).asked()
	var refs []reference.Named
	for _, w := range h.ways() {
		other, ok := h.spell(w)
		if !ok {
			continue
		}
		if ref, ok := withName(ref, other.String()+"/"+reference.Path(ref)); ok {
			refs = append(refs, ref)
		}
	}
	return refs
}

// withName returns ref under another name. It is false when the name leads to
// another place: another registry, port or path, or from TLS to plain HTTP or
// back.
func withName(ref reference.Named, name string) (reference.Named, bool) {
	other, err := reference.ParseNormalizedNamed(name + strings.TrimPrefix(ref.String(), ref.Name()))
	if err != nil || other.Name() != name || reference.Path(other) != reference.Path(ref) {
		return nil, false
	}
	from, to := parseHost(reference.Domain(ref)), parseHost(reference.Domain(other))
	return other, from.endpoint() == to.endpoint()
}

// ParseImageSource returns the reference of a docker-image source identifier
// ("docker-image://..."), normalised as BuildKit's llb.Image does it, with the
// tag "latest" when it has neither tag nor digest; ok is false for any other
// source and for one that does not parse.
func ParseImageSource(identifier string) (ref reference.Named, ok bool) {
	name, ok := strings.CutPrefix(identifier, imageScheme)
	if !ok {
		return nil, false
	}
	ref, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return nil, false
	}
	return reference.TagNameOnly(ref), true
}

// ImageSource is the reverse of [ParseImageSource]: the identifier of the
// docker-image source for a reference. BuildKit refuses an identifier with
// neither tag nor digest, so one without them gets the tag "latest".
func ImageSource(ref reference.Named) string {
	return imageScheme + reference.TagNameOnly(ref).String()
}
