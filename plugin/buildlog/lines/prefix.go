package lines

import (
	"regexp"
	"strings"
	"sync"
)

// ciPrefix is what CI systems and log collectors put before a line: a time in
// some form, a level, the name of a job. The list is a hint for logs that are too
// short to learn from, and for lines of another form than the rest.
var ciPrefix = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:` + strings.Join([]string{
		`\x{feff}`,
		// GitHub, GitLab ("00O ", "01E+"), Azure, Drone, CodeBuild
		`\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d[\d.,]*(?: ?Z| ?[+-]\d\d:?\d\d)?(?: \d\d[OE][ +])?[ \t|]*`,
		// Jenkins, TeamCity, Coolify ("2024-Jul-07 10:00:00.1")
		`\[[^\]\[]{0,40}\d\d:\d\d(?::\d\d)?[^\]\[]{0,20}\][WE]?:? ?\t?`,
		`\d{4}-[A-Z][a-z]{2}-\d\d \d\d:\d\d:\d\d[\d.,]*[ \t|]*`, // Coolify
		`\d\d:\d\d:\d\d(?:[.,]\d+)?[ \t]+`,
		`[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?: [AP]M)?(?: [\w.-]+ [\w./-]+(?:\[\d+\])?:)?[ \t]+`, // syslog, Render
		`##\[[a-z]+\]`, // GitHub, Azure
		`\[(?:INFO|ERROR|WARN|WARNING|DEBUG)\] {1,2}(?:DOCKER> )?`, // Maven
		`::(?:error|warning|notice|debug)(?: [^:]{0,200})?::`,
		`\[Container\] `,                  // CodeBuild
		`Step #\d+(?: - "[^"]{0,80}")?: `, // Google Cloud Build
		` {0,4}(?:DEBUG|INFO|WARN|ERROR|FATAL) \[[0-9a-f]{6,}\][ \t]*`, // Kamal
		`remote: (?:> )?`, // git push to a server that builds
		`\[(?:build|docker|pipeline|step:[^\]]{1,40}|builder|stage-[^\]]{1,40})\] `,
	}, "|") + `)+`)
})

// link is what a web page makes of an address: "[https://x":](https://x%22:)".
var link = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\[(https?://[^\]\s]+)\]\(https?://[^)\s]+\)`) })

func withoutLinks(line string) string {
	if !strings.Contains(line, "](http") {
		return line
	}
	return link().ReplaceAllString(line, "$1")
}

// maxPrefix bounds what may stand before a line, in bytes.
const maxPrefix = 512

// trimKnown removes such a prefix. Most lines of a long log have none, and these show
// it in their first bytes.
func trimKnown(line string) string {
	line = trimJob(line)
	if !mayBeKnown(line) {
		return line
	}
	return line[len(ciPrefix().FindString(line[:min(len(line), maxPrefix)])):]
}

// mayBeKnown tells whether a line can begin with one of the known forms.
func mayBeKnown(line string) bool {
	if len(line) < 4 {
		return false
	}
	switch c := line[0]; {
	case '0' <= c && c <= '9':
		return line[2] == ':' || line[2] >= '0' && line[2] <= '9' && line[3] >= '0' && line[3] <= '9'
	case c == '[':
		return true
	case c == '#':
		return line[1] == '#' && line[2] == '['
	case c == ':':
		return line[1] == ':'
	case c == ' ', 'A' <= c && c <= 'Z':
		text := strings.TrimLeft(line, " ")
		n, k := 0, literal
		if text != "" && len(line)-len(text) <= 4 {
			n, k = run(text)
		}
		if k != name || len(text) < n+2 || text[n] != ' ' {
			return false
		}
		next := class(text[n+1])
		return text[n+1] == '[' && names[text[:n]] || n == 3 && (next == digits || next == spaces) || strings.HasPrefix(text, "Step #")
	default:
		return c == 0xef || strings.HasPrefix(line, "remote: ")
	}
}

// trimJob removes the names of job and step that `gh run view --log` prints.
func trimJob(line string) string {
	head := line[:min(len(line), maxPrefix)]
	job, rest, ok := strings.Cut(head, "\t")
	step, stamp, ok2 := strings.Cut(rest, "\t")
	if !ok || !ok2 || job == "" || len(strings.TrimPrefix(stamp, "\ufeff")) < 11 || strings.TrimPrefix(stamp, "\ufeff")[10] != 'T' {
		return line
	}
	return line[len(job)+len(step)+2:]
}
