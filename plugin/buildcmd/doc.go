// Package buildcmd makes the command line of `docker buildx build` that builds
// with pullsafe's frontend.
//
//	args.go     finds in buildx's arguments what matters here, and leaves them as
//	            they are
//	choose.go   which frontend builds: pullsafe, unless the user or the Dockerfile
//	            asks for another one
//	program.go  finds the docker or buildx program
//	run*.go     runs it in place of this process, or below it
//
// Everything that the user wrote is passed on unchanged, behind what is added, so
// that buildx judges it and the output is buildx's own.
package buildcmd
