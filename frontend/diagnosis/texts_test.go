package diagnosis

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

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

func TestDeniedPush(t *testing.T) {
	d := Diagnose("", `ERROR: failed to build: failed to solve: failed to push ghcr.io/a/b:1: denied: permission_denied: write_package`)
	assert.Equal(t, DeniedAmbiguous, d.Class)
	assert.Equal(t, "ghcr.io", d.Host)
	assert.False(t, d.AnonymousRetryCanHelp)
	assert.True(t, d.Push)
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
