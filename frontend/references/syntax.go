package references

import (
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// Syntax returns the image of the frontend that BuildKit pulls before it looks at
// the rest of the Dockerfile; ok is false where the Dockerfile and the build
// arguments ask for none, or for one that is not an image.
func Syntax(dt []byte, opt Options) (ref Reference, ok bool) {
	name, cmdline, loc, ok := parser.DetectSyntax(dt)
	if v, set := opt.BuildArgs["BUILDKIT_SYNTAX"]; set {
		cmdline, loc, ok = v, nil, true
		name, _, _ = strings.Cut(strings.TrimSpace(v), " ")
	}
	if !ok || name == "" || name == "dockerfile.v0" { // the frontend that needs no image
		return Reference{}, false
	}
	ref = Reference{Platform: &opt.BuildPlatform, Needed: true}
	if ref.setName(name) != nil {
		return Reference{}, false
	}
	if entry, err := opt.Contexts.lookup(ref.Name, ref.Platform); err == nil && entry != nil {
		image, isImage := contextImage(entry.value)
		if !isImage || ref.setName(image) != nil {
			return Reference{}, false
		}
	}
	if len(loc) > 0 {
		ref.Positions = []Position{{
			File: opt.Filename, Line: loc[0].Start.Line, Ranges: loc,
			Instruction: "# syntax=" + cmdline,
		}}
	}
	return ref, true
}
