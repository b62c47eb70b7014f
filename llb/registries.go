package llb

import "strings"

// way is a way to spell a registry host differently.
type way int

const (
	letterCase way = iota // GHCR.IO
	portNumber            // ghcr.io:443, reg.test:05000
)

// defaultWays is the order for a registry that is not in waysByRegistry. The
// letter case goes first: it puts no port into the Host header, which some load
// balancers do not expect (facebook/proxygen#47), and the provenance reads
// pkg:docker/GHCR.IO/a/b, not pkg:docker/ghcr.io%3A443/a/b.
var defaultWays = []way{letterCase, portNumber}

// waysByRegistry is what is known of single registries: which spellings they
// answer, the best first. Keys are hosts as BuildKit asks them, lower case and
// without a port.
var waysByRegistry = map[string][]way{
	// Answered 503 to "Host: registry-1.docker.io:443" from 2020 to 2022, so
	// the port is the last resort: docker/hub-feedback#1956, moby/moby#40619.
	dockerHubRegistry: {letterCase, portNumber},

	// The port is in production use, as quay.io:443/acm-d, to give the registry
	// a second credential key: stolostron/deploy#125. Nobody is known to write
	// it in upper case.
	"quay.io": {portNumber, letterCase},

	// As credsStore the ECR helper compares the host name in lower case and
	// ignores the port: it would send credentials to public.ecr.aws:443 too
	// (awslabs/amazon-ecr-credential-helper, ecr-login/api/factory.go).
	"public.ecr.aws": {letterCase, portNumber},
}

// ways returns the ways to spell h in the order in which they are worth trying.
func (h host) ways() []way {
	end := h.endpoint()
	if ways, ok := waysByRegistry[end.name]; ok && end.port == portHTTPS {
		return ways
	}
	return defaultWays
}

const (
	dockerHub         = "docker.io"
	dockerHubRegistry = "registry-1.docker.io"
)

// asked returns the host that BuildKit asks for the images of h: Docker Hub's
// registry has another name than its references (util/resolver/resolver.go,
// NewRegistryConfig). Only the exact name is translated, so the name of the
// registry itself has to be spelled differently, not "docker.io".
func (h host) asked() host {
	if h == (host{name: dockerHub}) {
		h.name = dockerHubRegistry
	}
	return h
}

// endpoint is where a host leads: hosts with the same endpoint are spellings of
// one registry.
type endpoint struct {
	name  string
	port  string
	plain bool
}

// endpoint returns where BuildKit connects to for the images of h.
func (h host) endpoint() endpoint {
	h = h.asked()
	end := endpoint{name: strings.ToLower(h.name), plain: h.plainHTTP()}
	switch end.port = strings.TrimLeft(h.port, "0"); {
	case h.port == "":
		end.port = h.defaultPort()
	case end.port == "":
		end.port = "0"
	}
	return end
}
