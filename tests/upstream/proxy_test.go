package main

import (
	"archive/zip"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/module"
)

// release is a version of a module in the test's module proxy.
type release struct {
	path, version string
	files         map[string]string
}

// serve writes releases as a module proxy has them, in a folder, and returns a go
// command that knows nothing else and keeps what it fetches apart.
func serve(t *testing.T, releases []release) goTool {
	t.Helper()
	proxy := t.TempDir()
	for _, r := range releases {
		escaped, err := module.EscapePath(r.path)
		require.NoError(t, err)
		dir := filepath.Join(proxy, escaped, "@v")
		list, err := os.ReadFile(filepath.Join(dir, "list"))
		if err != nil {
			require.ErrorIs(t, err, fs.ErrNotExist)
		}
		write(t, dir, map[string]string{
			"list":              string(list) + r.version + "\n",
			r.version + ".info": fmt.Sprintf(`{"Version": %q, "Time": "2026-01-02T03:04:05Z"}`, r.version),
			r.version + ".mod":  r.files["go.mod"],
			r.version + ".zip":  archive(t, r),
		})
	}
	return goTool{env: []string{
		"GOPROXY=file://" + proxy, "GOSUMDB=off", "GOFLAGS=-modcacherw -buildvcs=false", "GOMODCACHE=" + t.TempDir(), "GONOPROXY=", "GOPRIVATE=",
	}}
}

func archive(t *testing.T, r release) string {
	t.Helper()
	var text strings.Builder
	z := zip.NewWriter(&text)
	for name, content := range r.files {
		w, err := z.Create(r.path + "@" + r.version + "/" + name)
		require.NoError(t, err)
		_, err = w.Write([]byte(content))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return text.String()
}

// write makes files below a folder.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	}
}

// tree reads all files below a folder, without Git's.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		if entry.IsDir() {
			if entry.Name() == ".git" {
				return filepath.SkipDir
			}
			return nil
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		name, err := filepath.Rel(dir, path)
		require.NoError(t, err)
		files[name] = string(text)
		return nil
	}))
	return files
}
