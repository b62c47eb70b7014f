package hook

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/docker/cli/cli-plugins/hooks"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	pullDenied  = `Error response from daemon: Head "https://ghcr.io/v2/acme/app/manifests/1": denied: denied`
	oauthDenied = `ERROR: failed to build: failed to solve: failed to fetch oauth token: denied: denied`
)

func unknown(context.Context, time.Time) string { return "" }

func TestAnswer(t *testing.T) {
	history := func(text string) LastError {
		return func(context.Context, time.Time) string { return text }
	}
	for _, tc := range []struct {
		name    string
		command string
		flags   map[string]string
		err     string
		last    LastError
		want    string
	}{
		{"pull", "pull", nil, pullDenied, unknown, "ghcr.io denied access, perhaps because of stored credentials. Find out: docker pullsafe check ghcr.io/acme/app:1"},
		{"run", "run", nil, "docker: " + pullDenied, unknown, "ghcr.io denied access, perhaps because of stored credentials. Find out: docker pullsafe check ghcr.io/acme/app:1"},
		{"build that says why", "build", nil, oauthDenied, unknown, "the registry rejected the stored credentials; the image may not need any. Find out: docker pullsafe check"},
		{"with a file", "build", map[string]string{"file": ""}, oauthDenied, unknown, "the registry rejected the stored credentials; the image may not need any. Find out: docker pullsafe check -f FILE"},
		{"with a file, of a plugin", "buildx build", map[string]string{"f": ""}, oauthDenied, unknown, "the registry rejected the stored credentials; the image may not need any. Find out: docker pullsafe check -f FILE"},
		{"compose", "compose", nil, "exit status 1", history("ERROR: failed to solve: failed to fetch oauth token: denied"), "the registry rejected the stored credentials; the image may not need any. Find out: docker pullsafe check -f compose.yaml"},
		{
			"history", "build", nil, "exited with code 1",
			history("Dockerfile:1\n--------------------\n   1 | >>> FROM ghcr.io/acme/base:1\n--------------------\n\n" + oauthDenied),
			"ghcr.io rejected the stored credentials; the image may not need any. Find out: docker pullsafe check",
		},
		{"helper", "pull", nil, "error getting credentials - err: exec: \"docker-credential-x\": executable file not found in $PATH, out: ``", unknown, "The credential helper for the registry failed. See which credentials builds use: docker pullsafe check {{argValue 0}}"},

		{"history unknown", "build", nil, "exited with code 1", unknown, ""},
		{"ended by the user", "build", nil, "exited with code 130", history(oauthDenied), ""},
		{"another plugin", "scout", nil, "exited with code 1", history(oauthDenied), ""},
		{"a step", "build", nil, "exited with code 1", history(`ERROR: failed to solve: process "/bin/sh -c docker pull ghcr.io/x: denied: denied" did not complete successfully: exit code: 1`), ""},
		{"not found", "pull", nil, "Error response from daemon: manifest for acme/app:2 not found: manifest unknown: manifest unknown", unknown, ""},
		{"limit", "pull", nil, "Error response from daemon: toomanyrequests: You have reached your pull rate limit.", unknown, ""},
		{"network", "pull", nil, `Error response from daemon: Get "https://registry-1.docker.io/v2/": dial tcp: i/o timeout`, unknown, ""},
		{"push", "push", nil, "denied: requested access to the resource is denied", unknown, ""},
		{"nothing failed", "build", nil, "", unknown, ""},
		{"no daemon", "build", nil, "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?", unknown, ""},
		{"explained by pullsafe", "build", nil, "ERROR: failed to solve: the image could not be resolved\n\nghcr.io rejected the stored credentials (\"denied\"); the anonymous fallback was denied: private or missing [pullsafe:credentials-rejected/auth-required]\n  ghcr.io/a/b    Dockerfile:1    FROM ghcr.io/a/b\n", unknown, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			req := hooks.Request{RootCmd: tc.command, Flags: tc.flags, CommandError: tc.err}
			got := Answer(t.Context(), req, tc.last, time.Now())
			assert.Equal(t, tc.want, got)
			cmd := &cobra.Command{Use: "pull", RunE: func(*cobra.Command, []string) error { return nil }}
			require.NoError(t, cmd.ParseFlags([]string{"acme/app"}))
			_, err := hooks.ParseTemplate(got, cmd)
			require.NoError(t, err, "the Docker CLI must be able to read it")
		})
	}
}

func TestAnswerPull(t *testing.T) {
	rejected := func(context.Context) string { return "ghcr.io" }
	const want = "ghcr.io rejected the stored credentials; the image may not need any. Find out: docker pullsafe check -f compose.yaml"
	failed := hooks.Request{RootCmd: "compose pull", CommandError: "exit status 18"}
	assert.Equal(t, want, AnswerPull(t.Context(), failed, rejected))
	assert.Empty(t, AnswerPull(t.Context(), failed, func(context.Context) string { return "" }))
	for _, req := range []hooks.Request{
		{RootCmd: "compose", CommandError: "exit status 18"},
		{RootCmd: "compose pull", CommandError: "exit status 130"},
		{RootCmd: "compose pull", CommandError: "exit status 18", Flags: map[string]string{"f": ""}},
		{RootCmd: "compose pull"},
	} {
		assert.Empty(t, AnswerPull(t.Context(), req, rejected), req)
	}
}

// TestAnswerIsNoTemplateOfOthers: what a registry or a Dockerfile says cannot
// become a template of the Docker CLI.
func TestAnswerIsNoTemplateOfOthers(t *testing.T) {
	for _, text := range []string{
		`Error response from daemon: Head "https://{{flagValue "x"}}/v2/a/b/manifests/1": denied: denied`,
		`failed to fetch oauth token: denied: {{command}}`,
		`Error response from daemon: pull access denied for {{command}}, repository does not exist or may require 'docker login': denied: x`,
	} {
		got := Answer(t.Context(), hooks.Request{RootCmd: "pull", CommandError: text}, unknown, time.Now())
		assert.NotContains(t, got, "{{command}}")
		assert.NotContains(t, got, "flagValue")
	}
}

func TestHistory(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("shell scripts stand in for programs")
	}
	dir := t.TempDir()
	now := time.Now()
	run := func(output string) string {
		program := filepath.Join(dir, "docker")
		require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\n[ \"$*\" = 'buildx history inspect --format json' ] || exit 3\ncat <<'E'\n"+output+"\nE\n"), 0o755))
		return History(func() []string { return []string{program, "buildx"} }, nil)(t.Context(), now.Add(-maxAge))
	}
	recent, old := now.UTC().Format(time.RFC3339Nano), now.Add(-time.Hour).UTC().Format(time.RFC3339Nano)
	assert.Equal(t, "\nERROR: failed to solve: x", run(`{"CompletedAt":"`+recent+`","Error":{"Message":"x"}}`))
	assert.Equal(t, "abc\nERROR: failed to solve: x", run(`{"CompletedAt":"`+recent+`","Error":{"Message":"x","Sources":"YWJj"}}`))
	assert.Empty(t, run(`{"CompletedAt":"`+old+`","Error":{"Message":"x"}}`), "another build")
	assert.Empty(t, run(`{"CompletedAt":"`+recent+`"}`), "a build that did not fail")
	assert.Empty(t, run(`{}`))
	assert.Empty(t, run(`no json`))
	assert.Empty(t, History(func() []string { return nil }, nil)(t.Context(), now))
	assert.Empty(t, History(func() []string { return []string{filepath.Join(dir, "missing")} }, nil)(t.Context(), now))
}
