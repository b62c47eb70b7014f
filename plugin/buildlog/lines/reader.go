package lines

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pkg/errors"
)

const (
	// MaxLine bounds what is kept of a line, in bytes. A longer one is read in
	// pieces of this size, of which frontend/diagnosis reads all.
	MaxLine = 12 << 10

	// overlap is what a piece of a long line repeats of the one before, so that
	// an error that stands on the border is whole in one of them.
	overlap = 2 << 10
)

// Line is a line of a log, without what stands before it.
type Line struct {
	Text string
	No   int // of the line in the stream, from 1
}

// Reader splits a stream into lines.
type Reader struct {
	r     *bufio.Reader
	tail  []byte // the end of the last piece, if it was not the end of a line
	parts []string
	count int // lines of the stream

	shapes  []shape
	learned bool
	queue   []Line
	next    int // in the queue
}

// NewReader reads r, which may be UTF-16 with a byte order mark.
func NewReader(r io.Reader) *Reader {
	br := bufio.NewReaderSize(r, MaxLine)
	// PowerShell redirects as UTF-16.
	if bom, _ := br.Peek(2); len(bom) == 2 {
		if big := bom[0] == 0xfe && bom[1] == 0xff; big || bom[0] == 0xff && bom[1] == 0xfe {
			br = bufio.NewReaderSize(&utf16Reader{r: br, big: big}, MaxLine)
		}
	}
	return &Reader{r: br}
}

// Count is the number of lines that were read so far.
func (l *Reader) Count() int { return l.count }

// Next returns the next line. The error is io.EOF at the end.
func (l *Reader) Next() (Line, error) {
	for l.next == len(l.queue) {
		l.queue, l.next = l.queue[:0], 0
		if err := l.fill(); err != nil {
			return Line{}, err
		}
	}
	line := l.queue[l.next]
	l.queue[l.next] = Line{} // whose text would stay in memory
	l.next++
	return line, nil
}

// fill reads on: the beginning of the stream until its prefix can be learned, then
// line by line.
func (l *Reader) fill() error {
	if l.learned {
		if err := l.read(); err != nil {
			return err
		}
		for _, text := range l.parts {
			l.put(text, l.count)
		}
		return nil
	}
	var head []string
	var numbers []int
	for size := 0; len(head) < learnLines && size < learnBytes; {
		err := l.read()
		if err != nil && (!errors.Is(err, io.EOF) || len(head) == 0) {
			return err
		}
		if err != nil {
			break // it comes again
		}
		for _, text := range l.parts {
			head, numbers, size = append(head, text), append(numbers, l.count), size+len(text)
		}
	}
	l.shapes, l.learned = learn(head), true
	for i, text := range head {
		l.put(text, numbers[i])
	}
	return nil
}

func (l *Reader) put(text string, no int) {
	if !isRecord(text) {
		l.queue = append(l.queue, Line{l.trim(text), no})
		return
	}
	for _, t := range unpack(text, l.trim) {
		l.queue = append(l.queue, Line{t, no})
	}
}

// trim removes what stands before a line: the form that was learned, or a known one.
func (l *Reader) trim(text string) string {
	for _, s := range l.shapes {
		if n := s.match(text); n > 0 {
			text = text[n:]
			break
		}
	}
	return withoutFields(withoutLinks(trimKnown(text)))
}

// read takes the next line of the stream, or a piece of a long one, into l.parts.
func (l *Reader) read() error {
	l.parts = l.parts[:0]
	piece, err := l.r.ReadSlice('\n')
	long := errors.Is(err, bufio.ErrBufferFull)
	if len(piece) == 0 {
		if err == nil || long {
			return nil
		}
		return err // io.EOF included, as it is
	}
	if err != nil && !long && !errors.Is(err, io.EOF) {
		return err
	}
	if len(l.tail) == 0 {
		l.count++
	}
	text := piece
	if len(l.tail) > 0 {
		text = slices.Concat(l.tail, piece)
	}
	l.tail = nil
	l.parts = appendPlain(l.parts, string(bytes.TrimRight(text, "\r\n")))
	if long {
		l.tail = bytes.Clone(piece[len(piece)-overlap:])
	}
	return nil
}

// appendPlain removes what a terminal would not show, and splits where its cursor
// goes back to the start of the line or to another one: progress output draws
// itself anew.
func appendPlain(out []string, s string) []string {
	if isPlain(s) {
		return append(out, s)
	}
	before := len(out)
	var b strings.Builder
	flush := func() {
		if b.Len() > 0 {
			out = append(out, b.String())
			b.Reset()
		}
	}
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '\r':
			flush()
			i++
		case c == 0x1b:
			n, moves := escape(s[i:])
			if moves {
				flush()
			}
			i += n
		case c < ' ' && c != '\t' || c == 0x7f:
			i++
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || n > 1 {
				b.WriteRune(r)
			}
			i += n
		}
	}
	flush()
	if len(out) == before {
		out = append(out, "")
	}
	return out
}

// isPlain tells whether a terminal would show all of s, on one line.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c >= 0x7f {
			return c != 0x7f && c >= ' ' && !strings.ContainsFunc(s[i:], func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f || r == utf8.RuneError })
		}
	}
	return true
}

// escape is the length of the terminal sequence at the start of s, and whether
// it moves the cursor. An unterminated one takes only its introducer, so that no
// text can hide the rest of a line.
func escape(s string) (n int, moves bool) {
	if len(s) < 2 {
		return 1, false
	}
	switch s[1] {
	case '[':
		for i := 2; i < min(len(s), 64); i++ {
			if s[i] >= 0x40 && s[i] <= 0x7e {
				return i + 1, strings.IndexByte("ABEFGHJdf", s[i]) >= 0
			}
			if s[i] < 0x20 {
				break
			}
		}
	case ']', 'P', 'X', '^', '_':
		for i := 2; i < min(len(s), 1024); i++ {
			if s[i] == 0x07 {
				return i + 1, false
			}
			if s[i] == 0x1b {
				return i, false
			}
		}
	}
	return 2, false
}
