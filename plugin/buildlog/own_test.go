package buildlog

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
)

// TestReadEveryHeadline: each headline of the golden file is read back with
// its class and host.
func TestReadEveryHeadline(t *testing.T) {
	text, err := os.ReadFile("../../frontend/report/testdata/conclusions.golden")
	require.NoError(t, err)
	n := 0
	for part := range strings.SplitSeq(string(text), "\n## ") {
		lines := strings.Split(part, "\n")
		class, _, ok := strings.Cut(strings.TrimPrefix(lines[2], "["), "]")
		require.True(t, ok, part)
		if c := diagnosis.Class(class); c == diagnosis.Canceled || c == diagnosis.NotARegistryError {
			continue // no words of our own
		}
		n++
		c, ok := readHeadline(lines[1])
		require.True(t, ok, lines[1])
		assert.Equal(t, diagnosis.Class(class), c.Class, lines[1])
		if host, _, ok := strings.Cut(lines[1], " refused "); ok && !strings.Contains(host, " ") {
			assert.Equal(t, host, c.Host)
		}
	}
	assert.Greater(t, n, 20)
	for _, line := range []string{"", "ghcr.io", "failed to fetch oauth token: denied", "a b refused access", "x refused accessible things"} {
		_, ok := readHeadline(line)
		assert.False(t, ok, line)
	}
}

func TestReadWarning(t *testing.T) {
	for _, tc := range []struct {
		text string // the first answer
		refs []string
		want []string
	}{
		{`failed to fetch oauth token: denied: denied`, []string{"ghcr.io/a/b:1"}, []string{"ghcr.io/a/b:1"}},
		{`unexpected status from HEAD request to https://ghcr.io/v2/acme/base/manifests/1.4: 403 Forbidden`, []string{"ghcr.io/a/1", "ghcr.io/a/2", "ghcr.io/a/3", "ghcr.io/a/4"}, []string{"ghcr.io/a/1", "ghcr.io/a/2", "ghcr.io/a/3"}},
		{"error getting credentials - err: exec: \"docker-credential-desktop\": executable file not found in $PATH, out: ``", []string{"ghcr.io/a/b:1"}, []string{"ghcr.io/a/b:1"}},
	} {
		d := diagnosis.Diagnose(tc.refs[0], tc.text)
		c, refs, ok := readWarning(" - RegistryCredentialsRefused: " + report.Warning{Host: "ghcr.io", Refs: tc.refs, Answer: d, Done: "pulled"}.Short() + " (line 12)")
		require.True(t, ok, tc.text)
		assert.Equal(t, d.Class, c.Class)
		assert.Equal(t, "ghcr.io", c.Host)
		assert.Equal(t, tc.want, refs)
		assert.True(t, c.AnonymousRetryCanHelp)
		assert.Contains(t, c.Headline, "without")
	}
	c, refs, ok := readWarning("WARN: RegistryCredentialsRefused: " + report.Warning{Host: "ghcr.io", Refs: []string{"ghcr.io/a/b:1"}}.Short())
	require.True(t, ok)
	assert.Equal(t, diagnosis.CredentialsRejected, c.Class)
	assert.Equal(t, []string{"ghcr.io/a/b:1"}, refs)
	assert.False(t, c.AnonymousRetryCanHelp)
	_, _, ok = readWarning("RegistryCredentialsRefused: something else")
	assert.False(t, ok)
}

func TestIsFailure(t *testing.T) {
	assert.True(t, isFailure("ERROR: failed to build: failed to solve: 2 of 5 images could not be resolved"))
	assert.True(t, isFailure("the image could not be resolved"))
	assert.False(t, isFailure("could not be resolved"))
	assert.False(t, isFailure("ERROR: 2 of 5 images could not be resolved today"))
}
