package llb

import (
	"context"
	_ "crypto/sha256" // a reference with a digest parses only if its algorithm is linked
	_ "crypto/sha512" // likewise
	"strings"

	"github.com/distribution/reference"
	bkllb "github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// ImageScheme is the scheme of images in a registry (BuildKit, source/types).
const ImageScheme = "docker-image://"

// ParseImageSource returns the reference of a docker-image source identifier,
// normalised as by BuildKit's llb.Image, with the tag "latest" when it has neither tag
// nor digest; ok is false for any other source and for one that does not parse.
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

// ImageSource is the reverse of [ParseImageSource]. BuildKit refuses an identifier
// with neither tag nor digest, so one without them gets the tag "latest".
func ImageSource(ref reference.Named) string {
	return ImageScheme + reference.TagNameOnly(ref).String()
}

// Source is an image source of a definition.
type Source struct {
	Ref      reference.Named
	Platform *pb.Platform // that the op asks for; nil leaves it to the worker
}

// imageSource returns the image source that op is, if its identifier is exactly
// that of the reference.
func imageSource(op *pb.Op) (Source, bool) {
	identifier := op.GetSource().GetIdentifier()
	ref, ok := ParseImageSource(identifier)
	return Source{Ref: ref, Platform: op.GetPlatform()}, ok && ImageSource(ref) == identifier
}

// ImageSources lists the image sources of def, each once a platform, in the
// order of the definition.
//
// It leaves out identifiers that are not in the normal form of a reference
// (docker-image://alpine:3). BuildKit's own marshaller never writes them, and the
// daemon takes their first component for a host: they do not mean what they seem to.
func ImageSources(def *pb.Definition) ([]Source, error) {
	var sources []Source
	seen := map[string]bool{}
	_, _, err := editOps(def, func(src Source, _ *pb.SourceOp) bool {
		if key := src.Ref.String() + " " + src.Platform.String(); !seen[key] {
			seen[key] = true
			sources = append(sources, src)
		}
		return false
	})
	return sources, err
}

// Unused returns a definition that holds the image sources of refs but does not use
// them: its result is a folder, made by a step of the given name, another for each id.
func Unused(ctx context.Context, refs []reference.Named, platform *ocispecs.Platform, id digest.Digest, step string) (*pb.Definition, error) {
	var opts []bkllb.ImageOption
	if platform != nil {
		opts = append(opts, bkllb.Platform(*platform))
	}
	var images [][]byte
	for _, ref := range refs {
		image, err := bkllb.Image(ref.String(), opts...).Marshal(ctx)
		if err != nil {
			return nil, errors.WithStack(err)
		}
		images = append(images, image.Def[0])
	}
	result, err := bkllb.Scratch().File(bkllb.Mkdir("/"+id.Encoded(), 0o755), bkllb.WithCustomName(step), bkllb.IgnoreCache).Marshal(ctx)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	def := result.ToPB()
	def.Def = append(images, def.Def...)
	return def, nil
}
