package buildlog

import (
	"regexp"
	"strings"
	"sync"

	"github.com/org/pullsafe/frontend/diagnosis"
)

// diagnose explains a text of one or more lines of a log.
func diagnose(ref, text string) diagnosis.Diagnosis {
	d := diagnosis.Diagnose(ref, readings(text)...)
	d.Host = checkedHost(d.Host)
	return d
}

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

// readings gives a text as it can have been meant: with its lines folded into one,
// joined as if a terminal had cut each, and joined only where the line is as long as
// the longest.
func readings(text string) []string {
	text = strings.ReplaceAll(text, "\r", "")
	if !strings.Contains(text, "\n") {
		return []string{strings.TrimSpace(trimLine(text))}
	}
	lines := errorLines(text)
	longest := 0
	for _, line := range lines {
		longest = max(longest, len(line))
	}
	folded := joinLines(lines, func(string) bool { return false })
	if longest < minCut {
		return []string{folded}
	}
	return []string{
		folded,
		joinLines(lines, func(line string) bool { return len(line) >= minCut }),
		joinLines(lines, func(line string) bool { return len(line) >= longest-1 }),
	}
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
