// Package references finds the images that a Dockerfile names, with the place
// of each, before anything is solved.
//
// BuildKit's converter resolves images while it converts, stops at the first
// that fails and tells no one where the others stand. This package walks the
// Dockerfile the way the converter does (frontend/dockerfile/dockerfile2llb,
// convert.go), with BuildKit's own parser, shell and platform packages, and
// stops before the first request; ONBUILD triggers follow when the base is known.
// An image that it does not find is resolved by the converter later, through the same
// client; one that only it finds costs a request and cannot fail a build.
//
// The work is linear in the Dockerfile and in the triggers, ends with its context, and
// has bounds (limits.go), beyond which the builder alone decides.
package references
