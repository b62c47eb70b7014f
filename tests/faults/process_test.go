package faults

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

// frontendEntry is the program of both frontend images.
func frontendEntry(t *testing.T) string {
	t.Helper()
	target, err := harness.CheckoutTarget(harness.ChannelMainline)
	require.NoError(t, err)
	return target.Entrypoint[0]
}

// frontendProcesses are the processes below a daemon that run the program of a
// frontend image. A daemon has a namespace of its own; from outside its processes
// are seen under other numbers.
func frontendProcesses(daemon int, entry string) []int {
	var found []int
	var walk func(pid int)
	walk = func(pid int) {
		if cmdline, err := os.ReadFile(procFile(pid, "cmdline")); err == nil && bytes.HasPrefix(cmdline, []byte(entry+"\x00")) {
			found = append(found, pid)
		}
		lists, _ := filepath.Glob(procFile(pid, "task/*/children"))
		for _, list := range lists {
			b, _ := os.ReadFile(list)
			for field := range strings.FieldsSeq(string(b)) {
				if child, err := strconv.Atoi(field); err == nil {
					walk(child)
				}
			}
		}
	}
	walk(daemon)
	return found
}

func procFile(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}
