package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	dockerfile "github.com/moby/buildkit/frontend/dockerfile/version"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"
)

// checkout is the folder of the checkout that these tests are in.
func checkout(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	return root
}

// sourceOf is the folder of a module that the checkout requires.
func sourceOf(t *testing.T, path string) string {
	t.Helper()
	out, err := goTool{}.run(t.Context(), checkout(t), "list", "-m", "-f", "{{.Dir}}", path)
	require.NoError(t, err)
	dir := strings.TrimSpace(string(out))
	require.DirExists(t, dir)
	return dir
}

// TestVersionsAgree: every text names the versions that the go.mod files and the
// linked BuildKit have. `make upstream` brings them there.
func TestVersionsAgree(t *testing.T) {
	root := checkout(t)
	linked, _, _ := strings.Cut(dockerfile.Version(), "-") // a library does not know that it is a release
	versions, err := readNamed(root, linked)
	require.NoError(t, err)
	for _, file := range mentionFiles() {
		text, err := readText(root, file)
		require.NoError(t, err)
		want, err := versions.rewrite(file, text)
		require.NoError(t, err)
		require.Equal(t, want, text, "%s: run make upstream", file)
	}
	read, err := dockerfileVersion(sourceOf(t, buildkit))
	require.NoError(t, err)
	require.Equal(t, linked, read)
}

// TestModulesAgree: the modules that are tested together have one BuildKit and its
// exclude lines.
func TestModulesAgree(t *testing.T) {
	root := checkout(t)
	theirs, err := readModFile(filepath.Join(sourceOf(t, buildkit), "go.mod"))
	require.NoError(t, err)
	product, err := readModFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	dirs, err := moduleDirs(root)
	require.NoError(t, err)
	require.Subset(t, dirs, []string{".", "tests", "tests/conformance/suite", "tests/tools", "tests/tools/compose", "tests/tools/engine-29"})
	for _, dir := range dirs[:4] {
		f, err := readModFile(filepath.Join(root, gomod(dir)))
		require.NoError(t, err)
		require.Contains(t, followed(f), buildkit, dir)
		require.Equal(t, required(product, buildkit), required(f, buildkit), "%s: run make upstream", dir)
		require.ElementsMatch(t, excludes(theirs), excludes(f), dir)
		require.Equal(t, goLine(product), goLine(f), dir)
	}
	// What the tests start is what the programs link.
	tests, err := readModFile(filepath.Join(root, gomod(testsDir)))
	require.NoError(t, err)
	for _, path := range followed(product) {
		if version := required(tests, path); version != "" {
			require.Equal(t, required(product, path), version, "%s in tests/go.mod", path)
		}
	}
	older, err := olderVersions(root)
	require.NoError(t, err)
	for _, version := range older {
		f, err := readModFile(filepath.Join(root, toolsDir, olderPrefix+version, "go.mod"))
		require.NoError(t, err)
		require.Equal(t, version, minor(required(f, buildkit)))
	}
}

// TestAspects: there is something to compare.
func TestAspects(t *testing.T) {
	source := sourceOf(t, buildkit)
	for _, a := range aspects {
		list, err := a.read(source)
		require.NoError(t, err, a.name)
		require.NotEmpty(t, list, a.name)
	}
}

// TestRelied: the sources are there. buildx is no module of the product.
func TestRelied(t *testing.T) {
	dirs := map[string]string{}
	for _, module := range []string{buildkit, containerd, dockerCLI, helpers} {
		dirs[module] = sourceOf(t, module)
	}
	for _, s := range relied {
		require.NotEmpty(t, s.why, s.path)
		if s.module == buildx {
			continue
		}
		require.Contains(t, dirs, s.module)
		_, err := os.Stat(filepath.Join(dirs[s.module], s.path))
		require.NoError(t, err)
	}
}

// ownPath is a path of the checkout in a text.
var ownPath = regexp.MustCompile("`((?:frontend|llb|plugin|tests)[\\w./]*)`")

// TestOwnPaths: what the summary says of this checkout is there.
func TestOwnPaths(t *testing.T) {
	var texts []string
	for _, s := range relied {
		texts = append(texts, s.why)
	}
	for _, a := range aspects {
		texts = append(texts, a.todo)
	}
	b := &bump{root: checkout(t), source: sourceOf(t, buildkit), upstream: &modfile.File{}}
	todo, err := b.listTodo(&summary{}, nil)
	require.NoError(t, err)
	found := 0
	for _, text := range append(texts, todo...) {
		for _, m := range ownPath.FindAllStringSubmatch(text, -1) {
			found++
			_, err := os.Stat(filepath.Join(b.root, m[1]))
			require.NoError(t, err, text)
		}
	}
	require.Greater(t, found, 10)
}

// TestPrograms: make upstream knows each program that the Makefile runs from a
// module.
func TestPrograms(t *testing.T) {
	makefile, err := readText(checkout(t), "Makefile")
	require.NoError(t, err)
	list := programs(makefile)
	require.Len(t, list, strings.Count(makefile, "@v"))
	require.Contains(t, list, "github.com/rhysd/actionlint")
}
