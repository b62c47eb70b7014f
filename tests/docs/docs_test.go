// Package docs tests what is written for users: that links lead somewhere, also
// those that the programs print, that every page is found from the README, that
// every message of the frontend is explained, that the table of versions is true,
// and that the READMEs in both languages show the same output.
package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

func root(t *testing.T) string {
	t.Helper()
	dir, err := harness.Checkout()
	require.NoError(t, err)
	return dir
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

var (
	// fenced is a block whose content is no Markdown.
	fenced  = regexp.MustCompile("(?ms)^```.*?^```$")
	printed = regexp.MustCompile("(?ms)^```text$.*?^```$") // by programs
	inline  = regexp.MustCompile("`[^`\n]*`")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.*)$`)
)

// TestLinks: each link to a file of the checkout, and to a heading, leads there.
func TestLinks(t *testing.T) {
	files := 0
	require.NoError(t, filepath.WalkDir(root(t), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == ".git" || entry.Name() == ".cache" || entry.Name() == "bin") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		files++
		for _, m := range link.FindAllStringSubmatch(inline.ReplaceAllString(fenced.ReplaceAllString(read(t, path), ""), ""), -1) {
			requireTarget(t, path, m[1])
		}
		return nil
	}))
	require.Greater(t, files, 10)
}

func requireTarget(t *testing.T, from, target string) {
	t.Helper()
	if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
		return
	}
	file, anchor, _ := strings.Cut(target, "#")
	path := from
	if file != "" {
		path = filepath.Join(filepath.Dir(from), filepath.FromSlash(file))
	}
	_, err := os.Stat(path)
	require.NoError(t, err, "%s links to %s", from, target)
	if anchor != "" && filepath.Ext(path) == ".md" {
		require.Contains(t, anchors(read(t, path)), anchor, "%s links to %s", from, target)
	}
}

// anchors are the names that GitHub gives to headings.
func anchors(markdown string) []string {
	var list []string
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(markdown, ""), -1) {
		list = append(list, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			default:
				return -1
			}
		}, m[1]))
	}
	return list
}

// TestMessagesAreExplained: each sentence that the frontend itself can end a
// build with stands in the catalogue. Those about images are written there from
// the tables of frontend/diagnosis and frontend/report.
func TestMessagesAreExplained(t *testing.T) {
	page := read(t, filepath.Join(root(t), "docs", "messages.md"))
	paths, err := filepath.Glob(filepath.Join(root(t), "frontend", "*.go"))
	require.NoError(t, err)
	more, err := filepath.Glob(filepath.Join(root(t), "frontend", "report", "*.go"))
	require.NoError(t, err)
	found := 0
	for _, path := range append(paths, more...) {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		for _, message := range messages(t, path) {
			found++
			require.Regexp(t, pattern(message), page, "%s: %q is not explained in docs/messages.md", path, message)
		}
	}
	require.GreaterOrEqual(t, found, 6)
}

// pattern finds a message with whatever stands for its verbs.
func pattern(message string) string {
	var parts []string
	for _, part := range verb.Split(message, -1) {
		parts = append(parts, regexp.QuoteMeta(part))
	}
	return strings.Join(parts, ".+")
}

var (
	verb = regexp.MustCompile(`%[a-z]`)
	ours = regexp.MustCompile(`^(pullsafe: |not checked: |lint violation )`)
)

// messages are the literals of a file that begin as our messages do.
func messages(t *testing.T, path string) []string {
	t.Helper()
	var list []string
	for _, text := range literals(t, path) {
		if ours.MatchString(text) {
			list = append(list, text)
		}
	}
	return list
}

// TestClausesAreExplained: so does each half of a sentence with which an error
// about an image goes on after its cause.
func TestClausesAreExplained(t *testing.T) {
	page := read(t, filepath.Join(root(t), "docs", "messages.md"))
	found := 0
	for _, text := range literals(t, filepath.Join(root(t), "frontend", "report", "words.go")) {
		if clause.MatchString(text) {
			found++
			require.Regexp(t, pattern(strings.Trim(text, " ;,:")), page, "%q is explained nowhere", text)
		}
	}
	require.GreaterOrEqual(t, found, 15)
}

// clause has no full stop: then it would be a sentence of the warning's detail.
var clause = regexp.MustCompile(`^(; |, (and|which|although) ).*[^.]$`)
