package llb

import (
	_ "crypto/sha256" // a reference with a digest parses only if its algorithm is linked
	_ "crypto/sha512" // likewise
	"strings"

	"github.com/distribution/reference"
)

// ImageScheme is the scheme of images in a registry (BuildKit, source/types).
const ImageScheme = "docker-image://"

// withName returns ref under another name. It is false when the name leads to
// another place: another registry, port or path, or from TLS to plain HTTP or
// back.
func withName(ref reference.Named, name string) (reference.Named, bool) {
	other, err := reference.ParseNormalizedNamed(name + strings.TrimPrefix(ref.String(), ref.Name()))
	if err != nil || other.Name() != name || reference.Path(other) != reference.Path(ref) {
		return nil, false
	}
	return other, SameHost(reference.Domain(ref), reference.Domain(other))
}

// ParseImageSource returns the reference of a docker-image source identifier
// ("docker-image://..."), normalised as BuildKit's llb.Image does it, with the
// tag "latest" when it has neither tag nor digest; ok is false for any other
// source and for one that does not parse.
func ParseImageSource(identifier string) (ref reference.Named, ok bool) {
	name, ok := strings.CutPrefix(identifier, ImageScheme)
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
	return ImageScheme + reference.TagNameOnly(ref).String()
}
