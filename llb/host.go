package llb

import (
	"net/netip"
	"strings"
)

const (
	localhost = "localhost"
	portHTTP  = "80"
	portHTTPS = "443"
)

// host is a registry host in the parts of a reference's domain.
type host struct {
	name string // "ghcr.io", "127.0.0.1", "[::1]"
	port string // "5000"; empty when none is written
}

// parseHost splits the domain of a reference. It is in distribution/reference's
// grammar, where only a bracketed IPv6 address has colons of its own.
func parseHost(domain string) host {
	i := strings.LastIndexByte(domain, ':')
	if i < 0 || strings.HasSuffix(domain, "]") {
		return host{name: domain}
	}
	return host{name: domain[:i], port: domain[i+1:]}
}

func (h host) String() string {
	if h.port == "" {
		return h.name
	}
	return h.name + ":" + h.port
}

// plainHTTP tells whether BuildKit speaks plain HTTP with h when buildkitd.toml
// does not say otherwise. It is the rule of MatchLocalhost in containerd's
// core/remotes/docker with its corners: "localhost" in lower case only, and no
// IPv6 address without a port but "[::1]".
func (h host) plainHTTP() bool {
	name := h.name
	if name == localhost || name == "[::1]" {
		return true
	}
	if h.port != "" {
		name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && addr.Unmap().IsLoopback()
}

// defaultPort returns the port that BuildKit connects to when h names none.
func (h host) defaultPort() string {
	if h.plainHTTP() {
		return portHTTP
	}
	return portHTTPS
}

// spell returns h in another spelling, false when there is none of that kind.
func (h host) spell(w way) (host, bool) {
	switch w {
	case letterCase:
		return h.spellName()
	case portNumber:
		return h.spellPort(), true
	default:
		return host{}, false
	}
}

// spellName changes the letter case. Neither of "localhost", which only in
// lower case is plain HTTP for BuildKit, nor of an IP address, which has either
// no letters or hexadecimal digits that a client may normalise.
func (h host) spellName() (host, bool) {
	if strings.EqualFold(h.name, localhost) || h.isIP() {
		return host{}, false
	}
	// None of these is the lower-case name, where a login is stored if anywhere.
	lower := strings.ToLower(h.name)
	for _, name := range []string{strings.ToUpper(h.name), titleCase(lower), lastUpper(lower)} {
		if name != h.name { // as written, it was refused
			return host{name: name, port: h.port}, true
		}
	}
	return host{}, false
}

// spellPort writes the port out, or with one more leading zero when it is
// written out. A written port is never left out: a login may be stored for the
// bare host.
//
// The macOS keychain helper reads the port as a number (osxkeychain,
// splitServer), so a zero alone does not hide a host with a port from it.
func (h host) spellPort() host {
	if h.port == "" {
		return host{name: h.name, port: h.defaultPort()}
	}
	return host{name: h.name, port: "0" + h.port}
}

func (h host) isIP() bool {
	if strings.HasPrefix(h.name, "[") {
		return true
	}
	_, err := netip.ParseAddr(h.name)
	return err == nil
}

// titleCase returns an ASCII name with the first letter of each run of letters
// in upper case: "Registry-1.Docker.Io".
func titleCase(lower string) string {
	name := []byte(lower)
	for i := range name {
		if isLower(lower[i]) && (i == 0 || !isLower(lower[i-1])) {
			name[i] -= 'a' - 'A'
		}
	}
	return string(name)
}

// lastUpper returns an ASCII name with its last letter in upper case: what is
// left for names such as "A.B", whose upper and title case are the same.
func lastUpper(lower string) string {
	name := []byte(lower)
	for i := len(name) - 1; i >= 0; i-- {
		if isLower(name[i]) {
			name[i] -= 'a' - 'A'
			break
		}
	}
	return string(name)
}

func isLower(c byte) bool {
	return 'a' <= c && c <= 'z'
}
