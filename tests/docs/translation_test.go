package docs

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTranslation: the two READMEs lead to each other, and show the same output of
// programs, which is not translated.
func TestTranslation(t *testing.T) {
	english := read(t, filepath.Join(root(t), "README.md"))
	chinese := read(t, filepath.Join(root(t), "README.zh-CN.md"))
	require.Contains(t, files(english), "README.zh-CN.md")
	require.Contains(t, files(chinese), "README.md")
	require.NotEmpty(t, printed.FindString(english))
	require.Equal(t, printed.FindAllString(english, -1), printed.FindAllString(chinese, -1))
}
