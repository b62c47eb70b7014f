package references

import (
	"strings"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

const (
	// syntaxArg is the build argument that replaces the syntax line.
	syntaxArg = "BUILDKIT_SYNTAX"

	// builtinFrontend is the frontend that needs no image.
	builtinFrontend = "dockerfile.v0"
)

// Syntax returns the image of the frontend that BuildKit pulls before it looks at
// the rest of the Dockerfile; ok is false where the Dockerfile and the build
// arguments ask for none, or for one that is not an image.
func Syntax(dt []byte, opt Options) (ref Reference, ok bool) {
	name, cmdline, loc, ok := parser.DetectSyntax(dt)
	if v, set := opt.BuildArgs[syntaxArg]; set {
		cmdline, loc, ok = v, nil, true
		name, _, _ = strings.Cut(strings.TrimSpace(v), " ")
	}
	if !ok || name == "" || name == builtinFrontend {
		return Reference{}, false
	}
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return Reference{}, false
	}
	p := opt.BuildPlatform
	ref = Reference{Written: name, Name: reference.TagNameOnly(named).String(), Platform: &p, Needed: true}
	if _, value, found, err := opt.Contexts.lookup(ref.Name, &p); err == nil && found {
		image, isImage := contextImage(value)
		if named, err = reference.ParseNormalizedNamed(image); err != nil || !isImage {
			return Reference{}, false
		}
		ref.Written, ref.Name = image, reference.TagNameOnly(named).String()
	}
	if len(loc) > 0 {
		ref.Positions = []Position{{
			File: opt.Filename, Line: loc[0].Start.Line, Ranges: loc,
			Instruction: "# syntax=" + cmdline,
		}}
	}
	return ref, true
}
