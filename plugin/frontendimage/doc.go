// Package frontendimage finds out, before a build, whether its builder can have
// pullsafe's frontend image, and under which name. So a build gets the frontend or, with
// one line, the Dockerfile's own; it never fails because of pullsafe's image.
//
//	image.go  an image as it is given to a build
//	ask.go    asks the builder: a request to the frontend that builds nothing, first
//	          with the image as named, then, where credentials were rejected, under
//	          its host aliases
//	memo.go   remembers the answer, so that a build does not ask
//
// The builder is asked, not the registry: it may sit behind another proxy, have other
// mirrors and policies, or have the image already. The answer has the digest, by which
// the builds of the next hours name the image. Then the builder takes it from its own
// store, and a registry that is down, or rejects a login by now, does not matter.
package frontendimage
