package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

// TestCurrent: the files say what is linked today.
func TestCurrent(t *testing.T) {
	root, err := harness.Checkout()
	require.NoError(t, err)
	for _, p := range programs {
		want, err := notices(t.Context(), root, p)
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(root, p.file()))
		require.NoError(t, err)
		if want != string(got) { // a diff of whole licences helps nobody
			t.Errorf("%s is out of date; run: make licenses", p.file())
		}
	}
}

// project is a module that links modules beside it.
func project(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	all := map[string]string{
		"docker-bake.hcl":         "\ntarget \"cross\" {\n  platforms = [\"linux/amd64\", \"linux/arm/v7\", \"windows/arm64\"]\n}\n",
		"LICENSE":                 "the project's terms\n",
		"go.mod":                  "module example.com/p\n\ngo 1.26\n\nrequire (\n\texample.com/a v1.0.0\n\texample.com/b v1.0.0\n\texample.com/w v1.0.0\n)\n\nreplace (\n\texample.com/a => ./a\n\texample.com/b => ./b\n\texample.com/w => ./w\n)\n",
		"cmd/x/main.go":           "package main\n\nimport (\n\t_ \"example.com/a/sub\"\n\t_ \"example.com/b\"\n)\n\nfunc main() {}\n",
		"cmd/x/main_windows.go":   "package main\n\nimport _ \"example.com/w\"\n",
		"cmd/x/LICENSES.txt":      "as it was written before\n",
		"cmd/x/labs.go":           "//go:build labs\n\npackage main\n\nimport _ \"example.com/a/labs\"\n",
		"cmd/x/release/labs/tags": "labs\n",
		"a/go.mod":                "module example.com/a\n\ngo 1.26\n",
		"a/LICENSE":               "shared terms  \r\n",
		"a/NOTICE":                "a's notice\n",
		"a/license.go":            "package a\n",
		"a/sub/s.go":              "package sub\n",
		"a/sub/COPYING":           "terms of sub\n",
		"a/labs/l.go":             "package labs\n",
		"a/labs/LICENSE.md":       "terms of labs\n",
		"a/unused/u.go":           "package unused\n",
		"a/unused/LICENSE":        "terms of what is not linked\n",
		"b/go.mod":                "module example.com/b\n\ngo 1.26\n",
		"b/b.go":                  "package b\n",
		"b/LICENCE.txt":           "shared terms\n\n",
		"w/go.mod":                "module example.com/w\n\ngo 1.26\n",
		"w/w.go":                  "package w\n",
		"w/UNLICENSE":             "terms for windows\n",
	}
	maps.Copy(all, files)
	for name, text := range all {
		if text == "" {
			continue
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o644))
	}
	return root
}

var example = program{name: "x", target: "cross"}

// TestNotices: each text once, of what is linked on any platform and in any channel,
// and nothing else.
func TestNotices(t *testing.T) {
	text, err := notices(t.Context(), project(t, nil), example)
	require.NoError(t, err)
	for part, times := range map[string]int{
		ruler + "example.com/a v1.0.0\nexample.com/b v1.0.0\n\nshared terms\n\n": 1,
		"shared terms": 1,
		ruler + "example.com/a v1.0.0\n\na's notice\n":                     1,
		ruler + "example.com/a v1.0.0: sub/COPYING\n\nterms of sub\n":      1,
		ruler + "example.com/a v1.0.0: labs/LICENSE.md\n\nterms of labs\n": 1,
		ruler + "example.com/w v1.0.0\n\nterms for windows\n":              1,
		ruler + "example.com/p\n\nthe project's terms\n":                   1,
		ruler + standard + "\n\n":                                          2, // and its patents
		"not linked":                                                       0,
		"written before":                                                   0,
		"package":                                                          0,
		"\r":                                                               0,
	} {
		require.Equal(t, times, strings.Count(text, part), "%q in\n%s", part, text)
	}
	again, err := notices(t.Context(), project(t, nil), example)
	require.NoError(t, err)
	require.Equal(t, text, again)
}

// TestMissing: what has no terms fails, however it is linked.
func TestMissing(t *testing.T) {
	for missing, want := range map[string]string{
		"b/LICENCE.txt": "example.com/b v1.0.0 has no licence file",
		"a/LICENSE":     "", // the package's folder has one
		"w/UNLICENSE":   "example.com/w v1.0.0 has no licence file",
		"LICENSE":       "example.com/p has no licence file",
	} {
		_, err := notices(t.Context(), project(t, map[string]string{missing: ""}), example)
		if want == "" {
			require.NoError(t, err, missing)
			continue
		}
		require.ErrorContains(t, err, want)
	}
	_, err := notices(t.Context(), project(t, nil), program{name: "x", target: "nothing"})
	require.ErrorContains(t, err, "no target nothing with platforms")
}
