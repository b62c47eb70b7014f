package buildlog

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// maxForm is the length up to which a line is looked at for its form, in bytes:
// one that is longer is the output of something else.
const maxForm = 4 << 10

// opens tells whether a line begins an error of docker, buildx or buildctl.
func opens(text string) bool {
	head := text[:min(len(text), 256)]
	return mayOpen(head) && forms().opener.MatchString(head)
}

// openerWords begin all that the form of an opener matches, but for the lines of
// services, which have openerMarks in them.
var (
	openerWords = []string{"ERROR", "Error", "error", "docker", "failed to ", "target ", "Build error", "buildx ", "fatal"}
	openerMarks = newPhrases(false, " Error ", " Warning ", " Interrupted ", " error ")
)

func mayOpen(head string) bool {
	if head == "" {
		return false
	}
	if strings.IndexByte("EedftBb", head[0]) >= 0 && slices.ContainsFunc(openerWords, func(w string) bool { return strings.HasPrefix(head, w) }) {
		return true
	}
	return openerMarks.in(head)
}

// logPhrases are those by which a line of a log can be told from the output of
// anything else, in lower case. A bare word is not among them: npm, apt, git and
// curl say "denied" and "403" too.
var logPhrases = newPhrases(true,
	"failed to fetch oauth token", "failed to fetch anonymous token", "failed to authorize",
	"pull access denied", "failed to resolve source metadata for ", "failed to resolve reference ",
	"failed to copy: ", "httpreadseeker: ", "httpreaderseeker: ", "failed to do request: ",
	"unexpected status from ", "unexpected status code ", "server message: ", "authorization status: ",
	"error response from daemon: ", "error pulling image configuration: ", "error parsing http ",
	"error getting credentials - err: ", "error listing credentials - err: ", "credentials store error: ",
	"docker.credentials.errors.", "invoking docker-credential-", "(gcloud.auth.docker-helper)",
	"toomanyrequests", "manifest unknown", "no matching manifest for ", "no match for platform in",
	"error reading manifest ", "pulling from host ", "no basic auth credentials", "failed to push ",
	"failed to pull image ", "failed to pull and unpack image ", "unable to pull image ", "(http code ",
	"failed to solve: ", "failed to solve with frontend ", "denied by policy", "not allowed by policy",
	"due to policy: ", "image access restricted", "session: context deadline exceeded",
	"requested access to the resource is denied", "unauthorized: authentication required",
	"cannot be authenticated with the token provided", "/blobs/uploads/", "error storing credentials - err: ",
	"registry returned error code ", "too many failed login attempts", "bad record mac", "filesystem layer verification failed", "dockerpycreds.errors.", "credentials store docker-credential-",
	"could not push image ", "unauthorized for ", "reading manifest ", "checking whether a blob ", "initializing source docker://",
	"unexpected commit digest ",
)

// calls are of a request to a registry, as the HTTP clients of Go name it; their
// addresses have one of callPaths.
var (
	calls     = newPhrases(true, `get "http`, `head "http`, `post "http`, `put "http`, "get http", "head http", "post http", "put http", "patch http")
	callPaths = newPhrases(false, "/v2/", "/token?")
)

// mentions tells whether a line holds a phrase by which BuildKit, dockerd and
// their helpers report what a registry answered. It is cheap; that the line is
// about a registry only diagnosis can tell.
func mentions(line string) bool {
	return logPhrases.in(line) || callPaths.in(line) && calls.in(line)
}

// terminalStep reads a line of the progress in a terminal: " => ERROR [internal]
// load metadata for REF   0.3s".
func terminalStep(text string) (name string, failed, ok bool) {
	name, ok = strings.CutPrefix(strings.TrimPrefix(text, " "), "=> ")
	name, failed = strings.CutPrefix(name, "ERROR ")
	return name, failed, ok
}

// trimElapsed removes what programs print behind an error: compose the time, GitLab's
// runner the line of its source, Maven where to read on.
func trimElapsed(text string) string {
	if strings.HasSuffix(text, ")") || strings.HasSuffix(text, "]") {
		text = sourceLine.get().ReplaceAllString(text, "")
	}
	head, last, ok := cutLast(strings.TrimRight(text, " "), "  ")
	if !ok || !strings.HasSuffix(last, "s") || strings.Trim(last, "0123456789.s") != "" {
		return text
	}
	return strings.TrimRight(head, " ")
}

var sourceLine = expr(` (?:\(\w+\.go:\d+:\d+m?s\)|-> \[Help \d\])$`)

// quotes tells whether an error can hold somebody else's words: those of BuildKit
// alone have no colon behind what docker and buildx put before them.
func quotes(text string) bool {
	return strings.Contains(text[len(forms().openers.FindString(text)):], ":")
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// isStepOutput tells whether a RUN step printed the line.
func isStepOutput(text string) bool {
	if strings.HasPrefix(text, "#") {
		rest, ok := cutDigits(text[1:])
		if !ok || !strings.HasPrefix(rest, " ") {
			return false
		}
		text = rest[1:]
	}
	seconds, ok := cutDigits(text)
	if !ok || !strings.HasPrefix(seconds, ".") {
		return false
	}
	rest, ok := cutDigits(seconds[1:])
	return ok && strings.HasPrefix(rest, " ")
}

// cutDigits is s without the digits at its start; false when it has none.
func cutDigits(s string) (rest string, ok bool) {
	n := 0
	for n < len(s) && n < 20 && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return s[n:], n > 0
}

// vertexLine parts "#9 text".
func vertexLine(text string) (n int, rest string, ok bool) {
	if !strings.HasPrefix(text, "#") {
		return 0, "", false
	}
	rest, ok = cutDigits(text[1:])
	if !ok || !strings.HasPrefix(rest, " ") {
		return 0, "", false
	}
	n, err := strconv.Atoi(text[1 : len(text)-len(rest)])
	return n, rest[1:], err == nil
}

// The forms of a line, as buildx and buildctl print them. What the errors in
// them say is not looked at here.
type patterns struct {
	section    *regexp.Regexp // " > [internal] load metadata for REF:"
	classic    *regexp.Regexp // "Step 1/3 : FROM REF"
	classicEnd *regexp.Regexp // a RUN step of the classic builder is over
	opener     *regexp.Regexp // a line that begins an error of docker, buildx or buildctl
	openers    *regexp.Regexp // all that stands before the error itself
}

var forms = sync.OnceValue(func() patterns {
	return patterns{
		section:    regexp.MustCompile(`^ ?> (.*?):?$`),
		classic:    regexp.MustCompile(`^(?:Step|STEP) \d+(?:/\d+)? ?: ([A-Za-z]+)\s+(.*)$`),
		classicEnd: regexp.MustCompile(`^(?:Removing intermediate container|Removed intermediate container| ---> [0-9a-f]{6,}| ---> Removed|Successfully built [0-9a-f]{12}$|Successfully tagged \S+:\S+$|The command '.*' returned a non-zero code|ERROR: Service .* failed to build|--> [0-9a-f]{6,}|[Ee]rror: (?:error )?building at STEP )`),
		openers:    regexp.MustCompile(`^(?:(?:ERROR|error|Error|buildx failed with|failed to build|failed to solve|target [\w.-]+): )+`),
		opener: regexp.MustCompile(`^(?:ERROR|error|Error response from daemon|docker|failed to solve|failed to build|(?:ERROR: )?target [\w.-]+): ` +
			`|^(?:Error|Build error|Error response from daemon|fatal|buildx (?:call )?failed with)\b.{0,80}?: ` +
			`|^failed to solve with frontend ` +
			`|^\s*(?:[✘x!⠿] )?(?:Image |Service )?\S+ +(?:Error|Warning|Interrupted|error) `),
	}
})

const (
	ruler       = "------"               // around the output of a failed step
	longRuler   = "--------------------" // around an excerpt of a Dockerfile
	firstVertex = "[internal] load build definition"
)

// stepImage is the image whose metadata a step asks for, or "".
func stepImage(name string) string {
	for _, p := range []string{"load metadata for ", "resolve image config for docker-image://", "resolve image config for ", "importing cache manifest from "} {
		if _, rest, ok := strings.Cut(name, p); ok {
			return imageName(rest)
		}
	}
	name = name[strings.LastIndex(name, "] ")+1:]
	name = strings.TrimSpace(name)
	for _, p := range []string{"FROM ", "docker-image://"} {
		if rest, ok := strings.CutPrefix(name, p); ok {
			return imageName(rest)
		}
	}
	return ""
}
