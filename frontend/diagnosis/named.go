package diagnosis

import (
	"net/url"
	"strings"

	"github.com/distribution/reference"

	"github.com/org/pullsafe/frontend/registry"
)

// imagePhrases stand before the name of the image that an error is about. What a
// registry says may hold them too, and names nothing.
var imagePhrases = []string{
	"resolve source metadata for ", "failed to resolve reference ", "pull access denied for ", "manifest for ",
	"failed to push ", "failed to pull and unpack image ", "failed to pull image ", "unable to pull image ",
	"initializing source docker://", "fetch base image ", "connect to repo store ", "remote image ",
	"push permission for ", "could not push image ", " exists in ", "unauthorized for ", "failed to resolve ref ",
}

// named is the image that the text names, as it stands there, or "". It has no tag where
// the text has none.
func (f *facts) named() string {
	if f.name == nil {
		name := f.findName()
		for _, host := range []string{"registry-1.docker.io/", "index.docker.io/"} { // of requests, not of references
			if rest, ok := strings.CutPrefix(name, host); ok {
				name = registry.DockerHub + "/" + rest
			}
		}
		f.name = &name
	}
	return *f.name
}

func (f *facts) findName() string {
	before := f.beforeRegistry()
	low := f.low[:len(before)]
	for _, p := range imagePhrases {
		at := strings.Index(low, p)
		if at < 0 || p == "manifest for " && strings.HasSuffix(low[:at], "matching ") { // of a platform
			continue
		}
		if ref := firstReference(before[at+len(p):]); ref != "" {
			return ref
		}
	}
	for _, read := range []func(string, string) string{readManifest, upload, pullingFrom, solving} {
		if ref := read(before, low); ref != "" {
			return ref
		}
	}
	if name, ok := f.notFoundName(); ok {
		return name
	}
	return f.imageOfURL()
}

// firstReference is the reference at the start of s, quoted or not, or "".
func firstReference(s string) string {
	word := strings.TrimLeft(s, `"'\`+"`")
	if i := strings.IndexAny(word, " \t\"'`,;"); i >= 0 {
		word = word[:i]
	}
	// A bare word in the middle of a sentence is no name.
	if rest := s[strings.Index(s, word)+len(word):]; !strings.ContainsAny(word, "/:@") && strings.HasPrefix(rest, " ") {
		return ""
	}
	word = strings.TrimRight(word, `:.\`)
	if _, err := reference.ParseNormalizedNamed(word); err != nil {
		return ""
	}
	return word
}

// readManifest: "error reading manifest TAG in REPOSITORY: ...".
func readManifest(text, low string) string {
	const reading, in = "reading manifest ", " in "
	at := strings.Index(low, reading)
	if at < 0 {
		return ""
	}
	tag, repository, ok := strings.Cut(text[at+len(reading):], in)
	name := firstReference(repository)
	if !ok || name == "" || strings.ContainsAny(tag, " /") {
		return ""
	}
	if strings.HasPrefix(tag, "sha256:") {
		return name
	}
	return firstReference(name + ":" + tag)
}

// upload: "initiating layer upload to /v2/NAME/blobs/uploads/ in HOST: ...".
func upload(text, low string) string {
	const to, uploads = " to /v2/", "/blobs/uploads/ in "
	at := strings.Index(low, to)
	if at < 0 {
		return ""
	}
	name, host, ok := strings.Cut(text[at+len(to):], uploads)
	host, _, _ = strings.Cut(host, ":")
	if !ok || !isHost(host) {
		return ""
	}
	return firstReference(host + "/" + name)
}

// pullingFrom: "REF: pulling from host HOST failed with status code ...".
func pullingFrom(text, low string) string {
	at := strings.Index(low, ": pulling from host ")
	if at < 0 {
		return ""
	}
	return firstReference(text[strings.LastIndexByte(text[:at], ' ')+1 : at])
}

// solving: "failed to solve: REF: ...", with the name as the Dockerfile has it.
func solving(text, low string) string {
	const solve = "failed to solve: "
	at := strings.LastIndex(low, solve)
	if at < 0 {
		return ""
	}
	name, rest, ok := strings.Cut(text[at+len(solve):], ": ")
	if !ok || rest == "" || !strings.ContainsAny(name, "/:") || strings.ContainsAny(name, " \"'") {
		return ""
	}
	return firstReference(name)
}

// notFoundName: "REF: not found", where REF has its host.
func (f *facts) notFoundName() (string, bool) {
	before, _, ok := strings.Cut(f.text, ": not found")
	if !ok || !f.plain() {
		return "", false
	}
	name := before[strings.LastIndexByte(before, ' ')+1:]
	return name, isFullReference(name)
}

// imageOfURL is the image that a request for content or for a token was about.
func (f *facts) imageOfURL() string {
	u, err := url.Parse(f.url)
	if err != nil || f.url == "" {
		return ""
	}
	repository, tag, ok := strings.Cut(strings.TrimPrefix(u.Path, "/v2/"), "/manifests/")
	if !ok {
		repository, tag, ok = strings.Cut(repository, "/blobs/")
	}
	if ok && strings.HasPrefix(u.Path, "/v2/") {
		host := u.Host
		if ns := u.Query().Get("ns"); ns != "" {
			host = ns
		}
		name := registry.Canonical(host) + "/" + repository
		if !strings.HasPrefix(tag, "sha256:") && !strings.HasPrefix(tag, "uploads") {
			name += ":" + tag
		}
		return firstReference(name)
	}
	scope := strings.Split(u.Query().Get("scope"), ":")
	host := bareHost(f.urlHost())
	if len(scope) != 3 || scope[0] != "repository" || host == "" {
		return ""
	}
	return firstReference(host + "/" + scope[1])
}
