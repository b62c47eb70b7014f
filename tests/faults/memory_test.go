package faults

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/org/pullsafe/tests/harness"
)

// meter watches the processes of frontend images below a daemon. It reads the
// peak of their resident memory (VmHWM), which only rises, so that the last
// reading before a process ends is at most an interval behind.
type meter struct {
	stop chan struct{}
	done sync.WaitGroup

	mu   sync.Mutex
	peak map[int]int // KiB by process
	most int         // processes at once
}

// interval is short against the life of a frontend, and long enough not to
// disturb what is measured.
const interval = 15 * time.Millisecond

func newMeter(d *harness.Buildkitd, entry string) *meter {
	m := &meter{stop: make(chan struct{}), peak: map[int]int{}}
	m.done.Go(func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			m.read(frontendProcesses(d.Pid(), entry))
			select {
			case <-m.stop:
				return
			case <-tick.C:
			}
		}
	})
	return m
}

func (m *meter) read(pids []int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.most = max(m.most, len(pids))
	for _, pid := range pids {
		m.peak[pid] = max(m.peak[pid], peakMemory(pid))
	}
}

// end stops watching and returns the largest peak, in MiB, and how many processes
// there were at once.
func (m *meter) end() (mib float64, atOnce int) {
	close(m.stop)
	m.done.Wait()
	largest := 0
	for _, kib := range m.peak {
		largest = max(largest, kib)
	}
	return float64(largest) / 1024, m.most
}

func peakMemory(pid int) (kib int) {
	b, err := os.ReadFile(procFile(pid, "status"))
	if err != nil {
		return 0 // it has ended
	}
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			kib, _ = strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(value, "kB")))
		}
	}
	return kib
}

// figure is what one load took.
type figure struct {
	took   time.Duration
	mib    float64
	atOnce int
}

func (f figure) String() string { return fmt.Sprintf("%.1f s, %.0f MiB", f.took.Seconds(), f.mib) }
