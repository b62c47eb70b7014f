package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/cli/cli/command"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/internal/corpus"
)

// run executes the program with arguments in this process.
func runCommand(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	var out, errOut bytes.Buffer
	dockerCLI, err := command.NewDockerCli(
		command.WithInputStream(io.NopCloser(strings.NewReader(stdin))), command.WithOutputStream(&out), command.WithErrorStream(&errOut))
	require.NoError(t, err)
	cmd := newRootCommand("docker-pullsafe", false, dockerCLI)
	cmd.SetArgs(args)
	code = exitCode(dockerCLI.Err(), cmd.Execute())
	return out.String(), errOut.String(), code
}

// TestExplainCorpus: every message of the corpus through the command, with the
// class and the advice on a second try that its label has, in the words of the
// frontend.
func TestExplainCorpus(t *testing.T) {
	rows := corpus.Rows(t)
	class, retry := 0, 0
	for _, row := range rows {
		args := []string{"explain", "--format", "json"}
		if row.Ref != "" {
			args = append(args, "--ref", row.Ref)
		}
		out, errOut, code := runCommand(t, row.Error, args...)
		require.Zero(t, code, errOut)
		require.Equal(t, 1, strings.Count(out, "\n"), "one failure, one line: %s", out)
		var got report.Diagnosis
		require.NoError(t, json.Unmarshal([]byte(out), &got))
		require.NotNil(t, got.Remedies)
		if got.Class == diagnosis.Class(row.Class) {
			class++
		}
		if got.AnonymousRetryCanHelp == row.Retry {
			retry++
		}
		// A line of a log, and what no registry said, are told in more words than the frontend has.
		if want := diagnosis.Diagnose(row.Ref, row.Error); !strings.HasPrefix(row.Error, "#") && want.Class != diagnosis.NotARegistryError {
			assert.True(t, strings.HasPrefix(want.Message, got.Message), row.Error) // of several lines the first may be enough
			assert.Equal(t, want.UsedCredentials, got.UsedCredentials, row.Error)
			assert.Equal(t, want.HTTPStatus, got.HTTPStatus, row.Error)
			assert.Equal(t, want.Network, got.Network, row.Error)
			if want.Host != "" {
				assert.Equal(t, want.Host, got.Host, row.Error)
			}
		}
		if corpus.Disagreements[row.ID] == "" {
			assert.EqualValues(t, row.Class, got.Class, row.Error)
			assert.Equal(t, row.Retry, got.AnonymousRetryCanHelp, row.Error)
		}
	}
	t.Logf("%d messages: class %d, retry %d", len(rows), class, retry)
}

func TestExplainCommand(t *testing.T) {
	const text = "ERROR: failed to build: failed to solve: failed to fetch oauth token: denied: denied\n"
	headline := report.ExplainSingle(diagnosis.Diagnose("", text), "").Headline
	path := filepath.Join(t.TempDir(), "build.log")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	for _, tc := range []struct {
		name  string
		stdin string
		args  []string
		code  int
		out   string
		err   string
	}{
		{"file", "", []string{path}, 0, headline, ""},
		{"standard input", text, nil, 0, "--ref IMAGE", ""},
		{"dash", text, []string{"-"}, 0, headline, ""},
		{"ref", text, []string{"--ref", "ghcr.io/a/b:1"}, 0, "docker pull ghcr.io/a/b:1", ""},
		{"nothing found", "all is well\n", nil, 0, "No registry failure found in this text (1 line).", ""},
		{"empty", "", nil, 0, "The text is empty", ""},
		{"empty, JSON", "", []string{"--format=json"}, 0, `{"class":"not-a-registry-error","host":"","message":"","usedCredentials":null,"anonymousRetryCanHelp":false,"remedies":[]}`, ""},
		{"nothing found, JSON", "npm ERR! 401 Unauthorized\n", []string{"--format=json"}, 0, `"class":"not-a-registry-error"`, ""},
		{"missing file", "", []string{path + ".x"}, 1, "", "cannot read the text"},
		{"folder", "", []string{filepath.Dir(path)}, 1, "", "cannot read the text"},
		{"two files", "", []string{"a", "b"}, 2, "", "accepts at most 1 arg"},
		{"format", "", []string{"--format", "xml"}, 2, "", `unknown format "xml"`},
		{"flag", "", []string{"--nope"}, 2, "", "unknown flag"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, errOut, code := runCommand(t, tc.stdin, append([]string{"explain"}, tc.args...)...)
			assert.Equal(t, tc.code, code, errOut)
			assert.Contains(t, out, tc.out)
			assert.Contains(t, errOut, tc.err)
			assert.Equal(t, tc.code == 0, errOut == "", errOut)
		})
	}
}
