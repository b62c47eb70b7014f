package lines

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
)

const (
	// learnLines and learnBytes bound the beginning of a log from which its prefix is learned.
	learnLines = 400
	learnBytes = 48 << 10

	// maxHead bounds a prefix that can be learned, in bytes.
	maxHead = 160

	// maxShapes bounds the prefixes of one log: containers and jobs have one each.
	maxShapes = 8
)

// anchor is the beginning of a line that is BuildKit's or the classic builder's.
var anchor = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`#\d+ (?:\[[\w./:@-]+[ \]]|DONE |CACHED$|CANCELED$|ERROR: |building with |exporting |importing |transferring |resolve |pushing |naming |sha256:)` +
		`|=> (?:ERROR |CACHED |CANCELED )?\[[\w./-]+[ \]]|> \[[\w./-]+[ \]]` +
		`|(?:Step|STEP) \d+(?:/\d+)? ?: [A-Z]+ `)
})

// output is what precedes words that a step printed: no prefix is learned behind it.
var output = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`#\d|=>|(?:^|[\s|>\]])\d+\.\d+ |["'` + "`" + `]`) })

// commonHead are the forms of a head that most lines of a log can have in common:
// a name in brackets, a column, one word and a colon, the mark of a quotation.
var commonHead = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:\[[^\]\[+]{1,60}\](?: [A-Za-z]{2,16}>)? ?|[A-Za-z0-9][\w.@/-]{0,60} *\| ?|[a-z][\w.-]{1,30}: |> ?|\| )`)
})

// speakers begin the errors of programs: no prefix, however many lines have one.
var speakers = []string{"docker", "error", "failed", "fatal", "warning", "denied", "unauthorized", "toomanyrequests", "ctr", "http", "https", "podman", "buildx", "manifest", "note"}

// heads are the beginnings of lines that can be prefixes, by their shape.
type heads struct {
	shapes map[string]shape
	counts map[string]int
}

func (h *heads) add(text string) {
	s := shapeOf(text)
	h.shapes[s.key()] = s
	h.counts[s.key()]++
}

// learn finds the prefixes of a log in its first lines.
func learn(first []string) []shape {
	found, known := heads{map[string]shape{}, map[string]int{}}, heads{map[string]shape{}, map[string]int{}}
	filled := 0
	for _, line := range first {
		if strings.TrimSpace(line) == "" {
			continue
		}
		filled++
		if h, ok := headOf(line); ok {
			found.add(h)
		} else if n := len(line) - len(trimKnown(line)); n > 0 && n <= maxHead {
			known.add(line[:n])
		}
	}
	accepted := func(key string) bool {
		n := found.counts[key]
		return n >= 2 || n == 1 && (found.shapes[key].blank() || 2*matching(found.shapes[key], first) >= filled)
	}
	if len(found.counts) == 0 && !slices.ContainsFunc(slices.Collect(maps.Values(known.counts)), func(n int) bool { return 2*n >= filled }) {
		found.common(first)
		accepted = func(key string) bool { return found.counts[key] >= max(3, (3*filled+3)/4) }
	}
	var out []shape
	for key, s := range found.shapes {
		if accepted(key) {
			out = append(out, s)
		}
	}
	// A known form that most lines have is found faster by its shape.
	for key, s := range known.shapes {
		if n := known.counts[key]; n > 1 && 2*n >= filled {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b shape) int { // one may begin another
		return cmp.Or(len(b)-len(a), strings.Compare(a.key(), b.key()))
	})
	return out[:min(len(out), maxShapes)]
}

// common adds the heads that lines of any program can have in common.
func (h *heads) common(first []string) {
	for _, line := range first {
		if head := commonHead().FindString(line); head != "" && !slices.Contains(speakers, strings.TrimRight(head, ": ")) {
			h.add(head)
		}
	}
}

// headOf is what stands before a line of a builder, unless the known forms say it.
func headOf(line string) (string, bool) {
	line = line[:min(len(line), maxHead+64)]
	at := anchor().FindStringIndex(line)
	if at == nil || at[0] == 0 || at[0] > maxHead {
		return "", false
	}
	head := line[:at[0]]
	if strings.IndexByte("=>", line[at[0]]) >= 0 { // " => " and " > " begin with a space of their own
		head = strings.TrimSuffix(head, " ")
	}
	if head == "" || output().MatchString(head) || strings.IndexByte(" \t|>])", head[len(head)-1]) < 0 {
		return "", false
	}
	if rest := trimKnown(line); len(rest) <= len(line)-len(head) {
		return "", false
	}
	return head, true
}

func matching(s shape, head []string) int {
	n := 0
	for _, line := range head {
		if s.match(line) > 0 {
			n++
		}
	}
	return n
}

// kind is what a part of a prefix can be.
type kind byte

const (
	literal kind = iota
	digits       // of whatever number
	spaces       // of whatever width
	name         // of a month, a day or a level
)

type part struct {
	kind kind
	text string // of a literal; of spaces at the end, as many as belong to the prefix
}

// shape is a prefix with what differs from line to line left open.
type shape []part

var names = func() map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec Mon Tue Wed Thu Fri Sat Sun TRACE DEBUG INFO WARN WARNING ERROR FATAL trace debug info warn warning error fatal Z UTC O E inf err") {
		m[w] = true
	}
	return m
}()

// class is the kind of a byte, as far as one tells it.
func class(c byte) kind {
	switch {
	case '0' <= c && c <= '9':
		return digits
	case c == ' ' || c == '\t':
		return spaces
	case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
		return name
	}
	return literal
}

// run is the length of the run of one class at the start of s.
func run(s string) (int, kind) {
	k, n := class(s[0]), 1
	for n < len(s) && class(s[n]) == k {
		n++
	}
	return n, k
}

func shapeOf(head string) shape {
	var s shape
	for head != "" {
		n, k := run(head)
		if k == name && !names[head[:n]] {
			k = literal
		}
		if k == literal || k == spaces && len(s) == 0 { // an indent is part of the line, but for this much
			s = append(s, part{literal, strings.Clone(head[:n])})
		} else {
			s = append(s, part{kind: k})
		}
		if n == len(head) && k == spaces && len(s) > 1 {
			s[len(s)-1].text = strings.Clone(head)
		}
		head = head[n:]
	}
	return s
}

func (s shape) key() string {
	var b strings.Builder
	for _, p := range s {
		b.WriteString(p.text + string(rune('0'+p.kind)))
	}
	return b.String()
}

// blank: nothing but space and the marks of columns and quotations.
func (s shape) blank() bool {
	return !slices.ContainsFunc(s, func(p part) bool {
		return p.kind != spaces && strings.Trim(p.text, "|> \t") != "" || p.kind == digits || p.kind == name
	})
}

// match is the length of the prefix of this shape at the start of a line, -1 where it
// has none. The space at its end may be missing where the line ends.
func (s shape) match(line string) int {
	at := 0
	for i, p := range s {
		if at == len(line) {
			if i == len(s)-1 && p.kind == spaces && i > 0 {
				return at
			}
			return -1
		}
		if p.kind == literal {
			if !strings.HasPrefix(line[at:], p.text) {
				return -1
			}
			at += len(p.text)
			continue
		}
		if class(line[at]) != p.kind {
			return -1
		}
		n, _ := run(line[at:min(len(line), at+maxHead)])
		switch {
		case p.kind == name && !names[line[at:at+n]]:
			return -1
		case p.kind == spaces && i == len(s)-1:
			n = min(n, len(p.text)) // what follows is the line's own indent
		}
		at += n
	}
	return at
}
