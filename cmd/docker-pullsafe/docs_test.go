package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	clidocstool "github.com/docker/cli-docs-tool"
	"github.com/docker/cli/cli/command"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write docs/reference anew")

const referenceDir = "../../docs/reference"

// newDocker is the Docker CLI with the plugin in it, as far as documentation
// needs it.
func newDocker(t *testing.T) *cobra.Command {
	t.Helper()
	dockerCLI, err := command.NewDockerCli()
	require.NoError(t, err)
	docker := &cobra.Command{Use: "docker [OPTIONS] COMMAND [ARG...]", DisableAutoGenTag: true}
	docker.AddCommand(newRootCommand("pullsafe", true, dockerCLI))
	return docker
}

// TestReference: docs/reference is what the commands say of themselves. `make
// docs` writes it.
func TestReference(t *testing.T) {
	dir := t.TempDir()
	target := dir
	if *update {
		target = referenceDir
	}
	docker := newDocker(t)
	tool, err := clidocstool.New(clidocstool.Options{Root: docker, SourceDir: dir, TargetDir: dir, Plugin: true})
	require.NoError(t, err)
	require.NoError(t, tool.GenMarkdownTree(docker))
	pullsafe := docker.Commands()[0]
	for _, cmd := range append(pullsafe.Commands(), pullsafe) {
		if !cmd.Hidden {
			complete(t, cmd, filepath.Join(dir, strings.ReplaceAll(strings.TrimPrefix(cmd.CommandPath(), "docker "), " ", "_")+".md"), target)
		}
	}
	if *update {
		return
	}
	want, err := filepath.Glob(filepath.Join(dir, "*.md"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(want), 4)
	have, err := filepath.Glob(filepath.Join(referenceDir, "*.md"))
	require.NoError(t, err)
	assert.Len(t, have, len(want), "a page too many or too few; run: make docs")
	for _, path := range want {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(referenceDir, filepath.Base(path)))
		require.NoError(t, err, "run: make docs")
		assert.Equal(t, string(text), string(got), "%s is out of date; run: make docs", filepath.Base(path))
	}
}

// complete adds to a page what the generator leaves out, usage and examples, and
// marks what is indented as preformatted.
func complete(t *testing.T, cmd *cobra.Command, path, target string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	const begin, end = "<!---MARKER_GEN_START-->\n", "\n\n<!---MARKER_GEN_END-->"
	head, body, ok := strings.Cut(string(text), begin)
	require.True(t, ok)
	body, _, ok = strings.Cut(body, end)
	require.True(t, ok)
	body = "```text\n" + cmd.UseLine() + "\n```\n\n" + fenced(body)
	if cmd.Example != "" {
		body += "\n### Examples\n\n```console\n" + strings.ReplaceAll("\n"+cmd.Example, "\n  ", "\n$ ")[1:] + "\n```\n"
	}
	require.NoError(t, os.MkdirAll(target, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(target, filepath.Base(path)), []byte(head+begin+body+"\n<!---MARKER_GEN_END-->\n"), 0o644))
}

// fenced puts fences around indented lines.
func fenced(text string) string {
	var b strings.Builder
	inside := false
	for line := range strings.Lines(text) {
		if indented := strings.HasPrefix(line, "  "); indented != inside {
			b.WriteString("```")
			if indented {
				b.WriteString("text")
			}
			b.WriteString("\n")
			inside = indented
		}
		b.WriteString(line)
	}
	return b.String()
}

// TestHelpReadsWell: each command has a short and a long text that fit a
// terminal, and every flag is explained.
func TestHelpReadsWell(t *testing.T) {
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		for _, c := range cmd.Commands() {
			visit(c)
		}
		if cmd.Hidden || cmd.Name() == "docker" {
			return
		}
		assert.NotEmpty(t, cmd.Short, cmd.CommandPath())
		assert.False(t, strings.HasSuffix(cmd.Short, "."), cmd.Short)
		assert.LessOrEqual(t, len(cmd.Short), 72, cmd.Short)
		for line := range strings.Lines(cmd.Long + "\n" + cmd.Example) {
			assert.LessOrEqual(t, len(strings.TrimRight(line, "\n")), 90, "%s: %s", cmd.CommandPath(), line)
		}
	}
	visit(newDocker(t))
}
