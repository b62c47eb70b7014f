package diagnosis

import (
	"regexp"
	"strings"
	"sync"
)

const (
	// maxText bounds the text that is looked at, in bytes. BuildKit's own
	// errors stay far below; of a longer build log the end is kept, where the
	// error stands, and a little of the beginning.
	maxText     = 16 << 10
	maxTextHead = 4 << 10

	// minWrapped is the length from which a line may have been cut by a
	// terminal in the middle of a word: half of the classic 80 columns would
	// join the short lines of a message, the full 80 miss narrow CI logs.
	minWrapped = 60
)

// linePrefix is what progress output and CI systems put before a line.
var linePrefix = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:\s{2,}|\d{4}-\d\d-\d\dT[\d:.,]+(?:Z|[+-][\d:]+)?\s|\d{4}-\d\d-\d\d [\d:.,]+\s|\[\d[\d:., TZ-]*\]\s?|Step #\d+(?: - "[^"]*")?: |#\d+ (?:ERROR: )?|\d+ ERROR: )+`)
})

// stepOutput is a line that a RUN step printed: "#8 1.358 npm ERR! ...".
// Whatever it says, no registry said it to BuildKit.
var stepOutput = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:[^#]{0,40}\s)?#\d+ \d+\.\d+ `)
})

// snippetLine is a line of the Dockerfile excerpt below an error.
var snippetLine = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\s*\d+ \|( |$)`)
})

// readings gives the text as it can have been meant: with its lines folded into
// one, joined as if a terminal had cut each, and joined only where the line is
// as long as the longest. A cut makes a phrase unreadable and hardly ever another
// one of it, so the first matcher that holds in any reading is right.
//
// Secrets are redacted first: a part of a text may have lost the word that tells
// that something is one.
func readings(text string) []string {
	return verbatim(redactUncut(bound(text)))
}

// verbatim is readings without redaction, for what is compared and never printed.
func verbatim(text string) []string {
	text = strings.ReplaceAll(bound(text), "\r", "")
	if !strings.Contains(text, "\n") {
		return []string{strings.TrimSpace(trimLine(text))}
	}
	lines := errorLines(text)
	longest := 0
	for _, line := range lines {
		longest = max(longest, len(line))
	}
	folded := joinLines(lines, func(string) bool { return false })
	if longest < minWrapped {
		return []string{folded}
	}
	return []string{
		folded,
		joinLines(lines, func(line string) bool { return len(line) >= minWrapped }),
		joinLines(lines, func(line string) bool { return len(line) >= longest-1 }),
	}
}

func bound(text string) string {
	if len(text) <= maxText {
		return text
	}
	return text[:maxTextHead] + "\n" + text[len(text)-(maxText-maxTextHead):]
}

// errorLines drops what RUN steps printed and the Dockerfile excerpt.
func errorLines(text string) []string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if stepOutput().MatchString(line) || snippetLine().MatchString(line) {
			continue
		}
		if line = trimLine(line); strings.TrimSpace(line) != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// trimLine removes the prefixes of one line. Only a prefix is removed, so the
// length that tells a wrapped line is that of the text, and a single leading
// space stays: a terminal may have cut before it.
func trimLine(line string) string {
	if line == "" || !strings.ContainsRune("0123456789#[S \t", rune(line[0])) {
		return line
	}
	return line[len(linePrefix().FindString(line)):]
}

func joinLines(lines []string, cut func(string) bool) string {
	var b strings.Builder
	for i, line := range lines {
		b.WriteString(line)
		if i+1 < len(lines) && !cut(line) && !strings.HasSuffix(line, " ") && !strings.HasPrefix(lines[i+1], " ") {
			b.WriteByte(' ')
		}
	}
	return b.String()
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
	"server message: ", "failed to do request: ", "could not resolve image due to policy: ",
}

// unwrap strips the wrappers, targets and names of images before the error.
func unwrap(s string) string {
	for {
		before := s
		s = strings.TrimSpace(s)
		low := lower(s[:min(len(s), 128)])
		for _, w := range wrappers {
			if strings.HasPrefix(low, w) {
				s = s[len(w):]
				break
			}
		}
		if s == before {
			s = trimName(s)
		}
		if s == before {
			return s
		}
	}
}

// trimName removes "target NAME: ", "failed to resolve source metadata for
// REF: " and "REF: ", but not the name that "REF: not found" speaks of.
func trimName(s string) string {
	head, rest, ok := strings.Cut(s, ": ")
	if !ok || rest == "not found" {
		return s
	}
	for _, p := range []string{"target ", "failed to resolve source metadata for "} {
		if name, ok := strings.CutPrefix(head, p); ok && !strings.ContainsAny(name, " \"") {
			return rest
		}
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
