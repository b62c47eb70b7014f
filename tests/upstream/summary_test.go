package main

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write golden files anew")

func TestDiffSource(t *testing.T) {
	before, after := t.TempDir(), t.TempDir()
	write(t, before, map[string]string{"a/same.go": "x\n", "a/one.go": "a\nb\n", "a/gone.go": "x\n", "a/one_test.go": "a\n", "b.go": "x\n"})
	write(t, after, map[string]string{"a/same.go": "x\n", "a/one.go": "a\nc\nd\n", "a/new.go": "x\ny\n", "a/one_test.go": "b\n", "a/x.pb.go": "x\n", "c.go": "x\n"})
	for path, want := range map[string]string{
		"a":    "+4 −2: gone.go +0 −1, new.go +2 −0, one.go +2 −1",
		"b.go": "gone",
		"c.go": "+1 −0",
	} {
		c, err := diffSource(t.Context(), source{path: path}, before, after)
		require.NoError(t, err)
		if want == "gone" {
			require.True(t, c.gone)
			continue
		}
		require.False(t, c.gone)
		require.Equal(t, want, c.counts())
	}
	c, err := diffSource(t.Context(), source{path: "a/same.go"}, before, after)
	require.NoError(t, err)
	require.Empty(t, c.files)
	_, err = parseNumstat([]byte("1\t2\x00a\x00"), "x", "y")
	require.ErrorContains(t, err, "git diff --numstat")
}

func TestMissing(t *testing.T) {
	require.Equal(t, []string{"a", "c"}, missing([]string{"b"}, []string{"c", "a", "b", "c"}))
	require.Empty(t, missing([]string{"b"}, []string{"b"}))
}

// TestMarkdown compares with a golden file: go -C tests test ./upstream -run TestMarkdown -update.
func TestMarkdown(t *testing.T) {
	s := &summary{
		before: "v0.34.2", after: "v0.35.0", oldDockerfile: "1.28.0", dockerfile: "1.29.0",
		names: []names{
			{aspect: aspect{name: "gateway capabilities"}, added: []string{"a.b", "c"}},
			{aspect: aspect{name: "LLB capabilities"}, gone: []string{"d"}},
			{aspect: aspect{name: "build arguments"}},
		},
		changed: []*changedSource{
			{source: source{buildkit, "sourcepolicy", "convert rules"}, files: []fileDiff{
				{"sourcepolicy/a.go", 1, 2}, {"sourcepolicy/b.go", 3, 0}, {"sourcepolicy/c.go", 0, 1}, {"sourcepolicy/d.go", 1, 1}, {"sourcepolicy/e.go", 1, 1},
			}},
			{source: source{dockerCLI, "cli/x.go", "logins"}, gone: true},
		},
		unchanged: []source{{buildkit, "frontend/dockerui", ""}, {buildx, "util/x", ""}},
		versions: []versionChange{
			{buildkit, "go.mod", "v0.34.2", "v0.35.0"},
			{dockerCLI, "go.mod", "v29.9.3+incompatible", "v29.9.4+incompatible"},
			{"github.com/golangci/golangci-lint/v2", "tests/tools/go.mod", "v2.15.0", "v2.16.0"},
			{"github.com/tonistiigi/fsutil", "go.mod", "v0.0.0-20261103091533-a72de9dcf763", "v0.0.0-20261203091533-a72de9dcf763"},
			{"golang.org/x/sync", "go.mod", "", "v0.25.0"},
		},
		todo: []string{"add to the label in `Dockerfile`: `x`", "`make test`"},
	}
	golden := filepath.Join("testdata", "summary.md")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, []byte(s.markdown()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), s.markdown())
}

// TestSameVersion: without another BuildKit there is nothing to compare.
func TestSameVersion(t *testing.T) {
	s := &summary{before: "v0.35.0", after: "v0.35.0", dockerfile: "1.29.0", unchanged: make([]source, 3), todo: []string{"x"}}
	require.Equal(t, "# BuildKit v0.35.0\n\nBuildKit and `docker/dockerfile` 1.29.0 stay.\n\n## To do\n\n- [ ] X\n\n"+
		"## Sources that pullsafe relies on\n\nNone of the 3 has changed.\n\n## Versions\n\nNone has changed.\n", s.markdown())
}
