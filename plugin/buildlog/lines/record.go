package lines

import (
	"encoding/json"
	"strings"
)

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
func unpack(line string, trim func(string) string) []string {
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
		for _, l := range appendPlain(nil, strings.TrimRight(part, "\r\n")) {
			out = append(out, trim(l))
		}
	}
	return out
}
