// Package probe asks registries for images the way a build does, with the machine's
// own credentials and without any, and tells the answers apart.
//
//	probe.go       one image after another, bounded; what is known of each
//	attempts.go    the attempts for one image: as written, anonymous, under host aliases
//	image.go       manifest, platforms and configuration of an image
//	authorizer.go  answers a registry's challenge for one repository
//	token.go       gets the token, as buildx does
//	login.go       asks whether credentials are accepted, as docker login does
//	realm.go       to whom credentials may be sent
//	client.go      connections: authorities, proxies, redirects, bounds
//
// Package resolve has the rules of the anonymous fallback, for builds and here: which
// host aliases are asked, in which order, and when the next. containerd's resolver
// makes the requests, as in BuildKit, so that errors have the words that
// frontend/diagnosis knows; a credential is asked for as buildx does, once a
// repository, since BuildKit keeps no token across repositories. An attempt without
// credentials has no access to them at all.
package probe
