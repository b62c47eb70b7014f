package llb

import (
	"context"

	"github.com/distribution/reference"
	bkllb "github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// Unused returns a definition that holds the image source of ref but does not use
// it: its result is an empty folder, made by a step with the given name. The step
// is another one for each id.
func Unused(ctx context.Context, ref reference.Named, platform *ocispecs.Platform, id digest.Digest, step string) (*pb.Definition, error) {
	var opts []bkllb.ImageOption
	if platform != nil {
		opts = append(opts, bkllb.Platform(*platform))
	}
	image, err := bkllb.Image(ref.String(), opts...).Marshal(ctx)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	result, err := bkllb.Scratch().File(bkllb.Mkdir("/"+id.Encoded(), 0o755), bkllb.WithCustomName(step), bkllb.IgnoreCache).Marshal(ctx)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	def := result.ToPB()
	def.Def = append([][]byte{image.ToPB().Def[0]}, def.Def...)
	return def, nil
}
