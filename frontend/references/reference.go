package references

import (
	"slices"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Reference is one image that has to be resolved for one platform.
type Reference struct {
	// Name is the normalised reference, with tag or digest, as the converter
	// asks BuildKit for it: docker.io/library/alpine:3.20.
	Name string
	// Written is the name as the Dockerfile (or the named context) has it, with
	// its arguments expanded: alpine:3.20.
	Written  string
	Platform *ocispecs.Platform // that is asked for; nil leaves it to BuildKit
	LogName  string             // of the progress step, as the converter words it
	Needed   bool               // the target of the build depends on the image
	// Scanner marks the image of the SBOM scanner, which no Dockerfile names and
	// which the builder asks for in another way.
	Scanner   bool
	Positions []Position // that name the image, in the order of the file
}

// Position is a place in a Dockerfile that names an image.
type Position struct {
	File        string
	Line        int            // of the instruction's first line, from 1
	Instruction string         // the first line of the instruction, trimmed
	Stage       string         // name of the stage, or its number; empty for the only one
	Ranges      []parser.Range // of the whole instruction
}

// PlatformString formats p like a platform in a progress step; "" for nil.
func PlatformString(p *ocispecs.Platform) string {
	if p == nil {
		return ""
	}
	return platforms.FormatAll(*p)
}

// setName takes a name as it is written.
func (r *Reference) setName(written string) error {
	named, err := reference.ParseNormalizedNamed(written)
	if err == nil {
		r.Written, r.Name = written, reference.TagNameOnly(named).String()
	}
	return err
}

// Key tells apart what has to be asked separately.
func (r *Reference) Key() string { return Key(r.Name, r.Platform) }

// Key is the key of the reference name on platform.
func Key(name string, platform *ocispecs.Platform) string {
	return name + "\x00" + PlatformString(platform)
}

// merge adds what other knows of the same image and platform.
func (r *Reference) merge(other Reference) {
	r.Needed = r.Needed || other.Needed
	for _, p := range other.Positions {
		same := func(q Position) bool { return q.Line == p.Line && q.File == p.File && q.Stage == p.Stage }
		if len(r.Positions) < maxPositions && !slices.ContainsFunc(r.Positions, same) {
			r.Positions = append(r.Positions, p)
		}
	}
}
