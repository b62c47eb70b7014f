package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReleaseTags holds the build tags of each channel together with those of the
// linked BuildKit, which upstream's images are built with.
func TestReleaseTags(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/moby/buildkit").Output()
	require.NoError(t, err)
	upstream := releases(t, filepath.Join(strings.TrimSpace(string(out)), "frontend", "dockerfile", "release"))
	require.Contains(t, upstream, "mainline")
	require.Contains(t, upstream, "labs")
	require.Equal(t, upstream, releases(t, "release"))
}

// releases maps the channels in a folder to their build tags.
func releases(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*", "tags"))
	require.NoError(t, err)
	m := map[string]string{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		m[filepath.Base(filepath.Dir(f))] = strings.TrimSpace(string(b))
	}
	return m
}
