package diagnosis

import (
	"slices"
	"strings"
)

// The phrases of BuildKit about tokens: the first follows from credentials that
// were sent, the second from their absence (session/auth/authprovider).
const (
	tokenWithCredentials = "failed to fetch oauth token"
	tokenAnonymous       = "failed to fetch anonymous token"
)

// facts is a text taken apart at the phrases of BuildKit and dockerd. What the
// registry said is kept apart from what was said about it.
type facts struct {
	ref  string
	text string // one line
	low  string // text, ASCII lowered, same indexes
	core string // text without outer wrappers, from the token phrase on

	token  string // which of BuildKit's phrases the text has
	status int
	url    string // of the request that failed
	method string

	hasTransport bool
	transport    string // the HTTP client's error: what follows Get "URL":

	name  *string // what named returned
	start []int   // of the registry's words in text; nil before it was looked for

	code  string // the registry's error code: "denied", "manifest unknown"
	words string // what the registry said beside code and status

	quoted bool // dockerd gives the registry's words, without code or status
}

func parse(ref, text string) *facts {
	// What Podman says of itself is the code of a registry, too.
	text = strings.ReplaceAll(text, "internal error: unable to copy from", "unable to copy from")
	f := &facts{ref: ref, text: text, low: lower(text)}
	f.core = unwrap(text)
	f.parseToken(f.parseStatus())
	if f.token != "" {
		f.parseTokenAnswer()
	}
	f.parseTransport()
	f.parseCode()
	return f
}

// known counts what could be read: a wrapped line hides some of it.
func (f *facts) known() int {
	n := 0
	for _, ok := range []bool{f.status > 0, f.code != "", strings.Contains(f.url, "/manifests/") || strings.Contains(f.url, "/blobs/"), strings.Contains(f.url, "?")} {
		if ok {
			n++
		}
	}
	return n
}

// parseToken looks for BuildKit's two phrases before the status: behind it they
// are the words of a registry, for example of a pull-through cache.
func (f *facts) parseToken(before int) {
	for _, p := range []string{tokenWithCredentials, tokenAnonymous} {
		if i := strings.Index(f.low, p); i >= 0 && i < before && !f.quotedByRegistry(i) {
			before, f.token = i, p
			f.core = strings.TrimSpace(strings.TrimLeft(f.text[i+len(p):], ": "))
		}
	}
	f.core = unwrap(f.core)
}

// quotedByRegistry tells whether an error code stands before i: what follows it
// are the registry's words.
func (f *facts) quotedByRegistry(i int) bool {
	head := f.low[:i]
	return strings.Contains(head, "denied: ") && !strings.Contains(head, "pull access denied") ||
		strings.Contains(head, "unauthorized: ") || strings.Contains(head, "unknown: ")
}

// transportForms open the error of Go's HTTP client. Its methods are in title
// case, unlike npm's and apt's, and those of go-containerregistry (imageCalls).
var transportForms = []string{`Get "http`, `Head "http`, `Post "http`, `Get \"http`, `Head \"http`, `Post \"http`, `Get http`, `Head http`, `Post http`}

func (f *facts) parseTransport() {
	at, form := len(f.text), ""
	for _, p := range transportForms {
		if i := strings.Index(f.text, p); i >= 0 && i < at && (i == 0 || !isWord(f.text[i-1])) {
			at, form = i, p
		}
	}
	if form == "" {
		f.parseImageCall()
		return
	}
	if f.status > 0 && strings.Contains(f.said(), lower(f.text[at:])) && !strings.Contains(f.low, "(http code ") {
		return
	}
	url := f.text[at+len(form)-len("http"):]
	end := strings.Index(url, ": ")
	if strings.Contains(form, `"`) {
		if q := strings.Index(url, `"`); q >= 0 {
			end = q
		}
	}
	if end < 0 {
		return
	}
	f.hasTransport = true
	f.transport = strings.TrimLeft(url[end:], "\\\": ")
	if f.url == "" {
		f.url = urlAt(url[:end])
		f.method, _, _ = strings.Cut(form, " ")
	}
}

// imageCalls open an error of go-containerregistry, which kaniko, pack, ko, crane and
// skaffold use: `GET https://HOST/v2/NAME/manifests/TAG: CODE: message; [map[...]]`.
var imageCalls = compiled(`\b(GET|HEAD|POST|PUT|PATCH) (https?://[^\s"']+(?:/v2/|/token\?)[^\s"']*?)(?:: | \{ ?"errors": ?\[ ?\{ ?"code")`)

func (f *facts) parseImageCall() {
	if !strings.Contains(f.low, "/v2/") && !strings.Contains(f.low, "/token?") {
		return
	}
	m := imageCalls().FindStringSubmatchIndex(f.text)
	if m == nil || f.url != "" {
		return
	}
	f.hasTransport = true
	f.method, f.url = f.text[m[2]:m[3]], f.text[m[4]:m[5]]
	f.transport, _, _ = strings.Cut(f.text[m[1]:], "; [map[")
	f.transport, _, _ = strings.Cut(f.transport, "; map[")
}

// codes are the error codes of the distribution specification as containerd and
// dockerd print them, and the few others that registries use.
var codes = []string{
	"denied", "unauthorized", "toomanyrequests", "manifest unknown", "name unknown", "blob unknown",
	"manifest_unknown", "name_unknown", "unauthenticated", "unavailable", "unknown", "unsupported",
	"name invalid", "internal error", "projectpolicyviolation", "access denied", "unauthorized_client",
}

// parseCode reads "code: message" where the registry's answer begins.
func (f *facts) parseCode() {
	switch {
	case f.status > 0 && f.words != "" && !strings.Contains(f.low, "(http code "):
		f.takeCode(f.words)
	case f.hasTransport:
		f.takeCode(f.transport)
	case f.status > 0:
	case f.token == "" && strings.Contains(f.low, fromRegistry):
		f.quoted, f.words = true, f.text[strings.Index(f.low, fromRegistry)+len(fromRegistry):]
		f.takeCode(f.words)
	case f.token != "":
		f.words = f.core
		f.takeCode(f.core)
	default:
		f.findCode()
	}
	if f.code == "" && f.token == "" && (f.status == 0 || f.words == "") {
		f.parseJSON()
		f.parseBareWords()
	}
}

// parseBareWords reads the messages that containers/image (Podman, Buildah, Skopeo)
// shows without their codes, at the end of its own words.
func (f *facts) parseBareWords() {
	if f.code != "" || f.status != 0 || !containsAny(f.low, []string{"reading manifest ", "/blobs/uploads/ in ", "initializing source docker://", "checking whether a blob "}) {
		return
	}
	end := strings.TrimRight(f.low, ". ")
	if f.named() == "" {
		return
	}
	for words, code := range map[string]string{
		": requested access to the resource is denied": "denied", ": authentication required": "unauthorized", ": unauthorized": "unauthorized",
	} {
		if strings.HasSuffix(end, words) {
			f.code, f.words = code, words[2:]
		}
	}
}

// parseJSON reads the registry's error where a tool prints it as it came.
func (f *facts) parseJSON() {
	if !strings.Contains(f.text, `"errors"`) {
		return
	}
	if m := jsonError().FindStringSubmatch(f.text); m != nil && f.takeCode(m[1]) {
		f.words = m[2]
	}
}

var jsonError = compiled(`"errors": ?\[ ?\{ ?"code": ?"([A-Z_]+)"(?:, ?"message": ?"([^"]*))?`)

// fromRegistry is what dockerd with the containerd image store puts before the
// registry's message (moby, daemon/containerd/registry_errors.go).
const fromRegistry = "error from registry: "

func (f *facts) takeCode(s string) bool {
	low := lower(s)
	for _, c := range codes {
		rest, ok := strings.CutPrefix(low, c)
		if ok && (rest == "" || rest[0] == ':' || rest[0] == '"' || rest[0] == ' ' && c != "unknown") {
			f.code = c
			f.words = strings.TrimLeft(s[len(c):], ": ")
			return true
		}
	}
	return false
}

// registryContext are phrases of BuildKit and dockerd about an image: a code
// elsewhere ("remote: denied: ...") is not a registry's.
var registryContext = []string{
	"error response from daemon: ", "error pulling image configuration: ", "pull access denied for ",
	"manifest for ", "error reading manifest ", "step 1/", "failed to resolve source metadata for ",
	"download failed after attempts", "failed to copy: ", "failed to push ", "failed to resolve reference ", "toomanyrequests: ", "no basic auth credentials",
	"/blobs/uploads/", "reading manifest ", "initializing source docker://", "could not push image ",
}

// findCode looks for a code behind dockerd's phrases, and behind ours where the
// rest is nothing but the registry's answer, or where the image is known. Codes are in lower case and have a
// message: "Error: Unauthorized" is another program's.
func (f *facts) findCode() {
	first, _, ok := strings.Cut(f.core, ":")
	bare := strings.HasPrefix(f.low, "error response from daemon: ") && len(f.core) < 32
	if (ok || f.ref != "" || bare) && lower(first) == first && f.takeCode(f.core) {
		return
	}
	if f.ref == "" && !containsAny(f.low, registryContext) {
		return
	}
	for i := 0; i < len(f.low); {
		j := strings.Index(f.low[i:], ": ")
		if j < 0 {
			return
		}
		for _, c := range codes {
			start := i + j - len(c)
			if start > 1 && f.text[start:i+j] == c && f.begins(start) && f.takeCode(f.text[start:]) {
				return
			}
		}
		i += j + 2
	}
}

// begins tells whether a code can stand at i: "exec: permission denied: unknown" has
// none.
func (f *facts) begins(i int) bool {
	return f.low[i-1] == ' ' && !strings.HasSuffix(f.low[:i], "permission ") && !strings.HasSuffix(f.low[:i], "permission denied: ")
}

func containsAny(s string, list []string) bool {
	return slices.ContainsFunc(list, func(p string) bool { return strings.Contains(s, p) })
}

func hasAnyPrefix(s string, list []string) bool {
	return slices.ContainsFunc(list, func(p string) bool { return strings.HasPrefix(s, p) })
}

// plain: nobody answered with a status or code, and no token was asked for.
func (f *facts) plain() bool {
	return f.status == 0 && f.code == "" && f.token == "" && !f.hasTransport && !f.quoted
}

// answered: the registry itself is speaking.
func (f *facts) answered() bool { return f.status > 0 || f.code != "" || f.hasTransport || f.quoted }

// said is what the registry said, lowered.
func (f *facts) said() string { return lower(f.words) }
