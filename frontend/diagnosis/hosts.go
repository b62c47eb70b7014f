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
	if slash && isHost(first) && lower(first) != "index.docker.io" {
		return first
	}
	named, err := reference.ParseNormalizedNamed(ref)
	switch {
	case ref == "":
		return ""
	case !slash && registry.Of(first).Name != "":
		return first // a host alone
	case err == nil:
		return reference.Domain(named)
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
	if i := strings.Index(f.low, "pulling from host "); i >= 0 {
		word, _, _ := strings.Cut(f.text[i+len("pulling from host "):], " ")
		if isHost(word) {
			return registry.Canonical(word)
		}
	}
	if name := f.named(); name != "" {
		return registry.Canonical(hostOf(name))
	}
	if host := f.urlHost(); host != "" || !f.rateLimited() || !strings.Contains(f.said(), "docker.com/increase-rate-limit") {
		return host
	}
	return registry.DockerHub // which says so, and what stands before it repeats
}

// urlHost is the host of the URL if it is a registry's. A token service is one
// only where it names itself as the service to ask for.
func (f *facts) urlHost() string {
	host, path := splitURL(f.url)
	service, ns := query(path, "service="), query(path, "ns=")
	switch {
	case !isHost(host):
		return ""
	case ns != "":
		return registry.Canonical(ns)
	case registry.IsDockerHubToken(host, service):
		return registry.DockerHub
	case strings.HasPrefix(path, "v2/") && isHost(service) && sameDomain(service, host):
		return service // of a token service that has a host of its own
	case strings.HasPrefix(path, "v2/") || path == "v2":
		return registry.Canonical(host)
	case service == host:
		return host
	default:
		return ""
	}
}

// sameDomain tells whether two hosts have one owner, as far as a name shows it: their
// last two labels are the same.
func sameDomain(a, b string) bool {
	last := func(host string) string {
		labels := strings.Split(lower(host), ".")
		if len(labels) < 3 {
			return lower(host)
		}
		return strings.Join(labels[len(labels)-2:], ".")
	}
	return last(a) == last(b)
}

// splitURL needs no scheme, and nothing to be escaped.
func splitURL(u string) (host, path string) {
	if _, rest, ok := strings.Cut(u, "://"); ok {
		u = rest
	}
	host, path, _ = strings.Cut(u, "/")
	return host, path
}

func query(path, key string) string {
	_, q, _ := strings.Cut(path, "?")
	for part := range strings.SplitSeq(q, "&") {
		if v, ok := strings.CutPrefix(part, key); ok {
			return v
		}
	}
	return ""
}
