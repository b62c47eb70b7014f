package llb

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/distribution/reference"
)

// Kind is a way to write a registry host differently.
type Kind string

// The kinds of host aliases.
const (
	LetterCase Kind = "letter case" // GHCR.IO
	Port       Kind = "port"        // ghcr.io:443, reg.test:05000
	Both       Kind = "both"        // GHCR.IO:443, REG.TEST:05000
)

// Aliases returns ref under the host aliases of the given kinds, in their order;
// a kind that the host has no alias of is left out. Nothing but the host changes:
// path, tag and digest are equal, and so are the registry, the port and the scheme
// that BuildKit picks for it.
//
// No alias is the host as written, nor the bare host in lower case: a login may be
// stored under either, and Docker Hub's under docker.io, index.docker.io and
// registry-1.docker.io (authprovider.DockerHubRegistryHost, docker/cli configfile).
func Aliases(ref reference.Named, kinds []Kind) []reference.Named {
	if ref == nil {
		return nil
	}
	ref, err := reference.ParseNormalizedNamed(ref.String())
	if err != nil {
		return nil
	}
	h := parseHost(reference.Domain(ref)).asked()
	var refs []reference.Named
	for _, k := range kinds {
		if other, ok := h.alias(k); ok {
			if ref, ok := withName(ref, other.String()+"/"+reference.Path(ref)); ok {
				refs = append(refs, ref)
			}
		}
	}
	return refs
}

// alias returns h written differently, false when there is no alias of that kind.
func (h host) alias(k Kind) (host, bool) {
	switch k {
	case LetterCase:
		return h.otherCase()
	case Port:
		return h.otherPort(), true
	case Both:
		other, ok := h.otherCase()
		return other.otherPort(), ok
	default:
		return host{}, false
	}
}

// otherCase changes the letter case. Neither of "localhost", which only in lower
// case is plain HTTP for BuildKit, nor of an IP address, which has either no
// letters or hexadecimal digits that a client may normalise.
func (h host) otherCase() (host, bool) {
	if strings.EqualFold(h.name, localhost) || h.isIP() {
		return host{}, false
	}
	// None of these is the lower-case name, where a login is stored if anywhere.
	lower := strings.ToLower(h.name)
	for _, name := range []string{strings.ToUpper(h.name), titleCase(lower), lastUpper(lower)} {
		if name != h.name { // as written, the credentials were rejected
			return host{name: name, port: h.port}, true
		}
	}
	return host{}, false
}

// otherPort writes the port out, or with one more leading zero when it is written
// out. A written port is never left out: a login may be stored for the bare host.
//
// The macOS keychain helper reads the port as a number (osxkeychain,
// splitServer), so a zero alone does not hide a host with a port from it.
func (h host) otherPort() host {
	if h.port == "" {
		return host{name: h.name, port: h.defaultPort()}
	}
	return host{name: h.name, port: "0" + h.port}
}

// titleCase returns an ASCII name with the first letter of each run of letters
// in upper case: "Registry-1.Docker.Io".
func titleCase(lower string) string {
	return regexp.MustCompile("[a-z]+").ReplaceAllStringFunc(lower, func(run string) string {
		return strings.ToUpper(run[:1]) + run[1:]
	})
}

// lastUpper returns an ASCII name with its last letter in upper case: what is
// left for names such as "A.B", whose upper and title case are the same.
func lastUpper(lower string) string {
	last := max(strings.LastIndexFunc(lower, unicode.IsLower), 0)
	return lower[:last] + strings.ToUpper(lower[last:])
}

// withName returns ref under another name. It is false when the name leads to another
// registry, port or path, or from TLS to plain HTTP or back.
func withName(ref reference.Named, name string) (reference.Named, bool) {
	other, err := reference.ParseNormalizedNamed(name + strings.TrimPrefix(ref.String(), ref.Name()))
	if err != nil || other.Name() != name || reference.Path(other) != reference.Path(ref) {
		return nil, false
	}
	return other, SameHost(reference.Domain(ref), reference.Domain(other))
}
