package attack

import (
	"fmt"
	"io"
	"strings"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
)

// LogKind is one way to make a build log that is hard to read.
type LogKind struct {
	Name string

	chunk func(i int) string // the i-th piece, from 1
}

// Log is a log of about size bytes, which exists only while it is read.
func (k LogKind) Log(size int) io.Reader { return &hostileLog{chunk: k.chunk, left: size} }

type hostileLog struct {
	chunk func(i int) string
	i     int
	rest  string
	left  int
}

// Read implements io.Reader.
func (l *hostileLog) Read(p []byte) (int, error) {
	if l.rest == "" {
		if l.left <= 0 {
			return 0, io.EOF
		}
		l.i++
		l.rest = l.chunk(l.i)
		l.left -= len(l.rest)
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// OwnCode imitates the mark of pullsafe's codes at the end of a line.
const OwnCode = " " + diagnosis.CodeMark + string(diagnosis.DeniedAmbiguous) + "/" + string(diagnosis.AuthRequired) + "]"

const ownHead = "ERROR: failed to solve: the image could not be resolved\n\n"

// LogKinds are logs that imitate pullsafe's own output, that hold nothing but
// failures, or whose lines invite to be looked at again and again.
func LogKinds() []LogKind {
	return append(ownKinds(), append(failureKinds(), lineKinds()...)...)
}

// ownKinds imitate pullsafe: with its codes, and as prose without them.
func ownKinds() []LogKind {
	rows := func(n int, row func(i int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(row(i))
		}
		return b.String() + "\n"
	}
	refs := func(code string) func(int) string {
		return func(b int) string {
			return fmt.Sprintf(ownHead+"h%d.io refused access (denied); x%s\n", b, code) +
				rows(1000, func(i int) string { return fmt.Sprintf("  h%d.io/a%d\n", b, i) })
		}
	}
	places := func(code string) func(int) string {
		return func(b int) string {
			return ownHead + "h.io refused access (denied); x" + code + "\n" +
				rows(1000, func(i int) string { return fmt.Sprintf("  h.io/a%d-%d    D:%d    F\n", b, i, i+1) })
		}
	}
	return []LogKind{
		{"ownrefs", refs(OwnCode)},
		{"ownrefs-prose", refs("")},
		{"places", places(OwnCode)},
		{"places-prose", places("")},
		{"ownthenfail", func(i int) string {
			if i < 200 {
				return refs(OwnCode)(i)
			}
			return fmt.Sprintf("ERROR: pull access denied for q%d.io/x: denied\n", i)
		}},
		{"owncodes", func(i int) string { return fmt.Sprintf("x%s\n  h%d.io/a\n", OwnCode, i) }},
		{"owncut", func(i int) string {
			if i%1000 == 1 {
				return diagnosis.CodeMark + strings.Repeat("a", 200) + "\n"
			}
			return strings.Repeat("a", 200) + "\n"
		}},
		{"warn", func(i int) string {
			list := make([]string, 80)
			for j := range list {
				list[j] = fmt.Sprintf("h%d.io/a%d", i, j)
			}
			return fmt.Sprintf(" - %s: h%d.io refused access; resolved %s without credentials%s. Run: x\n", report.Rule, i, strings.Join(list, ", "), OwnCode)
		}},
		{"ownsteps", func(i int) string {
			return fmt.Sprintf("#%d %sh%d.io refused access. Run: x. Resolved h%d.io/a:1 without them%s\n", i+1, report.StepMark, i, i, OwnCode)
		}},
	}
}

// failureKinds are failures, each of another image.
func failureKinds() []LogKind {
	return []LogKind{
		{"fails", func(i int) string {
			return fmt.Sprintf("ERROR: failed to resolve source metadata for h%d.io/a:1: denied: denied\n", i)
		}},
		{"failtags", func(i int) string {
			return fmt.Sprintf("ERROR: failed to resolve source metadata for h.io/a:%d: denied: denied%d\n", i, i)
		}},
		{"failbare", func(i int) string {
			return fmt.Sprintf("ERROR: failed to solve: failed to fetch oauth token: %d: denied%d\n", 100+i%500, i)
		}},
		{"short", func(i int) string { return fmt.Sprintf("failed to solve: %d\n", i) }},
		{"steps", func(i int) string {
			return fmt.Sprintf("#%d [internal] load metadata for h%d.io/a:1\n#%d ERROR: failed to authorize: failed to fetch oauth token: denied: denied%d\n", i+1, i, i+1, i)
		}},
		{"rescued", func(i int) string {
			if i <= 1200 {
				return fmt.Sprintf("ERROR: failed to resolve source metadata for h%d.io/a:1: denied: denied\n", i)
			}
			return fmt.Sprintf("#%d [internal] load metadata for h%d.io/a:1 (without credentials)\n#%d DONE 0.1s\n", i+1, i, i+1)
		}},
		{"excerpts", func(i int) string {
			return fmt.Sprintf("D:1\n--------------------\n   %d | >>> FROM h.io/a:1\n--------------------\nERROR: failed to solve: failed to fetch oauth token: denied: denied\n", i)
		}},
		{"longnames", func(i int) string {
			name := fmt.Sprintf("h%d.%s/a:1", i, strings.Repeat("a", 2000))
			return fmt.Sprintf("#%d [internal] load metadata for %s\n#%d ERROR: failed to fetch oauth token: denied: %s\n", i+1, name, i+1, strings.Repeat("b", 2000))
		}},
		{"jsonfails", func(i int) string {
			return fmt.Sprintf(`{"vertexes":[{"name":"[internal] load metadata for h%d.io/a:1","error":"failed to fetch oauth token: denied: denied"}]}`+"\n", i)
		}},
	}
}

// lineKinds are lines of which no failure comes, or always the same.
func lineKinds() []LogKind {
	always := func(text string) func(int) string { return func(int) string { return text } }
	return []LogKind{
		{"long", always(strings.Repeat("failed to solve: ", 2000) + "\n")},
		{"brackets", always(strings.Repeat("[", 5000) + "\n")},
		{"prefix", always(strings.Repeat("2024-01-01T00:00:00Z ", 25) + "x\n")},
		{"colons", always("ERROR: " + strings.Repeat(": ", 6000) + "denied\n")},
		{"codes", always("error response from daemon: " + strings.Repeat(" denied: unknown: ", 600) + "\n")},
		{"wrap", always(strings.Repeat("ERROR: ", 600) + strings.Repeat("failed to solve: ", 500) + "x\n")},
		{"verb", always(strings.Repeat(`failed to solve: source "`, 700) + "\" denied by policy\n")},
		{"quotes", always(`failed to solve: Get "http` + strings.Repeat(`\"`, 5000) + "\n")},
		{"json", always(`{"log":"` + strings.Repeat(`failed to solve: \n`, 600) + `"}` + "\n")},
		{"cut", func(i int) string {
			first := "ERROR: failed to solve: failed to fetch oauth token: " + strings.Repeat("x", 12)
			first += strings.Repeat("y", max(0, 80-len(first))) + fmt.Sprint(i)
			return first + "\n" + strings.Repeat(strings.Repeat("failed to fetch oauth token x", 3)+"\n", 8)
		}},
		{"cutlong", func(i int) string {
			return fmt.Sprintf("failed to fetch oauth token: %d %s\n", i, strings.Repeat("failed to solve: x ", 600))
		}},
		{"tabs", always(strings.Repeat("\t", 5000) + "\n")},
		{"csi", always(strings.Repeat("\x1b[", 5000) + "\n")},
		{"emptyjson", always(`{"` + strings.Repeat("a", 20) + `":` + strings.Repeat("[", 5000) + "}\n")},
		{"image", always(strings.Repeat("failed to resolve source metadata for ", 100) + strings.Repeat("failed to pull image ", 100) + strings.Repeat("manifest for ", 100) + "\n")},
		{"newlines", always(strings.Repeat("\n", 4096))},
		{"returns", always(strings.Repeat("a\r", 2048))},
		{"rulers", always(strings.Repeat("------\n", 500))},
	}
}
