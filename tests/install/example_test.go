package install

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// TestExampleUV is the README's story on a real engine: examples/uv under a rejected
// login, with its first line as it is, and as people have it, without.
func TestExampleUV(t *testing.T) {
	each(t, func(t *testing.T, m *machine) {
		_, err := shared.Hub.Push(t.Context(), "library/python:3.13-slim-trixie", world.Base("python"))
		require.NoError(t, err)
		_, err = shared.GHCR.Push(t.Context(), "astral-sh/uv:0.9.7", harness.Image{Files: map[string]string{"/uv": "#!/bin/sh\n", "/uvx": "#!/bin/sh\n"}})
		require.NoError(t, err)
		_, err = m.e.PushFrontend(t.Context(), shared.Hub, "org/pullsafe:1")
		require.NoError(t, err)

		before := m.config()
		example := folder(t, filepath.Join("..", "..", "examples", "uv"))
		build := func(files map[string]string) *harness.Output {
			shared.Reset()
			return m.with(harness.CommandOpt{Files: files, Env: []string{"DOCKER_BUILDKIT=1"}}, "build", "--network=host", "--progress=plain", "--no-cache", "-t", "uv", ".")
		}
		bare := folder(t, filepath.Join("..", "..", "examples", "uv"))
		_, bare["Dockerfile"], _ = strings.Cut(bare["Dockerfile"], "\n")

		out := build(bare)
		require.NotZero(t, out.Code, out.Stderr)
		require.Contains(t, out.Stderr, "failed to fetch oauth token")

		m.install()
		for i, files := range []map[string]string{bare, example} {
			out = build(files)
			require.Zero(t, out.Code, out.Stderr)
			require.Contains(t, out.Stderr, "ghcr.io rejected the stored credentials")
			if m.kind.hasHistory { // 20.10 has no source policies, so that the step of the rejection stays
				require.NotContains(t, out.Stderr, "ERROR")
			}
			if i == 0 { // then the engine has the layers
				requireAnonymous(t, shared.GHCR, "astral-sh/uv")
			}
			require.Contains(t, m.docker(harness.CommandOpt{}, "image", "ls").Stdout, "uv", "the image is in the engine")
		}
		m.docker(harness.CommandOpt{}, "pullsafe", "uninstall", "--yes")
		require.Equal(t, before, m.config(), "byte for byte")
		require.NotZero(t, build(bare).Code, "as it was")
		require.Zero(t, build(example).Code, "the first line of the Dockerfile is enough")
	})
}

// folder reads the files of a folder without folders.
func folder(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	files := map[string]string{}
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		require.NoError(t, err)
		files[entry.Name()] = string(text)
	}
	return files
}
