//go:build unix

package fix

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRemoveAuthsKeepsOwner: root changes the file of another and leaves it theirs.
func TestRemoveAuthsKeepsOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Log("only root can have a file of another owner")
		return
	}
	name := filepath.Join(t.TempDir(), "config.json")
	require.NoError(t, os.WriteFile(name, []byte(`{"auths":{"a":{}}}`), 0o600))
	require.NoError(t, os.Chown(name, 4711, 4712))
	require.NoError(t, edit(name, func(text []byte) ([]byte, error) { return without(text, auths, []string{"a"}) }))
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	after, err := os.Stat(name)
	require.NoError(t, err)
	require.NotContains(t, string(text), `"a"`)
	require.Equal(t, []uint32{4711, 4712}, ownerOf(after))
}

func ownerOf(info os.FileInfo) []uint32 {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return []uint32{st.Uid, st.Gid}
}
