package sources

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/containerd/platforms"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/references"
)

func in(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	}
}

func names(s *Set) []string {
	var out []string
	for _, r := range s.All() {
		out = append(out, r.Name)
	}
	return out
}

func TestArguments(t *testing.T) {
	in(t, map[string]string{"Dockerfile": "FROM a\n", "alpine/Dockerfile": "FROM b\n", "x/compose.yaml": "services: {}\n", "c.yaml": "services: {}\n"})
	for arg, want := range map[string]string{
		".": "docker.io/library/a:latest", "./alpine": "docker.io/library/b:latest", "alpine": "docker.io/library/b:latest", "alpine/Dockerfile": "docker.io/library/b:latest",
		"alpine:latest": "docker.io/library/alpine:latest", "docker.io/library/alpine": "docker.io/library/alpine:latest", "nothing": "docker.io/library/nothing:latest",
	} {
		s, err := Find(t.Context(), Input{Args: []string{arg}})
		require.NoError(t, err, arg)
		require.Equal(t, []string{want}, names(s), arg)
	}
	for arg, want := range map[string]string{
		"x": "to check what compose.yaml builds, use -f " + filepath.FromSlash("x/compose.yaml"), "c.yaml": "-f c.yaml", "/nowhere": "no such folder or file", "../nowhere": "no such folder or file",
		"http://user:pw@x.test/a?token=t": "http://x.test/a is not on this machine", "github.com/org/repo": "github.com/org/repo is not on this machine",
	} {
		_, err := Find(t.Context(), Input{Args: []string{arg}})
		require.ErrorContains(t, err, want, arg)
		require.NotContains(t, err.Error(), "pw")
	}
}

func TestBakeTargets(t *testing.T) {
	in(t, map[string]string{"docker-bake.hcl": "", "docker-bake.json": "", "app/Dockerfile": "ARG V\nFROM base:$V\nCOPY --from=ghcr.io/x/y:latest / /\n", "sub/Other": "FROM other\n"})
	printed := `{"target":{
		"app":{"context":"cwd://app","dockerfile":"Dockerfile","args":{"V":"2"},"contexts":{"ghcr.io/x/y":"docker-image://z"},"platforms":["linux/arm64"]},
		"sub":{"context":".","dockerfile":"sub/Other"},
		"abs":{"context":"https://x.test/r.git","dockerfile":"cwd://sub/Other"}}}`
	var asked []string
	run := func(out string, err error) (*Set, error) {
		return Find(t.Context(), Input{Files: []string{"docker-bake.hcl", "docker-bake.json"}, Args: []string{"app", "sub"}, Buildx: func(_ context.Context, args ...string) ([]byte, error) {
			asked = args
			return []byte(out), err
		}})
	}
	s, err := run(printed, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"bake", "--progress=quiet", "--print", "-f", "docker-bake.hcl", "-f", "docker-bake.json", "app", "sub"}, asked)
	require.Equal(t, []string{"docker.io/library/other:latest", "docker.io/library/base:2", "docker.io/library/z:latest"}, names(s))
	require.Equal(t, "linux/arm64", references.PlatformString(s.All()[1].Platform))
	for out, want := range map[string]string{"no JSON": "reading the output of buildx bake --print", `{"target":{"a":{"platforms":["x/y/z/w/v"]}}}`: "a: --platform", `{"target":{"a":{"dockerfile":"None"}}}`: "a: None"} {
		_, err := run(out, nil)
		require.ErrorContains(t, err, want)
	}
	_, err = run("", errors.New("broken"))
	require.ErrorContains(t, err, "broken")
}

func TestSetMerges(t *testing.T) {
	in(t, map[string]string{"a/Dockerfile": "FROM alpine AS x\n", "b/Dockerfile": "FROM alpine AS y\nFROM alpine\n"})
	s, err := Find(t.Context(), Input{Args: []string{"a", "b", "alpine:latest"}})
	require.NoError(t, err)
	require.Len(t, s.All(), 1)
	var places []string
	for _, p := range s.All()[0].Positions {
		places = append(places, filepath.ToSlash(p.File))
	}
	require.Equal(t, []string{"a/Dockerfile", "b/Dockerfile", "b/Dockerfile"}, places)
	require.Equal(t, []string{"x", "y"}, s.Names(s.All()[0]))
	fresh := s.OnBuild(t.Context(), s.All()[0], []string{"COPY --from=tools / /", "COPY --from=x / /", "not an instruction"})
	require.Len(t, fresh, 2, "x is a stage of one Dockerfile, and an image for the other")
	require.Empty(t, s.OnBuild(t.Context(), s.All()[0], []string{"COPY --from=tools / /"}))
}

func TestImageLines(t *testing.T) {
	in(t, map[string]string{"c.yaml": "# c\nservices:\n  a:\n    image: x\n  b: {build: .}\n", "odd.yaml": "[", "list.yaml": "services: []\n", "empty.yaml": ""})
	got := imageLines([]string{"c.yaml", "odd.yaml", "list.yaml", "empty.yaml", "missing.yaml"})
	require.Len(t, got, 1)
	require.Equal(t, 4, got["a"][0].Line)
	require.Equal(t, "c.yaml", got["a"][0].File)
}

func TestParsePlatforms(t *testing.T) {
	got, err := ParsePlatforms([]string{"linux/amd64", "linux/arm64/v8", "linux/arm64"})
	require.NoError(t, err)
	require.Len(t, got, 2)
	require.Equal(t, "linux/arm64", platforms.Format(got[1]))
	_, err = ParsePlatforms([]string{"a/b/c/d/e"})
	require.ErrorContains(t, err, "--platform a/b/c/d/e")
}

// TestBuildxMissing: a docker program without the plugin is not enough.
func TestBuildxMissing(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("shell scripts stand in for programs")
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "docker"), []byte("#!/bin/sh\necho \"docker: 'buildx' is not a docker command.\" >&2\nexit 1\n"), 0o700))
	t.Setenv("PATH", dir)
	_, err := Buildx("docker")(t.Context(), "bake")
	require.ErrorContains(t, err, "buildx is required to read bake files")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "buildx"), []byte("#!/bin/sh\necho \"$1 has\nerrors\" >&2\nexit 1\n"), 0o700))
	_, err = Buildx("docker")(t.Context(), "bake")
	require.ErrorContains(t, err, "bake failed:\n  bake has\n  errors")
	require.True(t, strings.HasPrefix(err.Error(), dir))
}
