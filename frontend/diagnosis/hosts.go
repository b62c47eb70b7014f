package diagnosis

import (
	"strings"

	"github.com/distribution/reference"

	"github.com/org/pullsafe/frontend/registry"
)

// hostOf is the registry host of a reference as the user wrote it, or "".
func hostOf(ref string) string {
	for _, scheme := range []string{"docker-image://", "docker-image:/", "https://", "http://"} {
		ref = strings.TrimPrefix(ref, scheme)
	}
	first, _, slash := strings.Cut(ref, "/")
	named, err := reference.ParseNormalizedNamed(ref)
	switch {
	case ref == "":
		return ""
	case !slash && registry.Of(first).Name != "":
		return first // a host alone
	case err == nil:
		return reference.Domain(named)
	case slash && isHost(first):
		return first // the rest is no reference, the host is still one
	default:
		return ""
	}
}

// isHost follows the rule that tells docker.io/x/y from x/y, for what has no
// other characters than a host and a port have: a host is printed as it is.
func isHost(s string) bool {
	if s == "" || s != "localhost" && !strings.ContainsAny(s, ".:") {
		return false
	}
	return isWord(s[0]) && bareHost(s) == s
}

// bareHost is s, or "" if s has a character that no host and port have.
func bareHost(s string) string {
	for i := range len(s) {
		if !isWord(s[i]) && !strings.ContainsRune(".:-[]", rune(s[i])) {
			return ""
		}
	}
	return s
}

// isFullReference: BuildKit prints references with host, unlike everybody else.
func isFullReference(s string) bool {
	host, _, ok := strings.Cut(s, "/")
	if !ok || !isHost(host) {
		return false
	}
	_, err := reference.ParseNormalizedNamed(s)
	return err == nil
}

// host is the registry that the text speaks of, where it says so.
func (f *facts) host() string {
	for _, phrase := range []string{"failed to resolve source metadata for ", "failed to resolve reference ", "failed to push ", "pulling from host ", "pull access denied for ", "manifest for ", "error reading manifest latest in ", " : from "} {
		if i := strings.Index(f.low, phrase); i >= 0 {
			word, _, _ := strings.Cut(f.text[i+len(phrase):], " ")
			word = strings.Trim(word, `,:"\`)
			if phrase == "pulling from host " {
				return registry.Canonical(word)
			}
			if h := hostOf(word); h != "" {
				return h
			}
		}
	}
	if f.plain() {
		if name, _, ok := strings.Cut(unwrapName(f.text), ": not found"); ok && isFullReference(name) {
			return hostOf(name)
		}
	}
	return f.urlHost()
}

// unwrapName leaves the last word before ": not found".
func unwrapName(s string) string {
	name, _, _ := strings.Cut(s, ": not found")
	return s[strings.LastIndexByte(name, ' ')+1:]
}

// urlHost is the host of the URL if it is a registry's. A token service is one
// only where it names itself as the service to ask for.
func (f *facts) urlHost() string {
	rest := f.url
	if i := strings.Index(rest, "://"); i >= 0 {
		rest = rest[i+3:]
	}
	host, path, _ := strings.Cut(rest, "/")
	if !isHost(host) {
		return ""
	}
	if ns := query(path, "ns="); ns != "" {
		return registry.Canonical(ns)
	}
	service := query(path, "service=")
	switch {
	case registry.IsDockerHubToken(host, service):
		return registry.DockerHub
	case strings.HasPrefix(path, "v2/") || path == "v2":
		return registry.Canonical(host)
	case service == host:
		return host
	default:
		return ""
	}
}

func query(path, key string) string {
	_, q, ok := strings.Cut(path, "?")
	if !ok {
		return ""
	}
	for part := range strings.SplitSeq(q, "&") {
		if v, ok := strings.CutPrefix(part, key); ok {
			return v
		}
	}
	return ""
}

// mirrorHost is the host that answered in place of the reference's own, or "".
// Its refusal says nothing of the credentials stored for the registry.
func (f *facts) mirrorHost() string {
	_, rest, ok := strings.Cut(f.url, "/v2/")
	own := hostOf(f.ref)
	if !ok || own == "" || !strings.Contains(rest, "/manifests/") {
		return ""
	}
	host := f.url[:len(f.url)-len(rest)-len("/v2/")]
	if i := strings.Index(host, "://"); i >= 0 {
		host = host[i+3:]
	}
	// Artifactory and others put a path before /v2/.
	host, _, _ = strings.Cut(host, "/")
	if registry.Same(host, own) {
		return ""
	}
	return host
}

// firstReference is the reference at the start of s, quoted or not, or "".
func firstReference(s string) string {
	word := strings.TrimLeft(s, `"'\`+"`")
	if i := strings.IndexAny(word, " \t\"'`,;"); i >= 0 {
		word = word[:i]
	}
	word = strings.TrimRight(word, `:.\`)
	if _, err := reference.ParseNormalizedNamed(word); err != nil {
		return ""
	}
	return word
}

// imageOfURL is the image that a request for a manifest or for a token is about.
func imageOfURL(u string) string {
	_, rest, ok := strings.Cut(u, "://")
	if !ok {
		return ""
	}
	host, path, _ := strings.Cut(rest, "/")
	if ns := query(path, "ns="); ns != "" {
		host = ns
	}
	var name string
	if repo, tag, ok := strings.Cut(strings.TrimPrefix(path, "v2/"), "/manifests/"); ok && strings.HasPrefix(path, "v2/") {
		tag, _, _ = strings.Cut(tag, "?")
		name = registry.Canonical(host) + "/" + repo + ":" + tag
		if strings.HasPrefix(tag, "sha256:") {
			name = registry.Canonical(host) + "/" + repo
		}
	} else if repo := scopeOf(query(path, "scope=")); repo != "" {
		f := facts{url: u}
		if host = f.urlHost(); host == "" {
			return ""
		}
		name = host + "/" + repo
	}
	return firstReference(name)
}

// scopeOf is the repository of the scope "repository:NAME:pull".
func scopeOf(scope string) string {
	scope = strings.NewReplacer("%3A", ":", "%2F", "/", "%2C", ",").Replace(scope)
	parts := strings.Split(scope, ":")
	if len(parts) != 3 || parts[0] != "repository" {
		return ""
	}
	return parts[1]
}
