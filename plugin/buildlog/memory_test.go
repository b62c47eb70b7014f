package buildlog

import (
	"bytes"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/plugin/buildlog/lines"
)

// TestLongLines: an error anywhere in a line of 5 MB is found.
func TestLongLines(t *testing.T) {
	const err = ` Error response from daemon: Head "https://ghcr.io/v2/acme/app/manifests/1": denied: denied `
	for _, at := range []int{0, 1000, lines.MaxLine - 40, lines.MaxLine, 2*lines.MaxLine - 2058, 4 << 20} {
		line := strings.Repeat("x", at) + err + strings.Repeat("y", 5<<20-at)
		res := explain(t, line, "")
		require.Len(t, res.Failures, 1, "%d", at)
		assert.Equal(t, ambiguous, res.Failures[0].Class)
		assert.Equal(t, 1, res.Lines)
	}
}

// repeated is a stream that repeats a text without holding it.
type repeated struct {
	text string
	left int64
	at   int

	watched bool // look at the memory of the reader now and then
	peak    uint64
}

// Read implements io.Reader.
func (r *repeated) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, io.EOF
	}
	if r.watched && r.left%(1<<20) < 1<<16 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		r.peak = max(r.peak, m.HeapInuse)
	}
	n := copy(p, r.text[r.at:])
	r.at = (r.at + n) % len(r.text)
	r.left -= int64(n)
	return n, nil
}

// TestMemory: a log of 100 MB is read in the memory of a small one, whatever is in it.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 100 MB several times; the program itself is measured in tests/plugin")
	}
	noise := make([]byte, 1<<20)
	rnd := rand.New(rand.NewChaCha8([32]byte{1}))
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	for name, text := range map[string]string{
		"build":    strings.Repeat("#12 1.234 npm http fetch GET 200 https://npm.example.org/some-package 123ms (cache miss)\n", 200) + refusedPlain,
		"one line": strings.Repeat("x", 64<<10),
		"noise":    string(noise),
		"errors":   "ERROR: failed to solve: ghcr.io/a/b:1: failed to fetch oauth token: denied: denied\n",
		"escapes":  "\x1b[1A\x1b[2K => [internal] load metadata for ghcr.io/a/b:1  0.1s\r",
	} {
		t.Run(name, func(t *testing.T) {
			runtime.GC()
			var before runtime.MemStats
			runtime.ReadMemStats(&before)
			size := int64(100 << 20)
			switch name { // slower to read
			case "errors":
				size = 10 << 20
			case "escapes":
				size = 32 << 20
			}
			in := &repeated{text: text, left: size, watched: true}
			res, err := Explain(t.Context(), in, Options{})
			require.NoError(t, err)
			require.GreaterOrEqual(t, res.Bytes, size)
			if name == "build" {
				require.Len(t, res.Failures, 1)
			}
			grown := int64(in.peak) - int64(before.HeapInuse)
			t.Logf("%d MB read, heap grew by %d KiB at most", res.Bytes>>20, grown>>10)
			require.Less(t, grown, int64(16<<20), "memory grows with the log")
		})
	}
}

func TestUnreadable(t *testing.T) {
	_, err := Explain(t.Context(), iotest.ErrReader(io.ErrClosedPipe), Options{})
	require.ErrorIs(t, err, io.ErrClosedPipe)
	_, err = Explain(t.Context(), iotest.TimeoutReader(bytes.NewReader(make([]byte, 1<<20))), Options{})
	require.Error(t, err)
}
