package registry

import (
	"slices"
	"strings"

	"github.com/org/pullsafe/llb"
)

// DockerHub is the registry host of references that name none.
const DockerHub = llb.DockerHub

// hubHosts are the names of Docker Hub's registry: in references, as the key of a
// login, of requests, and of old.
var hubHosts = []string{DockerHub, "index.docker.io", llb.DockerHubRegistry, "registry.hub.docker.com"}

// Canonical is the host as references have it: Docker Hub under its one name,
// every other host as it is.
func Canonical(host string) string {
	if slices.Contains(hubHosts, lower(host)) {
		return DockerHub
	}
	return host
}

// Requested is the host as requests have it, the reverse of [Canonical].
func Requested(host string) string {
	if host == DockerHub {
		return llb.DockerHubRegistry
	}
	return host
}

// CredentialKey is what a credential helper is asked for a registry host: Docker Hub's
// login has the address of its first API (docker/cli, cli/config/configfile).
func CredentialKey(host string) string {
	if host == DockerHub || host == llb.DockerHubRegistry {
		return "https://index.docker.io/v1/"
	}
	return host
}

// IsDockerHubToken tells whether a request for a token is one for Docker Hub, by
// the host of the token service or the name of the service that it asks for.
func IsDockerHubToken(host, service string) bool {
	return host == "auth.docker.io" || service == "registry.docker.io"
}

// Same tells whether two hosts are one registry host under different aliases, or
// different names of Docker Hub.
func Same(a, b string) bool { return llb.SameHost(Canonical(a), Canonical(b)) }

// lower lowers ASCII only: no letter of another script makes a known host.
func lower(host string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, host)
}
