package buildlog

import (
	"encoding/json"
	"regexp"
	"strings"
	"sync"
)

// ciPrefix is what CI systems and log collectors put before a line: a time in
// some form, a level, the name of a job.
var ciPrefix = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:` + strings.Join([]string{
		`\x{feff}`,
		// GitHub, GitLab ("00O ", "01E+"), Azure, Drone, CodeBuild
		`\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d[\d.,]*(?: ?Z| ?[+-]\d\d:?\d\d)?(?: \d\d[OE][ +])?[ \t|]*`,
		// Jenkins, TeamCity, Coolify ("2024-Jul-07 10:00:00.1")
		`\[[^\]\[]{0,40}\d\d:\d\d(?::\d\d)?[^\]\[]{0,20}\][WE]?:? ?\t?`,
		`\d\d:\d\d:\d\d(?:[.,]\d+)?[ \t]+`,
		`[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?: [AP]M)?(?: [\w.-]+ [\w./-]+(?:\[\d+\])?:)?[ \t]+`, // syslog, Render
		`##\[[a-z]+\]`, // GitHub, Azure
		`::(?:error|warning|notice|debug)(?: [^:]{0,200})?::`,
		`\[Container\] `,                  // CodeBuild
		`Step #\d+(?: - "[^"]{0,80}")?: `, // Google Cloud Build
		` {0,4}(?:DEBUG|INFO|WARN|ERROR|FATAL) \[[0-9a-f]{6,}\][ \t]*`, // Kamal
		`remote: (?:> )?`, // git push to a server that builds
		`\[(?:build|docker|pipeline|step:[^\]]{1,40}|builder|stage-[^\]]{1,40})\] `,
	}, "|") + `)+`)
})

// maxPrefix bounds what may stand before a line, in bytes.
const maxPrefix = 512

// trimCI removes such a prefix. Most lines of a long log have none, and most of
// these show it in their first byte.
func trimCI(line string) string {
	line = trimJob(line)
	if line == "" || strings.IndexByte("0123456789[#:SJFMAOND IWEr\xef", line[0]) < 0 || line[0] == '#' && !strings.HasPrefix(line, "##[") {
		return line
	}
	return line[len(ciPrefix().FindString(line[:min(len(line), maxPrefix)])):]
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

// record is a line of a log collector: docker's json-file driver, Google's,
// logrus's and others' JSON; or of buildx --progress=rawjson.
type record struct {
	Log, Message, Msg, Line, TextPayload, Error string

	Vertexes []struct{ Name, Error string }
	Warnings []struct{ Short []byte }
}

// rawStep names steps of --progress=rawjson, which have no numbers.
const rawStep = "#1000000 "

// isRecord tells whether a line can be a JSON object around others.
func isRecord(line string) bool { return strings.HasPrefix(line, `{"`) && strings.HasSuffix(line, "}") }

// unpack gives the lines of a line that is a JSON object around them.
func unpack(line string) []string {
	var r record
	if json.Unmarshal([]byte(line), &r) != nil {
		return []string{line}
	}
	var out []string
	for _, v := range r.Vertexes {
		if v.Error != "" {
			out = append(out, rawStep+"[json] "+v.Name, rawStep+"ERROR: "+v.Error, "")
		}
	}
	for _, w := range r.Warnings {
		out = append(out, string(w.Short))
	}
	text := ""
	for _, s := range []string{r.Log, r.TextPayload, r.Line, r.Message, r.Msg} {
		if s != "" {
			text = s
			break
		}
	}
	if r.Error != "" {
		text = strings.TrimPrefix(text+": "+r.Error, ": ")
	}
	if text == "" && out == nil {
		return []string{line}
	}
	for part := range strings.Lines(text) {
		for _, l := range plainLines(strings.TrimRight(part, "\r\n")) {
			out = append(out, trimCI(l))
		}
	}
	return out
}
