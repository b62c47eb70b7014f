package buildlog

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/pkg/errors"
)

const (
	// maxLine bounds what is kept of a line, in bytes. A longer one is read in
	// pieces of this size, of which frontend/diagnosis reads all.
	maxLine = 12 << 10

	// overlap is what a piece of a long line repeats of the one before, so that
	// an error that stands on the border is whole in one of them.
	overlap = 2 << 10
)

// lineReader splits a stream into lines as a person sees them.
type lineReader struct {
	r     *bufio.Reader
	tail  []byte // the end of the last piece, if it was not the end of a line
	ready []string
	count int // lines of the stream
}

func newLineReader(r io.Reader) *lineReader {
	br := bufio.NewReaderSize(r, maxLine)
	// PowerShell redirects as UTF-16.
	if bom, _ := br.Peek(2); len(bom) == 2 {
		if big := bom[0] == 0xfe && bom[1] == 0xff; big || bom[0] == 0xff && bom[1] == 0xfe {
			br = bufio.NewReaderSize(&utf16Reader{r: br, big: big}, maxLine)
		}
	}
	return &lineReader{r: br}
}

// next returns a line and its number in the stream, from 1. The error is io.EOF at the end.
func (l *lineReader) next() (string, int, error) {
	for len(l.ready) == 0 {
		if err := l.read(); err != nil {
			return "", 0, err
		}
	}
	line := l.ready[0]
	l.ready = l.ready[1:]
	return line, l.count, nil
}

func (l *lineReader) read() error {
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
	text := slices.Concat(l.tail, piece)
	l.tail = nil
	l.ready = plainLines(string(bytes.TrimRight(text, "\r\n")))
	if long {
		l.tail = bytes.Clone(piece[len(piece)-overlap:])
	}
	return nil
}

// plainLines removes what a terminal would not show, and splits where its cursor
// goes back to the start of the line or to another one: progress output draws
// itself anew.
func plainLines(s string) []string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f || r == utf8.RuneError }) {
		return []string{s}
	}
	var out []string
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
	if len(out) == 0 {
		out = append(out, "")
	}
	return out
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

// utf16Reader turns UTF-16 into UTF-8.
type utf16Reader struct {
	r       io.Reader
	big     bool
	in      [4096]byte
	kept    int // bytes in in that are not decoded yet
	pending []byte
}

// Read implements io.Reader.
func (u *utf16Reader) Read(p []byte) (int, error) {
	for len(u.pending) == 0 {
		n, err := u.r.Read(u.in[u.kept:])
		n += u.kept
		u.kept = 0
		if n < 2 {
			u.kept = n
			if err != nil {
				return 0, err
			}
			continue
		}
		units := make([]uint16, 0, n/2)
		for i := 0; i+1 < n; i += 2 {
			a, b := uint16(u.in[i]), uint16(u.in[i+1])
			if u.big {
				a, b = b, a
			}
			units = append(units, a|b<<8)
		}
		rest := n &^ 1
		if last := units[len(units)-1]; utf16.IsSurrogate(rune(last)) && last < 0xdc00 && err == nil {
			units, rest = units[:len(units)-1], rest-2 // its second half is still to come
		}
		u.pending = []byte(strings.TrimPrefix(string(utf16.Decode(units)), "\ufeff"))
		u.kept = copy(u.in[:], u.in[rest:n])
	}
	n := copy(p, u.pending)
	u.pending = u.pending[n:]
	return n, nil
}
