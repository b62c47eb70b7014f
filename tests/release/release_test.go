// Package release tests .ci/release-bake, which a release runs before it builds:
// a tag that disagrees with the source fails, and the moving tags (1, 1.2, latest)
// go to the newest version only.
package release

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/version"
)

const script = ".ci/release-bake"

// checkout is a folder with the script and a source of the given version, in a
// repository with the tags of earlier releases.
func checkout(t *testing.T, source string, tags ...string) string {
	t.Helper()
	root, err := harness.Checkout()
	require.NoError(t, err)
	dir := t.TempDir()
	for _, name := range []string{script, "version/version.go"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		if name != script {
			old := `"` + version.Version + `"`
			require.Equal(t, 1, strings.Count(string(text), old))
			text = []byte(strings.Replace(string(text), old, `"`+source+`"`, 1))
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o755))
	}
	git := func(args ...string) {
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "git %v: %s", args, out)
	}
	git("init", "-q")
	git("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false", "commit", "-q", "--allow-empty", "-m", "x")
	for _, tag := range tags {
		git("tag", tag)
	}
	return dir
}

// run runs the script of a checkout.
func run(t *testing.T, dir string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, script), args...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// bakeFile is what the script prints.
type bakeFile struct {
	Target map[string]struct {
		Tags        []string `json:"tags"`
		Annotations []string `json:"annotations"`
	} `json:"target"`
}

func TestTags(t *testing.T) {
	for _, tc := range []struct {
		name, tag  string
		earlier    []string
		want, labs []string
	}{
		{
			"the first", "v1.2.3", nil,
			[]string{"1.2.3", "1.2", "1", "latest"},
			[]string{"1.2.3-labs", "1.2-labs", "1-labs", "labs"},
		},
		{"its tag is there already", "v1.2.3", []string{"v1.2.3"}, []string{"1.2.3", "1.2", "1", "latest"}, nil},
		{"a pre-release", "v1.2.3-rc.1", []string{"v1.2.2"}, []string{"1.2.3-rc.1"}, []string{"1.2.3-rc.1-labs"}},
		{"after its pre-release", "v1.2.3", []string{"v1.2.3-rc.1", "v1.3.0-rc.1"}, []string{"1.2.3", "1.2", "1", "latest"}, nil},
		{"numbers, not letters", "v1.10.0", []string{"v1.9.0"}, []string{"1.10.0", "1.10", "1", "latest"}, nil},
		{"a patch of an older minor", "v1.2.4", []string{"v1.2.3", "v1.3.0"}, []string{"1.2.4", "1.2"}, []string{"1.2.4-labs", "1.2-labs"}},
		{"a minor of an older major", "v1.3.0", []string{"v1.2.9", "v2.0.0"}, []string{"1.3.0", "1.3", "1"}, nil},
		{"an older patch", "v1.2.3", []string{"v1.2.4"}, []string{"1.2.3"}, nil},
		{"other tags do not count", "v1.2.3", []string{"v9", "vendor-v9.0.0", "v1.2.30x"}, []string{"1.2.3", "1.2", "1", "latest"}, nil},
		{"not yet 1", "v0.3.0", []string{"v0.2.0"}, []string{"0.3.0", "0.3", "latest"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := checkout(t, tc.tag, tc.earlier...)
			out, errs, err := run(t, dir, tc.tag, "ghcr.io/a/b", "docker.io/a/b")
			require.NoError(t, err, errs)
			var file bakeFile
			require.NoError(t, json.Unmarshal([]byte(out), &file), out)
			require.Equal(t, both(tc.want), file.Target["frontend-cross"].Tags)
			if tc.labs != nil {
				require.Equal(t, both(tc.labs), file.Target["frontend-labs-cross"].Tags)
			}
			require.Contains(t, file.Target["frontend-cross"].Annotations, "index,manifest:org.opencontainers.image.version="+strings.TrimPrefix(tc.tag, "v"))
		})
	}
}

// both are the tags in each of two registries.
func both(tags []string) []string {
	var list []string
	for _, image := range []string{"ghcr.io/a/b", "docker.io/a/b"} {
		for _, tag := range tags {
			list = append(list, image+":"+tag)
		}
	}
	return list
}

func TestTagDisagrees(t *testing.T) {
	dir := checkout(t, "v1.2.3")
	out, _, err := run(t, dir, "v1.2.3")
	require.NoError(t, err)
	require.Empty(t, out, "without images it only checks")
	for tag, want := range map[string]string{
		"v1.2.4":      `the tag is v1.2.4, but version/version.go says "v1.2.3"`,
		"v1.2.3-rc.1": `says "v1.2.3"`,
		"1.2.3":       "is not a version",
		"v1.2":        "is not a version",
		"v1.02.3":     "is not a version",
		"v1.2.3+x":    "is not a version",
		"$(id)":       "is not a version",
	} {
		out, errs, err := run(t, dir, tag, "a/b")
		require.Error(t, err, tag)
		require.Empty(t, out, tag)
		require.Contains(t, errs, want)
	}
}

// TestTargetsExist: the bake file of the checkout has the targets that the
// script names, for they would else be built without a tag.
func TestTargetsExist(t *testing.T) {
	out, errs, err := run(t, checkout(t, version.Version), version.Version, "ghcr.io/a/b")
	require.NoError(t, err, errs)
	root, err := harness.Checkout()
	require.NoError(t, err)
	var file bakeFile
	require.NoError(t, json.Unmarshal([]byte(out), &file), out)
	bake, err := os.ReadFile(filepath.Join(root, "docker-bake.hcl"))
	require.NoError(t, err)
	require.Len(t, file.Target, 2)
	for name := range file.Target {
		require.Contains(t, string(bake), `target "`+name+`"`)
	}
}
