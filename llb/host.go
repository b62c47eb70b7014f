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

// defaultPort is for a host that names none.
func (h host) defaultPort() string {
	if h.plainHTTP() {
		return portHTTP
	}
	return portHTTPS
}

// References say DockerHub, and requests for them go to DockerHubRegistry
// (util/resolver/resolver.go, NewRegistryConfig).
const (
	DockerHub         = "docker.io"
	DockerHubRegistry = "registry-1.docker.io"
)

// asked returns the host that BuildKit asks for the images of h. Only the exact name
// is translated, so the registry's own has to be written differently.
func (h host) asked() host {
	if h == (host{name: DockerHub}) {
		h.name = DockerHubRegistry
	}
	return h
}

// endpoint is where a host leads: hosts with the same endpoint are aliases of one
// registry host.
type endpoint struct {
	host
	plain bool
}

// endpoint returns where BuildKit connects to for the images of h.
func (h host) endpoint() endpoint {
	h = h.asked()
	end := endpoint{host{strings.ToLower(h.name), strings.TrimLeft(h.port, "0")}, h.plainHTTP()}
	switch {
	case h.port == "":
		end.port = h.defaultPort()
	case end.port == "":
		end.port = "0"
	}
	return end
}

// SameHost tells whether BuildKit connects to the same place for the images of two
// registry hosts: whether one is a host alias of the other.
func SameHost(a, b string) bool { return parseHost(a).endpoint() == parseHost(b).endpoint() }

func (h host) isIP() bool {
	if strings.HasPrefix(h.name, "[") {
		return true
	}
	_, err := netip.ParseAddr(h.name)
	return err == nil
}
