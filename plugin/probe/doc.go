// Package probe asks registries for images the way BuildKit does, with the
// machine's own credentials and without any, and tells both answers apart.
//
//	probe.go       one image after another, bounded; the two attempts
//	image.go       manifest, platforms and configuration of an image
//	authorizer.go  answers a registry's challenge for one repository
//	token.go       gets the token, as buildx does
//	realm.go       to whom credentials may be sent
//	client.go      connections: authorities, proxies, redirects, bounds
//
// containerd's resolver makes the requests, as in BuildKit, so that errors have
// the words that frontend/diagnosis knows; a credential is asked for as buildx
// does, once a repository, since BuildKit keeps no token across repositories. A
// attempt without credentials has no access to them at all.
package probe
