package lines

import (
	"io"
	"strings"
	"unicode/utf16"
)

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
