package lines

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/internal/attack"
)

func readLines(t *testing.T, r io.Reader) []string {
	t.Helper()
	l := NewReader(r)
	var out []string
	for {
		line, err := l.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		out = append(out, line.Text)
	}
}

func TestLines(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want []string
	}{
		{"", nil},
		{"a", []string{"a"}},
		{"a\nb\n", []string{"a", "b"}},
		{"a\r\n\r\nb", []string{"a", "", "b"}},
		{"10%\r50%\r100%\n", []string{"10%", "50%", "100%"}},
		{"\x1b[31mred\x1b[0m\n", []string{"red"}},
		{"old\x1b[1A\x1b[2Knew\n", []string{"old", "new"}},
		{"\x1b]0;title\x07text\n", []string{"text"}},
		{"\x1b]0;title\x1b\\text\n", []string{"text"}},
		{"\x1b_bk;t=1700000000000\x07text\n", []string{"text"}},
		{"\x1b[never ends", []string{"ever ends"}},
		{"\x1b]never ends\n", []string{"never ends"}},
		{"a\x00b\x08c\td\n", []string{"abc\td"}},
		{"bad \xff\xfe utf\n", []string{"bad  utf"}},
		{"\x1b\n", []string{""}},
	} {
		assert.Equal(t, tc.want, readLines(t, strings.NewReader(tc.in)), "%q", tc.in)
		assert.Equal(t, tc.want, readLines(t, iotest.OneByteReader(strings.NewReader(tc.in))), "%q", tc.in)
	}
}

func TestLinesOfUTF16(t *testing.T) {
	text := "a\r\nüñ€😀\nlast"
	for _, big := range []bool{false, true} {
		in := attack.UTF16(text, big)
		assert.Equal(t, []string{"a", "üñ€😀", "last"}, readLines(t, strings.NewReader(in)))
		assert.Equal(t, []string{"a", "üñ€😀", "last"}, readLines(t, iotest.OneByteReader(strings.NewReader(in))))
		assert.NotEmpty(t, readLines(t, strings.NewReader(in[:len(in)-1])), "half of a character")
	}
	assert.Empty(t, readLines(t, strings.NewReader("\xff\xfe")))
}
