package diagnosis

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

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
			`executor failed running [/bin/sh -c echo ` + quoted + `; false]: exit code: 1`,
		} {
			assert.Equal(t, NotARegistryError, Diagnose("", text).Class, text)
		}
	}
}

// TestQuotedByDockerd: Docker Engine 29 gives a registry's message without its code.
func TestQuotedByDockerd(t *testing.T) {
	for text, want := range map[string]Class{
		"denied": DeniedAmbiguous,
		"requested access to the resource is denied":                              DeniedAmbiguous,
		"authentication required":                                                 DeniedAmbiguous,
		"incorrect username or password":                                          CredentialsRejected,
		"toomanyrequests: You have reached your unauthenticated pull rate limit.": RateLimited,
		"You have reached your pull rate limit.":                                  RateLimited,
		"something else":                                                          NotARegistryError,
	} {
		d := Diagnose("ghcr.io/a/b:1", "Error response from daemon: error from registry: "+text)
		assert.Equal(t, want, d.Class, text)
		assert.Equal(t, want == DeniedAmbiguous || want == CredentialsRejected, d.AnonymousRetryCanHelp, text)
	}
	assert.Equal(t, AuthRequired, Diagnose("", "failed to fetch anonymous token: error from registry: denied").Class, "behind BuildKit's phrase")
}
