package diagnosis

import (
	"slices"
	"strings"
)

// maxText bounds the text that is looked at, in bytes; BuildKit's own errors stay far
// below. The end is kept, where the error stands, and a little of the beginning.
const (
	maxText     = 16 << 10
	maxTextHead = 4 << 10
)

func bound(text string) string {
	if len(text) <= maxText {
		return text
	}
	return text[:maxTextHead] + "\n" + text[len(text)-(maxText-maxTextHead):]
}

// oneLine folds the lines of a text: containerd puts the registry's own words below
// the status.
func oneLine(text string) string {
	text = strings.ReplaceAll(bound(text), "\r", "")
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			b.WriteString(line + " ")
		}
	}
	return strings.TrimSpace(b.String())
}

// registryStart is where the first answer of a registry begins: a phrase of BuildKit's
// that quotes one, or an error code in front of a message.
var registryStart = compiled(tokenWithCredentials + "|" + tokenAnonymous + `|unexpected (?:status|http )|server message: |` +
	`\b(?:Get|Head|Post) \\?"?http|(?:^| )(?:` + strings.Join(codes, "|") + `): `)

// beforeRegistry is the part of one line of text that no registry can have written.
func beforeRegistry(text string) string {
	if at := registryStart().FindStringIndex(text); at != nil {
		return text[:at[0]]
	}
	return text
}

// registryStart is where the first answer of a registry begins, nil without one.
func (f *facts) registryStart() []int {
	if f.start == nil {
		if f.start = registryStart().FindStringIndex(f.text); f.start == nil {
			f.start = []int{}
		}
	}
	if len(f.start) == 0 {
		return nil
	}
	return f.start
}

// beforeRegistry is the part of the text that no registry can have written.
func (f *facts) beforeRegistry() string {
	if at := f.registryStart(); at != nil {
		return f.text[:at[0]]
	}
	return f.text
}

// wrappers are what tools put before BuildKit's error, by tool and time.
var wrappers = []string{
	"error: ", "build error: ", "fatal: ", "buildx failed with: ", "buildx call failed with: ",
	"failed to build: ", "failed to solve: ", "failed to solve with frontend dockerfile.v0: ",
	"failed to solve with frontend gateway.v0: ", "failed to run build function: ",
	"failed to create llb definition: ", "failed to build llb: ", "failed to load cache key: ",
	"failed to compute cache key: ", "rpc error: code = unknown desc = ", "deadlineexceeded: ",
	"unknown: rpc error: ", "failed to authorize: ", "failed to authorize redirect: ", "failed to copy: ",
	"httpreadseeker: failed open: ", "httpreaderseeker: failed open: ", "error response from daemon: ",
	"docker: ", "errors: ", "error pulling image configuration: ",
	"pull access denied, repository does not exist or may require authorization: ",
	"error creating build container: ", "creating build container: ", "unable to copy from source ",
	"server message: ", "failed to do request: ", "could not resolve image due to policy: ",
}

// unwrap strips the wrappers, targets and names of images before the error.
func unwrap(s string) string {
	for {
		before := s
		s = strings.TrimSpace(s)
		low := lower(s[:min(len(s), 128)])
		if i := slices.IndexFunc(wrappers, func(w string) bool { return strings.HasPrefix(low, w) }); i >= 0 {
			s = s[len(wrappers[i]):]
		} else if s = trimName(s); s == before {
			return s
		}
	}
}

// namedPhrases are phrases of BuildKit's before which it puts a name.
var namedPhrases = []string{
	"failed to resolve source metadata for ", "pull access denied, repository does not exist", "failed to authorize: ", "failed to fetch ",
	"failed to copy: ", "failed to do request: ", "unexpected status ", "pulling from host ",
}

// trimName removes "target NAME: ", "failed to resolve source metadata for
// REF: " and "REF: ", but not the name that "REF: not found" speaks of.
func trimName(s string) string {
	head, rest, ok := strings.Cut(s, ": ")
	if !ok || rest == "not found" {
		return s
	}
	for _, p := range []string{"target ", "failed to resolve source metadata for ", "failed resolve source metadata for "} {
		if name, ok := strings.CutPrefix(head, p); ok && !strings.ContainsAny(name, " \"") {
			return rest
		}
	}
	if strings.HasPrefix(head, "Service '") && strings.HasSuffix(strings.TrimSpace(head), "' failed to build") {
		return rest
	}
	// A stage or a name as the Dockerfile has it, which BuildKit puts before its own phrase.
	if !strings.ContainsAny(head, " \"'") && hasAnyPrefix(rest, namedPhrases) {
		return rest
	}
	if !strings.ContainsAny(head, " \"'") && (strings.ContainsAny(head, "/:") || strings.Trim(head, "*") == "") {
		return rest
	}
	return s
}

// lower lowers ASCII only and byte by byte, so that indexes stay valid in the
// original whatever its encoding.
func lower(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}
