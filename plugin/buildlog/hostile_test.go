//go:build unix

package buildlog

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/internal/attack"
)

// watched is a log that watches the memory of whoever reads it.
type watched struct {
	r    io.Reader
	size int
	left int // until the next look
	peak uint64
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	w.size += n
	if w.left -= n; w.left <= 0 {
		w.left = 256 << 10
		w.look()
	}
	return n, err
}

func (w *watched) look() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	w.peak = max(w.peak, m.HeapInuse)
}

// cpuTime is what this process has worked so far: others may share the machine.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkHostile reads each kind of hostile log, and prints what is found.
func BenchmarkHostile(b *testing.B) {
	for _, kind := range attack.LogKinds() {
		for _, mb := range []int{1, 10} {
			b.Run(fmt.Sprintf("%s/%dMB", kind.Name, mb), func(b *testing.B) {
				var peak uint64
				var cpu time.Duration
				b.SetBytes(int64(mb) * 1e6)
				for b.Loop() {
					runtime.GC()
					log := &watched{r: kind.Log(mb * 1e6)}
					cpu -= cpuTime(b)
					res, err := Explain(b.Context(), log, Options{})
					require.NoError(b, err)
					require.NoError(b, res.WriteText(io.Discard))
					require.NoError(b, res.WriteJSON(io.Discard))
					cpu += cpuTime(b)
					log.look()
					peak = max(peak, log.peak)
				}
				b.ReportMetric(float64(peak)/1e6, "peak-MB")
				b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s/op")
			})
		}
	}
}

// TestHostileGrowth: twice the log takes at most some more than twice the memory in
// total, and so no more work: each step of the work allocates.
func TestHostileGrowth(t *testing.T) {
	for _, kind := range attack.LogKinds() {
		t.Run(kind.Name, func(t *testing.T) {
			allocated := func(size int) (objects, bytes uint64) {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				res, err := Explain(t.Context(), kind.Log(size), Options{})
				require.NoError(t, err)
				var b strings.Builder
				require.NoError(t, res.WriteText(&b))
				require.NoError(t, res.WriteJSON(&b))
				runtime.ReadMemStats(&after)
				return after.Mallocs - before.Mallocs, after.TotalAlloc - before.TotalAlloc
			}
			allocated(100) // compiles expressions
			const size = 40_000
			var grown string
			for range 3 { // the runtime itself and pools of buffers may allocate meanwhile
				objects, bytes := allocated(size)
				objects2, bytes2 := allocated(2 * size)
				if 2*objects2 <= 5*objects+2_000 && 2*bytes2 <= 5*bytes+(512<<10) {
					return
				}
				grown = fmt.Sprintf("%d to %d objects, %d to %d bytes", objects, objects2, bytes, bytes2)
			}
			require.Fail(t, "grows faster than the log", grown)
		})
	}
}
