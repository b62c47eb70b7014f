package action

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// TestInputsAreExplained: docs/ci.md has a row for each input, with its default, and
// each input reaches the script as a variable.
func TestInputsAreExplained(t *testing.T) {
	root := checkout(t)
	text, err := os.ReadFile(filepath.Join(root, "action.yml"))
	require.NoError(t, err)
	var action struct {
		Inputs map[string]struct{ Description, Default string }
		Runs   struct {
			Steps []struct {
				Run, Uses string
				Dir       string `yaml:"working-directory"`
				Env       map[string]string
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(text, &action))
	docs, err := os.ReadFile(filepath.Join(root, "docs", "ci.md"))
	require.NoError(t, err)
	script, err := os.ReadFile(filepath.Join(root, ".ci", "action-check"))
	require.NoError(t, err)
	rows := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| (.*?) ?\\| ").FindAllStringSubmatch(string(docs), -1) {
		rows[m[1]] = strings.ReplaceAll(strings.ReplaceAll(m[2], "`", ""), ", ", "\n")
	}
	require.Len(t, rows, len(action.Inputs))
	used := map[string]string{}
	for _, step := range action.Runs.Steps {
		require.Empty(t, step.Uses, "an action of others")
		require.NotContains(t, step.Run, "${{")
		for name, value := range step.Env {
			used[value] = name
		}
		used[step.Dir] = ""
	}
	for name, input := range action.Inputs {
		require.NotEmpty(t, input.Description)
		require.Contains(t, rows, name)
		require.Equal(t, strings.TrimSpace(input.Default), rows[name], name)
		variable, ok := used["${{ inputs."+name+" }}"]
		require.True(t, ok, "%s is not used", name)
		if variable != "" {
			require.Contains(t, string(script), "$"+variable)
		}
	}
}
