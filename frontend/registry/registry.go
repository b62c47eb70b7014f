package registry

import (
	"path"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/org/pullsafe/llb"
)

// Registry is a row of the table. The zero value is a registry of which nothing is
// known.
type Registry struct {
	Name  string
	Hosts []string // exact, or with "*" for any part

	Login     string // a command in place of `docker login HOST`; %s is the host
	LoginNote string // the right kind of credential, as a comment to the command

	// HubLogin: buildx sends Docker Hub's credentials to it where none are stored for
	// its own host.
	HubLogin bool

	NoLogin     bool // serves everybody and has no login: credentials cannot be at fault
	PrivateOnly bool // denies all anonymous access

	// AnonymousStatus is the token service's answer to a request without
	// credentials for what is not public, where rejected credentials get another.
	AnonymousStatus int
	// TokensForAll: the token service gives anonymous tokens for any name, so that
	// a denial of one is a fault of the service.
	TokensForAll bool
	// DeniedStatus is a status besides 401 and 403 that means that access is denied.
	DeniedStatus int

	Limit string // what a login changes about the rate limit

	PushNote string // who may push, and where that is set
	Status   string // the page that tells of outages

	// TakesPort: it is known to serve its host with ":443" written out.
	TakesPort bool
}

// All are the rows of the table.
func All() []Registry { return slices.Clone(table) }

// Of finds the registry of a host, whatever its port.
func Of(host string) Registry {
	name, _, _ := strings.Cut(lower(host), ":")
	for _, r := range table {
		if slices.ContainsFunc(r.Hosts, func(pattern string) bool { ok, _ := path.Match(pattern, name); return ok }) {
			return r
		}
	}
	return Registry{}
}

// AliasOrder is the order in which to try the host aliases of a registry host.
//
// By default the letter case goes first: it puts no port into the Host header, which
// some load balancers do not expect (facebook/proxygen#47), and provenance reads
// pkg:docker/GHCR.IO/a/b, not pkg:docker/ghcr.io:443/a/b. Where the port is known to
// be served, it is of more use: a client that looks credentials up without regard to
// letter case (docker/cli#7184) finds the rejected ones under "GHCR.IO", and none under
// a host with a port. What a registry is known to serve holds for its default port
// alone.
//
// The port never stands alone while both kinds together may still do. BuildKit labels
// what it pulled with the host without its port (contentutil/source.go), so that a
// later build of an image that is pinned by digest would take the content of
// "ghcr.io:443" for that of "ghcr.io", meet no rejection where metadata is resolved,
// and fail at the layers. The content of "GHCR.IO:443" is nobody else's.
func AliasOrder(host string) []llb.Kind {
	if name, _, _ := strings.Cut(host, ":"); Of(host).TakesPort && Same(host, name) {
		return []llb.Kind{llb.Both, llb.Port, llb.LetterCase}
	}
	return []llb.Kind{llb.LetterCase, llb.Both, llb.Port}
}

// FirstAlias is the host alias that is tried first for a registry host; the host itself
// where it is none.
func FirstAlias(host string) string {
	named, err := reference.ParseNormalizedNamed(host + "/x")
	if err != nil {
		return host
	}
	aliases := llb.Aliases(named, AliasOrder(host))
	if len(aliases) == 0 {
		return host
	}
	return reference.Domain(aliases[0])
}

// LoginCommand is the command that logs in to host.
func LoginCommand(host string) string {
	r := Of(host)
	if r.Login == "" {
		return "docker login " + host
	}
	command := strings.ReplaceAll(r.Login, "%s", host)
	labels := strings.Split(host, ".")
	command = strings.ReplaceAll(command, "REGISTRY", labels[0]) // NAME.azurecr.io
	if len(labels) > 3 {
		command = strings.ReplaceAll(command, "REGION", labels[3]) // ID.dkr.ecr.REGION.amazonaws.com
	}
	return command
}

// UsesHubLogin tells whether buildx sends Docker Hub's credentials to host where none
// are stored for it. It compares the host as it is spelled.
func UsesHubLogin(host string) bool {
	r := Of(host)
	return r.HubLogin && slices.Contains(r.Hosts, host)
}

// AnonymousConfig is the config.json, in a folder of buildx's own, with which buildx
// sends no credentials to host. An entry without credentials keeps it from those of
// Docker Hub, which it would take where there is no entry.
func AnonymousConfig(host string) string {
	if UsesHubLogin(host) {
		return `{"auths": {"` + host + `": {}}}`
	}
	return "{}"
}

// LogoutCommand is the command that logs out of host: the one that removes the entry
// with the credentials that are sent to it.
func LogoutCommand(host string) string {
	if Same(host, DockerHub) || UsesHubLogin(host) {
		return "docker logout" // of the command's own default
	}
	return "docker logout " + host
}
