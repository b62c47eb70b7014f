package harness_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

// What runs isolated has no way out of the machine, and leaves no process.
func TestIsolated(t *testing.T) {
	e := harness.T(t)
	const script = `cat /proc/net/route; sh -c 'while :; do sleep 1; done' isolated-marker & exit 3`
	var out bytes.Buffer
	code, err := e.RunIsolated(t.Context(), harness.IsolatedOpt{
		Args: []string{"/bin/sh", "-c", script}, Dir: t.TempDir(), Env: e.Plain("A=b"), Stdout: &out, Stderr: &out,
	})
	require.NoError(t, err)
	require.Equal(t, 3, code, out.String())
	require.Equal(t, 1, strings.Count(out.String(), "\n"), "routes besides the heading: %s", out.String())
	procs, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, p := range procs {
		b, _ := os.ReadFile(p)
		require.False(t, bytes.HasSuffix(b, []byte("\x00isolated-marker\x00")), "%s", b)
	}
	for _, kv := range e.Plain() {
		require.NotContains(t, strings.ToUpper(kv), "_PROXY="+e.Network.ProxyURL)
	}
}
