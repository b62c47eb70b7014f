package frontend

import (
	"context"
	"maps"
	"slices"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/solver/pb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/llb"
)

// inputReferences are the images in the definitions that the client hands over,
// for example a target of a bake file that is a context of this one. The builder
// never asks for their metadata: they were resolved when the definition was made,
// perhaps by this frontend without credentials, which the definition does not
// tell. Their layers are pulled in this build, so it has to be known again.
//
// They are asked for by tag: for a digest that the daemon has already seen it
// asks no registry, and would say nothing about the credentials. What comes of it
// decides only how the repository is pulled; a failure is left to the solver,
// which may have the layers.
func (s *session) inputReferences(ctx context.Context) []references.Reference {
	if !s.hasInputs() {
		return nil
	}
	inputs, err := s.client.Inputs(ctx)
	if err != nil {
		return nil
	}
	var out []references.Reference
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		def, err := inputs[name].Marshal(ctx)
		if err != nil {
			continue
		}
		sources, err := llb.ImageSources(def.ToPB())
		if err != nil {
			continue
		}
		for _, src := range sources {
			tag, ok := byTag(src.Ref)
			if !ok {
				continue
			}
			out = append(out, references.Reference{
				Name:     tag,
				Written:  tag,
				Platform: ociPlatform(src.Platform),
				LogName:  "[context " + name + "] load metadata for " + tag,
			})
		}
	}
	return out
}

// hasInputs tells without a request whether the client handed over definitions:
// each is named by a context.
func (s *session) hasInputs() bool {
	for _, v := range references.ParseContexts(s.client.BuildOpts().Opts) {
		if references.IsInput(v) {
			return true
		}
	}
	return false
}

// byTag is ref without its digest; false if nothing else names the image.
func byTag(ref reference.Named) (string, bool) {
	tagged, ok := ref.(reference.NamedTagged)
	if !ok {
		return "", false
	}
	out, err := reference.WithTag(reference.TrimNamed(ref), tagged.Tag())
	if err != nil {
		return "", false
	}
	return out.String(), true
}

func ociPlatform(p *pb.Platform) *ocispecs.Platform {
	if p == nil {
		return nil
	}
	return &ocispecs.Platform{
		OS:           p.OS,
		Architecture: p.Architecture,
		Variant:      p.Variant,
		OSVersion:    p.OSVersion,
		OSFeatures:   p.OSFeatures,
	}
}
