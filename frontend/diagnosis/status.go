package diagnosis

import (
	"strconv"
	"strings"
)

// statusForms are the phrases after which an HTTP status stands.
var statusForms = []string{
	"unexpected status from ",          // containerd >= 1.7
	"unexpected status code ",          // containerd 1.4 - 2.0
	"unexpected status: ",              // tokens, containerd <= 1.6
	"unexpected head status code ",     // foreign URLs
	"failed with status code ",         // containerd 1.5, 1.6
	"authorization status: ",           // BuildKit 0.9
	"received unexpected http status:", // dockerd
	"error parsing http ",              // dockerd
	"invalid status code from registry ",
	"failed with status: ",          // docker login
	"registry returned error code ", // jib
	"unauthorized for ",             // jib
	"(http code ",                   // docker API clients
}

// parseStatus finds the first such phrase and gives its place, or the length of
// the text. An image tag or a port that looks like a status has no such phrase.
func (f *facts) parseStatus() int {
	at, form := len(f.low), ""
	for _, p := range statusForms {
		if i := strings.Index(f.low, p); i >= 0 && i < at {
			at, form = i, p
		}
	}
	if form == "" {
		return at
	}
	rest := f.text[at+len(form):]
	if i := strings.Index(rest, "request to "); i >= 0 && i < 16 {
		f.method = strings.TrimSpace(rest[:i])
		f.url = urlAt(rest[i+len("request to "):])
	} else if strings.HasPrefix(rest, "http") {
		f.url = urlAt(rest)
	} else if _, to, ok := strings.Cut(f.text[:at], "login attempt to http"); ok { // docker login
		f.url = urlAt("http" + to)
	}
	f.takeStatus(rest)
	return at
}

// parseTokenAnswer looks at what follows the token phrase: with "403 Forbidden:
// body" the status was not printed by a form of ours, and behind an error code
// any form of ours is the registry's quotation.
func (f *facts) parseTokenAnswer() {
	switch n := statusNumber(f.core); {
	case n > 0 && strings.HasPrefix(f.core[3:], " "):
		f.takeStatus(f.core)
	case f.takeCode(f.core):
		f.status, f.url, f.method = 0, "", ""
	}
}

// takeStatus finds the number at the start of s or after ": ", and what follows.
func (f *facts) takeStatus(s string) {
	s = strings.TrimLeft(s, " ")
	for i := 0; i < len(s); {
		if n := statusNumber(s[i:]); n > 0 {
			f.status = n
			f.takeBody(s[i+3:])
			return
		}
		j := strings.Index(s[i:], ": ")
		if j < 0 {
			return
		}
		i += j + 2
	}
}

func (f *facts) takeBody(s string) {
	s = strings.TrimLeft(s, " )")
	if reason := reasons[f.status]; strings.HasPrefix(lower(s), lower(reason)) {
		s = s[len(reason):]
	}
	s = strings.TrimLeft(s, " :-\n")
	for _, p := range []string{"server message: ", "response body: ", `{"details":"`} {
		if strings.HasPrefix(lower(s), p) {
			s = s[len(p):]
		}
	}
	f.words = s
}

// statusNumber reads a status at the start of s, 0 if there is none.
func statusNumber(s string) int {
	if len(s) < 3 || (len(s) > 3 && (isWord(s[3]) || s[3] == '.')) {
		return 0
	}
	n, err := strconv.Atoi(s[:3])
	if err != nil || n < 100 || n > 599 {
		return 0
	}
	return n
}

func isWord(b byte) bool {
	return b == '_' || '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}

// urlAt is the URL or host at the start of s.
func urlAt(s string) string {
	if i := strings.IndexAny(s, " \"\\'"); i >= 0 {
		s = s[:i]
	}
	return strings.TrimRight(s, ":")
}

// reasons are the texts of statuses that registries and what stands before them
// answer with. net/http has them all, but must not be linked for them.
var reasons = map[int]string{
	301: "Moved Permanently", 302: "Found", 307: "Temporary Redirect", 308: "Permanent Redirect",
	400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
	405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout",
	409: "Conflict", 410: "Gone", 412: "Precondition Failed", 415: "Unsupported Media Type", 418: "I'm a teapot",
	421: "Misdirected Request",
	429: "Too Many Requests", 451: "Unavailable For Legal Reasons", 500: "Internal Server Error",
	501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
}
