package readme

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "README.md")
	const doc = "a\n<!-- begin x: made by make x -->\nold\n<!-- end x -->\nb\n<!-- begin y: made by make y -->\n<!-- end y -->\n"
	require.NoError(t, os.WriteFile(path, []byte(doc), 0o600))
	require.NoError(t, write(path, "x", "\nnew\n"))
	require.NoError(t, write(path, "y", "one\ntwo"))
	require.ErrorContains(t, write(path, "z", ""), `no section "z"`)
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "a\n<!-- begin x: made by make x -->\nnew\n<!-- end x -->\nb\n<!-- begin y: made by make y -->\none\ntwo\n<!-- end y -->\n", string(b))
}
