package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

func TestFollowed(t *testing.T) {
	f, err := modfile.Parse("go.mod", []byte(`module m

tool (
	example.com/a/cmd/x
	example.com/a/v2/cmd/x
	example.com/b
)

require (
	example.com/a v1.0.0 // indirect
	example.com/a/v2 v2.0.0 // indirect
	example.com/ab v1.0.0 // indirect
	example.com/b v1.0.0
	example.com/c v1.0.0
)
`), nil)
	require.NoError(t, err)
	require.Equal(t, []string{"example.com/a", "example.com/a/v2", "example.com/b", "example.com/c"}, followed(f))
}

func TestEditExcludes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "go.mod")
	const before = "module m\n\ngo 1.26.0\n\n// Why.\nexclude (\n\texample.com/a v1.0.0\n\texample.com/b v1.0.0\n)\n\nrequire example.com/c v1.0.0\n"
	for want, list := range map[string][]module.Version{
		before: {{Path: "example.com/b", Version: "v1.0.0"}, {Path: "example.com/a", Version: "v1.0.0"}, {Path: "example.com/a", Version: "v1.0.0"}},
		"module m\n\ngo 1.26.0\n\n// Why.\nexclude (\n\texample.com/b v1.0.0\n\texample.com/b v1.1.0\n)\n\nrequire example.com/c v1.0.0\n": {
			{Path: "example.com/b", Version: "v1.0.0"}, {Path: "example.com/b", Version: "v1.1.0"},
		},
	} {
		require.NoError(t, os.WriteFile(file, []byte(before), 0o600))
		require.NoError(t, editExcludes(file, list))
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, want, string(text))
	}
	require.NoError(t, editExcludes(file, nil))
	f, err := readModFile(file)
	require.NoError(t, err)
	require.Empty(t, f.Exclude)
}

func TestOlderModule(t *testing.T) {
	const head = "// An older daemon. Its module cannot share dependencies with the newer ones.\nmodule m\n\ngo 1.26.8\n\n"
	require.Equal(t, head+"tool github.com/moby/buildkit/cmd/buildkitd\n", olderModule("m", "1.26.8", nil))
	text := olderModule("m", "1.26.8", []module.Version{{Path: "example.com/a", Version: "v1.0.0"}, {Path: "example.com/b", Version: "v1.0.0"}})
	require.Contains(t, text, "\nexclude (\n\texample.com/a v1.0.0\n\texample.com/b v1.0.0\n)\n\ntool ")
	_, err := modfile.Parse("go.mod", []byte(text), nil)
	require.NoError(t, err)
}

func TestOlderVersions(t *testing.T) {
	root := t.TempDir()
	for _, version := range []string{"0.9", "0.33", "0.12"} {
		write(t, root, map[string]string{"tests/tools/buildkit-" + version + "/go.mod": ""})
	}
	list, err := olderVersions(root)
	require.NoError(t, err)
	require.Equal(t, []string{"0.9", "0.12", "0.33"}, list)
}
