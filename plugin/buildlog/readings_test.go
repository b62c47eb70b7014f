package buildlog

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/internal/corpus"
)

// TestMessagesInLines: the prefixes that tools and CI systems put before a message,
// and the width of a terminal, change nothing of what it means.
func TestMessagesInLines(t *testing.T) {
	for _, m := range corpus.Messages {
		for _, text := range []string{m.Text, "ERROR: failed to build: failed to solve: " + m.Text, wrap(m.Text, 80), "2026-01-02T03:04:05.678Z " + m.Text} {
			if strings.HasPrefix(m.Text, "#") && text != m.Text {
				continue
			}
			d := diagnose(m.Ref, text)
			assert.Equal(t, diagnosis.Class(m.Class), d.Class, text)
			assert.Equal(t, m.Retry, d.AnonymousRetryCanHelp, text)
			assert.Equal(t, m.Code, d.HTTPStatus, text)
			used := ""
			if d.UsedCredentials != nil {
				used = map[bool]string{true: "with", false: "without"}[*d.UsedCredentials]
			}
			assert.Equal(t, m.Used, used, text)
			assert.NotContains(t, d.Message, "failed to fetch oauth token")
		}
	}
}

// TestCorpusAsTheFrontend: what is no log is read as the frontend reads it.
func TestCorpusAsTheFrontend(t *testing.T) {
	for _, row := range corpus.Rows(t) {
		assert.Equal(t, diagnosis.Diagnose(row.Ref, row.Error).Class, diagnose(row.Ref, row.Error).Class, row.Error)
	}
}

// wrap cuts lines as a terminal does, in the middle of words.
func wrap(text string, width int) string {
	if strings.Contains(text, "\n") {
		return text
	}
	var b strings.Builder
	for len(text) > width {
		b.WriteString(text[:width] + "\n")
		text = text[width:]
	}
	return b.String() + text
}

func TestWrappedAnywhere(t *testing.T) {
	for _, m := range corpus.Messages {
		for width := 80; width < 100; width++ {
			d := diagnose(m.Ref, wrap(m.Text, width))
			assert.Equal(t, diagnosis.Class(m.Class), d.Class, "%d: %s", width, m.Text)
			assert.Equal(t, m.Retry, d.AnonymousRetryCanHelp, "%d: %s", width, m.Text)
		}
	}
}

func TestBuildLog(t *testing.T) {
	log := `#1 [internal] load build definition from Dockerfile
#2 [internal] load metadata for docker.io/library/alpine:3
#2 CANCELED
#3 [internal] load metadata for ghcr.io/a/b:1
#3 ERROR: failed to authorize: failed to fetch oauth token: unexpected status from GET request to https://ghcr.io/token?scope=repository%3Aa%2Fb%3Apull&service=ghcr.io: 403 Forbidden
------
 > [internal] load metadata for ghcr.io/a/b:1:
------
Dockerfile:1
--------------------
   1 | >>> FROM ghcr.io/a/b:1 # not found, denied by policy
--------------------
ERROR: failed to solve: ghcr.io/a/b:1: failed to resolve source metadata for ghcr.io/a/b:1: failed to authorize: failed to fetch oauth token: unexpected status from GET request to https://ghcr.io/token?scope=repository%3Aa%2Fb%3Apull&service=ghcr.io: 403 Forbidden
`
	d := diagnose("", log)
	assert.Equal(t, diagnosis.CredentialsRejected, d.Class)
	assert.Equal(t, "ghcr.io", d.Host)
	assert.True(t, d.AnonymousRetryCanHelp)
	assert.Equal(t, diagnosis.Canceled, diagnose("", "#2 [internal] load metadata for docker.io/library/alpine:3\n#2 CANCELED\n").Class)
	// The end of a log that is longer than what is looked at.
	assert.Equal(t, diagnosis.CredentialsRejected, diagnose("", strings.Repeat("#9 1.0 noise\nnoise\n", 5000)+log).Class)
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
		assert.Equal(t, want, parsed(diagnose("", text).Named), text)
	}
}

func TestFailedCommandQuotesAnything(t *testing.T) {
	for _, quoted := range []string{"denied by policy", "failed to fetch oauth token: denied", "context canceled", "429 Too Many Requests", "error getting credentials - err: x"} {
		for _, text := range []string{
			`ERROR: failed to build: failed to solve: process "/bin/sh -c echo ` + quoted + `; false" did not complete successfully: exit code: 1`,
			`#9 ERROR: executor failed running [/bin/sh -c echo ` + quoted + `; false]: exit code: 1`,
		} {
			assert.Equal(t, diagnosis.NotARegistryError, diagnose("", text).Class, text)
		}
	}
}
