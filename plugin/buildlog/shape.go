package buildlog

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/distribution/reference"
)

// maxForm is the length up to which a line is looked at for its form, in bytes:
// one that is longer is the output of something else.
const maxForm = 4 << 10

// opens tells whether a line begins an error of docker, buildx or buildctl.
func opens(text string) bool {
	return forms().opener.MatchString(text[:min(len(text), 256)])
}

// logPhrases are those by which a line of a log can be told from the output of
// anything else, in lower case. A bare word is not among them: npm, apt, git and
// curl say "denied" and "403" too.
var logPhrases = []string{
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
	"cannot be authenticated with the token provided",
}

// mentions tells whether a line holds a phrase by which BuildKit, dockerd and
// their helpers report what a registry answered. It is cheap; that the line is
// about a registry only diagnosis can tell.
func mentions(line string) bool {
	low := strings.ToLower(line)
	holds := func(phrase string) bool { return strings.Contains(low, phrase) }
	return slices.ContainsFunc(logPhrases, holds) ||
		holds("/v2/") && slices.ContainsFunc([]string{`get "http`, `head "http`, `get http`, `head http`}, holds)
}

// terminalStep reads a line of the progress in a terminal: " => ERROR [internal]
// load metadata for REF   0.3s". Only of a failed step the name is of interest.
func terminalStep(text string) (failed string, ok bool) {
	text, ok = strings.CutPrefix(strings.TrimPrefix(text, " "), "=> ")
	failed, isError := strings.CutPrefix(text, "ERROR ")
	if !isError {
		failed = ""
	}
	return failed, ok
}

// trimElapsed removes the time that compose prints at the end of an error.
func trimElapsed(text string) string {
	head, last, ok := cutLast(strings.TrimRight(text, " "), "  ")
	if !ok || !strings.HasSuffix(last, "s") || strings.Trim(last, "0123456789.s") != "" {
		return text
	}
	return strings.TrimRight(head, " ")
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
	return text != "" && strings.IndexByte("#0123456789", text[0]) >= 0 && forms().stepOutput.MatchString(text[:min(len(text), 64)])
}

// The forms of a line, as buildx and buildctl print them. What the errors in
// them say is not looked at here.
type patterns struct {
	stepOutput *regexp.Regexp // "#9 0.312 text", of a section "0.312 text"
	vertex     *regexp.Regexp // "#9 text"
	section    *regexp.Regexp // " > [internal] load metadata for REF:"
	place      *regexp.Regexp // "Dockerfile:3"
	snippet    *regexp.Regexp // "   3 | >>> FROM REF"
	classic    *regexp.Regexp // "Step 1/3 : FROM REF"
	classicEnd *regexp.Regexp // a RUN step of the classic builder is over
	opener     *regexp.Regexp // a line that begins an error of docker, buildx or buildctl
}

var forms = sync.OnceValue(func() patterns {
	return patterns{
		stepOutput: regexp.MustCompile(`^(?:#\d+ )?\d+\.\d+ `),
		vertex:     regexp.MustCompile(`^#(\d+) (.*)$`),
		section:    regexp.MustCompile(`^ ?> (.*?):?$`),
		place:      regexp.MustCompile(`^(\S.*):(\d+)$`),
		snippet:    regexp.MustCompile(`^\s*(\d+) \| (>>> |    )(.*)$`),
		classic:    regexp.MustCompile(`^Step \d+(?:/\d+)? ?: ([A-Za-z]+)\s+(.*)$`),
		classicEnd: regexp.MustCompile(`^(?:Removing intermediate container|Removed intermediate container| ---> [0-9a-f]{6,}| ---> Removed|Successfully built [0-9a-f]{12}$|Successfully tagged \S+:\S+$|The command '.*' returned a non-zero code|ERROR: Service .* failed to build)`),
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

// isCacheImport: nothing depends on what such a step finds.
func isCacheImport(name string) bool {
	return strings.HasPrefix(name, "importing cache manifest from ")
}

// imageName is the first word of s where it is an image that can be pulled.
func imageName(s string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(s), " ")
	word = strings.TrimSuffix(word, ":")
	word = strings.TrimPrefix(word, "docker-image://")
	if word == "" || word == "scratch" || strings.ContainsAny(word, "$\"'`") {
		return ""
	}
	if _, err := reference.ParseNormalizedNamed(word); err != nil {
		return ""
	}
	return word
}

// instructionImage is the image that a Dockerfile's instruction names literally.
func instructionImage(text string) string {
	fields := strings.Fields(text)
	if len(fields) < 2 {
		return ""
	}
	switch strings.ToUpper(fields[0]) {
	case "FROM":
		for _, f := range fields[1:] {
			if !strings.HasPrefix(f, "--") {
				return imageName(f)
			}
		}
	case "COPY", "ADD", "RUN":
		for _, f := range fields[1:] {
			if !strings.HasPrefix(f, "--") {
				break
			}
			if _, from, ok := strings.Cut(f, "from="); ok {
				from, _, _ = strings.Cut(from, ",")
				return imageName(from)
			}
		}
	}
	return ""
}

// sameImage compares two names of images; one without a tag is any of them.
func sameImage(a, b string) bool {
	x, err := reference.ParseNormalizedNamed(a)
	if err != nil {
		return a == b
	}
	y, err := reference.ParseNormalizedNamed(b)
	if err != nil {
		return false
	}
	if !strings.EqualFold(x.Name(), y.Name()) {
		return false
	}
	tx, okx := tagOf(x)
	ty, oky := tagOf(y)
	return !okx || !oky || tx == ty
}

func tagOf(n reference.Named) (string, bool) {
	if t, ok := n.(reference.Tagged); ok {
		return t.Tag(), true
	}
	if d, ok := n.(reference.Digested); ok {
		return d.Digest().String(), true
	}
	return "latest", false
}
