package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestIndex: the READMEs lead to the index of docs/, and that to each page. The
// commands of the plugin are found from the first of them.
func TestIndex(t *testing.T) {
	for _, readme := range []string{"README.md", "README.zh-CN.md"} {
		require.Contains(t, files(read(t, filepath.Join(root(t), readme))), "docs/README.md", readme)
	}
	links := files(read(t, filepath.Join(root(t), "docs", "README.md")))
	pages, err := filepath.Glob(filepath.Join(root(t), "docs", "*.md"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(pages), 6)
	for _, page := range pages {
		if name := filepath.Base(page); name != "README.md" {
			require.Contains(t, links, name)
		}
	}
	require.Contains(t, links, "reference/pullsafe.md")
}

// files are where the links lead, without headings.
func files(markdown string) []string {
	var list []string
	for _, m := range link.FindAllStringSubmatch(markdown, -1) {
		if target, _, _ := strings.Cut(m[1], "#"); target != "" {
			list = append(list, target)
		}
	}
	return list
}

// TestVersions: the README's table has this checkout's version of pullsafe with the
// versions that its program tells, and names each version once.
func TestVersions(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "run", "-buildvcs=false", "./cmd/pullsafe-frontend", "-version")
	cmd.Dir = root(t)
	out, err := cmd.Output() // a test binary does not know the versions of modules
	require.NoError(t, err)
	m := regexp.MustCompile(`^\S+ (\S+) \S+ \(docker/dockerfile (\S+), BuildKit (v\S+)\)\n$`).FindStringSubmatch(string(out))
	require.NotNil(t, m, "%s", out)
	for _, file := range []string{"README.md", "README.zh-CN.md"} {
		rows := regexp.MustCompile(`(?m)^\| (v\S+) \| (\S+) \| (v\S+) \|$`).FindAllStringSubmatch(read(t, filepath.Join(root(t), file)), -1)
		seen := map[string][]string{}
		for _, row := range rows {
			require.NotContains(t, seen, row[1], "%s", file)
			seen[row[1]] = row[2:]
		}
		require.Equal(t, m[2:], seen[m[1]], "%s: its table of versions has not what -version tells", file)
	}
}

// TestTargets: each target of make that is listed by it is explained to who
// contributes.
func TestTargets(t *testing.T) {
	text := read(t, filepath.Join(root(t), "CONTRIBUTING.md"))
	targets := regexp.MustCompile(`(?m)^([a-z-]+):.*## `).FindAllStringSubmatch(read(t, filepath.Join(root(t), "Makefile")), -1)
	require.Greater(t, len(targets), 10)
	for _, m := range targets {
		require.True(t, m[1] == "help" || regexp.MustCompile("`make "+m[1]+"[ `]").MatchString(text), "CONTRIBUTING.md does not explain make %s", m[1])
	}
}

// page is how the code names a page of this repository.
var page = regexp.MustCompile(`https://github\.com/org/pullsafe/blob/main/([^\s"]+)`)

// TestPagesNamedByCode: each address that the programs print, or the issue templates
// name, leads to a file and a heading of this checkout, and from the warning's the catalogue is one step away.
func TestPagesNamedByCode(t *testing.T) {
	var targets []string
	for _, dir := range []string{"cmd", "frontend", "plugin"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root(t), dir), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			for _, text := range literals(t, path) {
				for _, m := range page.FindAllStringSubmatch(text, -1) {
					requireTarget(t, filepath.Join(root(t), "x"), m[1])
					targets = append(targets, m[1])
				}
			}
			return nil
		}))
	}
	templates, err := filepath.Glob(filepath.Join(root(t), ".github", "ISSUE_TEMPLATE", "*.yml"))
	require.NoError(t, err)
	require.NotEmpty(t, templates)
	for _, file := range templates {
		for _, m := range page.FindAllStringSubmatch(read(t, file), -1) {
			requireTarget(t, filepath.Join(root(t), "x"), m[1])
		}
	}
	require.Contains(t, targets, "docs/RegistryCredentialsRejected.md")
	require.Contains(t, files(read(t, filepath.Join(root(t), "docs", "RegistryCredentialsRejected.md"))), "messages.md")
}

// literals are the strings of a file.
func literals(t *testing.T, path string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	require.NoError(t, err)
	var list []string
	ast.Inspect(file, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		if ok && lit.Kind == token.STRING {
			text, err := strconv.Unquote(lit.Value)
			require.NoError(t, err)
			list = append(list, text)
		}
		return true
	})
	return list
}
