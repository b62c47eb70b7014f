package fix

import (
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestQuote: a shell reads what was quoted.
func TestQuote(t *testing.T) {
	require.Equal(t, "ghcr.io/a/b:1@sha256:0", quote("ghcr.io/a/b:1@sha256:0"))
	require.Equal(t, "''", quote(""))
	require.Equal(t, `'it'\''s'`, quote("it's"))
	texts := []string{"a b", "$(x)", "`x`", `"`, `\`, "~", "*", "a;b", "#", "!", "ü", "-r", "a'b'c", "'"}
	if runtime.GOOS != "windows" {
		for _, s := range texts {
			out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+quote(s)).Output()
			require.NoError(t, err)
			require.Equal(t, s, string(out))
		}
	}
	for _, s := range []string{"a\nb", "\x1b[2J", "\u202e", "\xff", "it's\n"} {
		require.True(t, strings.HasPrefix(quote(s), "$'"))
		require.False(t, slices.ContainsFunc([]byte(quote(s)), func(c byte) bool { return c < ' ' || c > '~' }), "%q", quote(s))
	}
}
