// Package resolve asks BuildKit for the metadata of images, each reference once a
// build: as written first and, where the registry rejected the credentials of the
// session, again under a host alias for which there are none.
//
// It knows nothing of Dockerfiles and has no words for people.
package resolve
