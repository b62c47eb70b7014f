package diagnosis

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf16"
)

// PrintableJSON escapes in a JSON document what does not print, which encoding/json
// leaves as it is. The values stay the same.
func PrintableJSON(dt []byte) []byte {
	var b bytes.Buffer
	b.Grow(len(dt))
	for _, r := range string(dt) {
		switch {
		case r < 0x7f || unicode.IsPrint(r) && !unicode.In(r, invisible...):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.Bytes()
}
