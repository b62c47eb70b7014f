package configfile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEditBeginsAgain: what another program writes meanwhile is not lost, also when
// it has the same size and time.
func TestEditBeginsAgain(t *testing.T) {
	name := filepath.Join(t.TempDir(), "config.json")
	require.NoError(t, os.WriteFile(name, []byte("1"), 0o600))
	info, err := os.Stat(name)
	require.NoError(t, err)
	calls := 0
	require.NoError(t, Edit(name, func(text []byte) ([]byte, error) {
		calls++
		if calls == 1 {
			require.NoError(t, os.WriteFile(name, []byte("2"), 0o600))
			require.NoError(t, os.Chtimes(name, info.ModTime(), info.ModTime()))
		}
		return append(text, '!'), nil
	}))
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, "2!", string(text))

	err = Edit(name, func(text []byte) ([]byte, error) {
		require.NoError(t, os.WriteFile(name, append(text, '.'), 0o600))
		return []byte("lost"), nil
	})
	require.ErrorIs(t, err, ErrBusy)
	left, err := os.ReadDir(filepath.Dir(name))
	require.NoError(t, err)
	require.Len(t, left, 1, "no temporary file")
}
