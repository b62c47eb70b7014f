package diagnosis

import (
	"strings"

	"github.com/org/pullsafe/frontend/registry"
)

// registryURL is the URL of the request that failed, where BuildKit or dockerd names
// it: none that a registry wrote into its answer. It opens what is quoted.
func (f *facts) registryURL() (url, rest string) {
	at := f.registryStart()
	if at == nil {
		return "", ""
	}
	switch phrase := f.low[at[0]:at[1]]; {
	case strings.HasSuffix(phrase, "http"), strings.HasPrefix(phrase, "unexpected "):
	default: // a phrase about tokens, a code, or words of the registry
		return "", ""
	}
	start := at[0] + strings.Index(f.low[at[0]:], "http")
	if i := strings.Index(f.low[at[1]:], " request to "); i >= 0 && i < len("from DELETE") {
		start = at[1] + i + len(" request to ")
	}
	if start < at[0] || start > at[1]+len("from DELETE request to ") {
		return "", ""
	}
	url = urlAt(f.text[start:])
	return url, strings.TrimLeft(f.text[start+len(url):], `\": `)
}

// mirror is the host that BuildKit or dockerd asked in the registry's place, as the
// builder is told to, or "". To a mirror, BuildKit names the registry: "?ns=docker.io"
// (containerd, core/remotes/docker, addNamespace). dockerd does not, and has mirrors of
// Docker Hub alone, whose manifests are on no other host.
func (f *facts) mirror(class Class) string {
	//exhaustive:ignore
	switch class {
	case NotARegistryError, InvalidReference, Canceled, PolicyDenied, CredentialHelper:
		return ""
	}
	url, _ := f.registryURL()
	host, path := splitURL(url)
	if !strings.Contains("/"+path, "/v2/") {
		return ""
	}
	of := strings.ReplaceAll(lower(query(path, "ns=")), "%3a", ":")
	if of == "" && hostOf(f.ref) == registry.DockerHub && strings.Contains(path, "/manifests/") {
		of = registry.DockerHub
	}
	if of == "" || registry.Same(host, of) {
		return ""
	}
	return host
}

// redirect is the host to which the registry, or what stands before it, redirected a
// request for a manifest, or "". That a blob is on another host is usual.
func (f *facts) redirect(class Class) string {
	url, rest := f.registryURL()
	host, path := splitURL(url)
	rest = lower(rest)
	if strings.HasPrefix(rest, "failed to authorize redirect") || strings.HasPrefix(rest, "stopped after 10 redirects") {
		return host // containerd, core/remotes/docker/resolver.go
	}
	own := hostOf(f.ref)
	if own == "" || registry.Same(host, own) || f.mirror(class) != "" ||
		!strings.Contains("/"+path, "/v2/") || !strings.Contains(path, "/manifests/") {
		return ""
	}
	return host
}
