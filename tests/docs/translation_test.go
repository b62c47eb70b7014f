package docs

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// indentedBlock is a line of code that is not fenced.
var indentedBlock = regexp.MustCompile(`(?m)^    \S.*$`)

// TestTranslation: the README in Chinese has the headings, the code, the tables
// and the links of the README. What programs print and read is not translated.
func TestTranslation(t *testing.T) {
	english := read(t, filepath.Join(root(t), "README.md"))
	chinese := read(t, filepath.Join(root(t), "README.zh-CN.md"))
	require.Contains(t, english, "](README.zh-CN.md)", "the README does not name its translation")
	require.Contains(t, chinese, "](README.md)", "the translation does not name its source")
	require.Equal(t, blocks(english), blocks(chinese), "the blocks of code differ")

	english, chinese = fenced.ReplaceAllString(english, ""), fenced.ReplaceAllString(chinese, "")
	require.Equal(t, indentedBlock.FindAllString(english, -1), indentedBlock.FindAllString(chinese, -1), "the lines of code differ")
	require.Equal(t, levels(english), levels(chinese), "the headings differ")
	require.Equal(t, strings.Count(english, "\n|"), strings.Count(chinese, "\n|"), "the rows of tables differ")
	require.ElementsMatch(t, files(english), files(chinese), "the links differ")
}

// label is a text in a diagram.
var label = regexp.MustCompile(`"[^"]*"|>\|[^|"]*\|`)

// blocks are the blocks of code. Of a diagram they have the shape only: its labels
// are translated.
func blocks(markdown string) []string {
	list := fenced.FindAllString(markdown, -1)
	for i, block := range list {
		if strings.HasPrefix(block, "```mermaid\n") {
			list[i] = label.ReplaceAllString(block, `""`)
		}
	}
	return list
}

// levels are the headings by their depth.
func levels(markdown string) []string {
	return regexp.MustCompile(`(?m)^#+ `).FindAllString(markdown, -1)
}

// files are where the links lead, without headings, which are translated, and
// without the links of the two languages to each other.
func files(markdown string) []string {
	var list []string
	for _, m := range link.FindAllStringSubmatch(markdown, -1) {
		target, _, _ := strings.Cut(m[1], "#")
		if target != "" && !strings.HasPrefix(target, "README.") {
			list = append(list, target)
		}
	}
	return list
}
