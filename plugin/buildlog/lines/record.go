package lines

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// record is a line of a log collector: docker's json-file driver, Google's,
// logrus's and others' JSON; or of buildx --progress=rawjson.
type record struct {
	Log, Message, Msg, Line, TextPayload, Error string
	Stdout, Stderr                              string // of a command that Ansible ran
	Cmd                                         any

	Vertexes []struct{ Name, Error string }
	Warnings []struct{ Short []byte }
}

// rawStep names steps of --progress=rawjson, which have no numbers.
const rawStep = "#1000000 "

// isRecord tells whether a line can be a JSON object around others.
func isRecord(line string) bool {
	return strings.HasSuffix(line, "}") && (strings.HasPrefix(line, `{"`) || strings.HasPrefix(line, "fatal: [") || strings.HasPrefix(line, "failed: ["))
}

// unpack gives the lines of a line that is a JSON object around them.
func unpack(line string, trim func(string) string) []string {
	var r record
	if at := strings.Index(line, " => {"); at > 0 && line[0] == 'f' { // of Ansible
		if json.Unmarshal([]byte(line[at+len(" => "):]), &r) != nil {
			return []string{line}
		}
		return r.command(trim)
	}
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
		for _, l := range appendPlain(nil, strings.TrimRight(part, "\r\n")) {
			out = append(out, trim(l))
		}
	}
	return out
}

// command is a command and what it printed.
func (r *record) command(trim func(string) string) []string {
	words := []string{}
	switch cmd := r.Cmd.(type) {
	case string:
		words = append(words, cmd)
	case []any:
		for _, w := range cmd {
			if w, ok := w.(string); ok {
				words = append(words, w)
			}
		}
	}
	out := []string{"+ " + strings.Join(words, " ")}
	for part := range strings.Lines(r.Stdout + "\n" + r.Stderr) {
		for _, l := range appendPlain(nil, strings.TrimRight(part, "\r\n")) {
			out = append(out, trim(l))
		}
	}
	return out
}

// fields are what programs in Go put around a message: logrus in containerd, dockerd and
// nerdctl, klog in Kubernetes.
var fields = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:time="|[IWEF]\d{4} \d\d:\d\d:\d\d)`)
})

// withoutFields is the message of such a line, with its error behind it.
func withoutFields(line string) string {
	if len(line) < 8 || strings.IndexByte("tIWEF", line[0]) < 0 || !fields().MatchString(line) {
		return line
	}
	var parts []string
	for _, key := range []string{" msg=", "] ", " err=", " error="} {
		_, rest, ok := strings.Cut(line, key+`"`)
		quoted, err := strconv.QuotedPrefix(`"` + rest)
		if !ok || err != nil || key == "] " && line[0] == 't' {
			continue
		}
		if text, err := strconv.Unquote(quoted); err == nil {
			parts = append(parts, text)
		}
	}
	if len(parts) == 0 {
		return line
	}
	return strings.ReplaceAll(strings.Join(parts, ": "), "\n", " ")
}
