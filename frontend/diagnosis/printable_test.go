package diagnosis

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"":                                       "",
		"a\n  b\n\n\tc  d":                       "a\n  b\n\n\tc  d",
		"\x1b[31ma\x1b[0m\nb\x1b]0;title\x07\nc": "a\nb\nc",
		"a\u202eb\u2066\nc\u009b1md\x7f\x00":     "ab\ncd",
		"a\r\nb\u2028c":                          "a \nb c",
		"docker login -u me # https://x/?a=b":    "docker login -u me # https://x/?a=b",
	} {
		require.Equal(t, want, Printable(in), "%q", in)
		require.Equal(t, want, Printable(want), "%q", want)
	}
}

// TestPrintableJSON: what a program reads is the same, and a terminal shows all of it.
func TestPrintableJSON(t *testing.T) {
	const text = "a\x1b[2J\x7f\u0085\u009b2J\u202e\u2066\u200b\ufeff\u2028\U000e0061é拒\U0001f600<&>\"\\"
	dt, err := json.Marshal(map[string]string{"k" + text: text})
	require.NoError(t, err)
	got := PrintableJSON(dt)
	require.Equal(t, string(got), Printable(string(got)))
	require.Contains(t, string(got), `\u009b2J\u202e\u2066\u200b\ufeff\u2028\udb40\udc61é拒`+"\U0001f600")
	var back map[string]string
	require.NoError(t, json.Unmarshal(got, &back))
	require.Equal(t, map[string]string{"k" + text: text}, back)
}
