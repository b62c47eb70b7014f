// Package sources finds the references that are to be checked, with file and
// line: those of Dockerfiles, given as such, by a bake file or by a compose file,
// and those given by name.
//
// A Dockerfile is read by frontend/references, as in a build. What a bake file
// means is buildx's to say (bake.go runs it), what a compose file means
// compose-go's.
package sources
