package attack

import (
	"encoding/binary"
	"unicode/utf16"
)

// UTF16 is a text as Windows PowerShell writes it to a file: UTF-16 behind a byte order
// mark.
func UTF16(s string, big bool) string {
	var order binary.ByteOrder = binary.LittleEndian
	if big {
		order = binary.BigEndian
	}
	units := append([]uint16{0xfeff}, utf16.Encode([]rune(s))...)
	out := make([]byte, 2*len(units))
	for i, u := range units {
		order.PutUint16(out[2*i:], u)
	}
	return string(out)
}
