package diagnosis

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/corpus"
)

// TestOwnReadsEveryHeadline: each headline of the golden file is read back with
// its class and host.
func TestOwnReadsEveryHeadline(t *testing.T) {
	text, err := os.ReadFile("testdata/conclusions.golden")
	require.NoError(t, err)
	n := 0
	for part := range strings.SplitSeq(string(text), "\n## ") {
		lines := strings.Split(part, "\n")
		class, _, ok := strings.Cut(strings.TrimPrefix(lines[2], "["), "]")
		require.True(t, ok, part)
		if c := Class(class); c == Canceled || c == NotARegistryError {
			continue // no words of our own
		}
		n++
		c, ok := Own(lines[1])
		require.True(t, ok, lines[1])
		assert.Equal(t, Class(class), c.Class, lines[1])
		if host, _, ok := strings.Cut(lines[1], " refused "); ok && !strings.Contains(host, " ") {
			assert.Equal(t, host, c.Host)
		}
	}
	assert.Greater(t, n, 20)
	for _, line := range []string{"", "ghcr.io", "failed to fetch oauth token: denied", "a b refused access", "x refused accessible things"} {
		_, ok := Own(line)
		assert.False(t, ok, line)
	}
}

func TestOwnWarning(t *testing.T) {
	for _, tc := range []struct {
		text string // the first answer
		refs []string
		want []string
	}{
		{ghcrRejected, []string{"ghcr.io/a/b:1"}, []string{"ghcr.io/a/b:1"}},
		{ghcrHead403, []string{"ghcr.io/a/1", "ghcr.io/a/2", "ghcr.io/a/3", "ghcr.io/a/4"}, []string{"ghcr.io/a/1", "ghcr.io/a/2", "ghcr.io/a/3"}},
		{brokenHelper, []string{"ghcr.io/a/b:1"}, []string{"ghcr.io/a/b:1"}},
	} {
		d := Diagnose(tc.refs[0], tc.text)
		c, refs, ok := OwnWarning(" - RegistryCredentialsRefused: " + RefusedShort("ghcr.io", tc.refs, d, "pulled") + " (line 12)")
		require.True(t, ok, tc.text)
		assert.Equal(t, d.Class, c.Class)
		assert.Equal(t, "ghcr.io", c.Host)
		assert.Equal(t, tc.want, refs)
		assert.True(t, c.AnonymousRetryCanHelp)
		assert.Contains(t, c.Headline, "without")
	}
	c, refs, ok := OwnWarning("WARN: RegistryCredentialsRefused: " + UnneededShort("ghcr.io", []string{"ghcr.io/a/b:1"}))
	require.True(t, ok)
	assert.Equal(t, CredentialsRejected, c.Class)
	assert.Equal(t, []string{"ghcr.io/a/b:1"}, refs)
	assert.False(t, c.AnonymousRetryCanHelp)
	_, _, ok = OwnWarning("RegistryCredentialsRefused: something else")
	assert.False(t, ok)
}

func TestOwnFailure(t *testing.T) {
	assert.True(t, OwnFailure("ERROR: failed to build: failed to solve: 2 of 5 images could not be resolved"))
	assert.True(t, OwnFailure("the image could not be resolved"))
	assert.False(t, OwnFailure("could not be resolved"))
	assert.False(t, OwnFailure("ERROR: 2 of 5 images could not be resolved today"))
}

func TestImageIn(t *testing.T) {
	for text, want := range map[string]string{
		`failed to solve: ghcr.io/a/b:1: failed to resolve source metadata for ghcr.io/a/b:1: failed to authorize: x`:                "ghcr.io/a/b:1",
		`Error response from daemon: failed to resolve reference "ghcr.io/a/b:1": failed to authorize`:                               "ghcr.io/a/b:1",
		`Error response from daemon: Head "https://ghcr.io/v2/a/b/manifests/1": denied`:                                              "ghcr.io/a/b:1",
		`Head "https://registry-1.docker.io/v2/library/a/manifests/1": EOF`:                                                          "docker.io/library/a:1",
		`Head "https://m.example.com/v2/a/b/manifests/1?ns=ghcr.io": EOF`:                                                            "ghcr.io/a/b:1",
		`unexpected status from GET request to https://ghcr.io/token?scope=repository%3Aa%2Fb%3Apull&service=ghcr.io: 403 Forbidden`: "ghcr.io/a/b",
		`unexpected status from GET request to https://ghcr.io/v2/a/b/manifests/sha256:aa: 429 Too Many Requests`:                    "ghcr.io/a/b",
		`pull access denied for acme/app, repository does not exist`:                                                                 "acme/app",
		`manifest for acme/app:2 not found: manifest unknown: manifest unknown`:                                                      "acme/app:2",
		`failed to push ghcr.io/a/b:1: denied: permission_denied`:                                                                    "ghcr.io/a/b:1",
		`failed to solve: docker.io/library/alpine:nope: not found`:                                                                  "docker.io/library/alpine:nope",
		`failed to fetch oauth token: denied: denied`:                                                                                "",
		`failed to resolve source metadata for ******: x`:                                                                            "",
		``: "",
	} {
		assert.Equal(t, want, ImageIn(text), text)
	}
}

// TestMentionsCorpus: every message of the corpus that a registry caused has a
// phrase by which a line of a log is noticed; of "NAME: not found" the form of
// the line tells.
func TestMentionsCorpus(t *testing.T) {
	for _, row := range corpus.Rows(t) {
		if Class(row.Class) == NotARegistryError || strings.HasSuffix(row.Error, row.Ref+": not found") {
			continue
		}
		assert.True(t, Mentions(row.Error), row.Error)
	}
	for _, line := range []string{"", "npm ERR! 403 Forbidden", "remote: denied", "fatal: unable to access: 401", "E: Failed to fetch http://x 403 Forbidden", "docker build failed"} {
		assert.False(t, Mentions(line), line)
	}
}

func TestAlone(t *testing.T) {
	c := Diagnose("ghcr.io/a/b:1", ghcrBareDenied).Alone("ghcr.io/a/b:1")
	assert.Equal(t, "ghcr.io refused the stored credentials (denied)", c.Headline)
	assert.Contains(t, c.Open, "not known")
	assert.Equal(t, "docker logout ghcr.io", c.Remedies[0].Command)
	assert.Equal(t, "docker pull ghcr.io/a/b:1", c.Remedies[1].Command)
	assert.Contains(t, c.Remedies[2].Command, "docker login ghcr.io")

	c = Diagnose("ghcr.io/a/b:1", ghcrHead403).Alone("ghcr.io/a/b:1")
	assert.NotContains(t, c.Headline, "private")
	assert.NotContains(t, c.Headline, "stored credentials")
	assert.Contains(t, c.Open, "whether a login was sent")

	for _, text := range []string{ghcrAnonymous, brokenHelper, "ghcr.io/a/b:1: not found"} {
		d := Diagnose("ghcr.io/a/b:1", text)
		c = d.Alone("ghcr.io/a/b:1")
		assert.Empty(t, c.Open)
		assert.Equal(t, d.Remedies, c.Remedies)
	}
}

func TestRefusedPush(t *testing.T) {
	d := Diagnose("", `ERROR: failed to build: failed to solve: failed to push ghcr.io/a/b:1: denied: permission_denied: write_package`)
	assert.Equal(t, DeniedAmbiguous, d.Class)
	assert.Equal(t, "ghcr.io", d.Host)
	assert.False(t, d.AnonymousRetryCanHelp)
	for _, r := range d.Remedies {
		assert.NotContains(t, r.Command, "logout")
	}
}

func TestFailedCommandQuotesAnything(t *testing.T) {
	for _, quoted := range []string{"denied by policy", "failed to fetch oauth token: denied", "context canceled", "429 Too Many Requests", "error getting credentials - err: x"} {
		for _, text := range []string{
			`ERROR: failed to build: failed to solve: process "/bin/sh -c echo ` + quoted + `; false" did not complete successfully: exit code: 1`,
			`#9 ERROR: executor failed running [/bin/sh -c echo ` + quoted + `; false]: exit code: 1`,
		} {
			assert.Equal(t, NotARegistryError, Diagnose("", text).Class, text)
		}
	}
}
