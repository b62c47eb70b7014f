package diagnosis

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/org/pullsafe/internal/corpus"
)

func TestMatcherExamples(t *testing.T) {
	for _, m := range matchers {
		t.Run(m.name, func(t *testing.T) {
			assert.Equal(t, m.class, Diagnose("", m.example).Class)
		})
	}
}

func TestDiagnoseMessages(t *testing.T) {
	for _, m := range corpus.Messages {
		t.Run(m.Name, func(t *testing.T) {
			for _, text := range []string{m.Text, "ERROR: failed to build: failed to solve: " + m.Text} {
				if strings.HasPrefix(m.Text, "#") && text != m.Text {
					continue
				}
				d := Diagnose(m.Ref, text)
				assert.Equal(t, Class(m.Class), d.Class, text)
				assert.Equal(t, m.Retry, d.AnonymousRetryCanHelp, text)
				assert.Equal(t, m.Used, used(d), text)
				assert.Equal(t, m.Code, d.HTTPStatus, text)
				assert.NotContains(t, d.Message, "failed to fetch oauth token")
			}
		})
	}
}

// TestReadings: of several readings the one counts that tells most.
func TestReadings(t *testing.T) {
	d := Diagnose("ghcr.io/a/b:1", "failed to fetch oauth to ken: denied", "failed to fetch oauth token: denied", "nothing")
	assert.Equal(t, CredentialsRejected, d.Class)
	assert.Equal(t, "denied", d.Message)
	assert.Equal(t, NotARegistryError, Diagnose("").Class)
}

func used(d Diagnosis) string {
	switch {
	case d.UsedCredentials == nil:
		return ""
	case *d.UsedCredentials:
		return "with"
	}
	return "without"
}

func TestDiagnoseHost(t *testing.T) {
	for _, tc := range []struct{ ref, text, host string }{
		{"alpine", "x", "docker.io"},
		{"127.0.0.1:5000/a", "x", "127.0.0.1:5000"},
		{"GHCR.IO/a/b", "x", "GHCR.IO"},
		{"localhost/a", "x", "localhost"},
		{"docker-image://quay.io/a/b@sha256:" + strings.Repeat("a", 64), "x", "quay.io"},
		{"our-registry.com:port/a:1", "x", "our-registry.com:port"},
		{"NODE", "x", ""},
		{"", `failed to do request: Head "https://registry-1.docker.io/v2/library/a/manifests/1": EOF`, "docker.io"},
		{"", `failed to do request: Head "https://mirror.example.com/v2/a/b/manifests/1?ns=ghcr.io": EOF`, "ghcr.io"},
		{"", `failed to fetch anonymous token: unexpected status from GET request to https://authn.nvidia.com/token?service=registry: 401 Unauthorized`, ""},
		{"", `failed to fetch oauth token: unexpected status from GET request to https://ghcr.io/token?scope=x&service=ghcr.io: 403 Forbidden`, "ghcr.io"},
		{"", `quay.io/a/b:1: not found`, "quay.io"},
		{"", `failed to fetch oauth token: denied: denied`, ""},
	} {
		assert.Equal(t, tc.host, Diagnose(tc.ref, tc.text).Host, tc.ref+tc.text)
	}
}

func TestDiagnoseNetwork(t *testing.T) {
	assert.Equal(t, NetworkClient, Diagnose("a/b", `failed to fetch oauth token: Post "https://auth.docker.io/token": EOF`).Network)
	assert.Equal(t, NetworkClient, Diagnose("a/b", `fetching auth token from session: context deadline exceeded`).Network)
	assert.Equal(t, NetworkDaemon, Diagnose("a/b", `failed to do request: Head "https://registry-1.docker.io/v2/a/b/manifests/1": EOF`).Network)
	assert.Empty(t, Diagnose("a/b", `docker.io/a/b:1: not found`).Network)
}

func TestTransientAndNextAlias(t *testing.T) {
	for _, tc := range []struct {
		name, text      string
		transient, next bool
	}{
		{"anonymous refusal", `failed to fetch anonymous token: unexpected status: 403 Forbidden`, false, false},
		{"credentials sent after all", `failed to fetch oauth token: denied: denied`, false, true},
		{"unknown who asked", `unexpected status from HEAD request to https://ghcr.io/v2/a/b/manifests/1: 403 Forbidden`, false, true},
		{"helper", "error getting credentials - err: exit status 1, out: `x`", false, true},
		{"503", `unexpected status from HEAD request to https://ghcr.io/v2/a/b/manifests/1: 503 Service Unavailable`, true, true},
		{"503 of the token service", `failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token?service=ghcr.io: 503 Service Unavailable`, true, false},
		{"503 of the token service, with credentials", `failed to fetch oauth token: unexpected status from GET request to https://ghcr.io/token?service=ghcr.io: 503 Service Unavailable`, true, true},
		{"421 of the token service", `failed to fetch anonymous token: unexpected status from GET request to https://GHCR.IO/token?service=ghcr.io: 421 Misdirected Request`, false, true},
		{"421", `unexpected status from HEAD request to https://GHCR.IO/v2/a/b/manifests/1: 421 Misdirected Request`, false, true},
		{"redirect back", `failed to do request: Head "https://ghcr.io/v2/a/b/manifests/1": failed to authorize redirect: failed to fetch oauth token: denied: denied`, false, true},
		{"redirect for ever", `failed to do request: Head "https://ghcr.io/v2/a/b/manifests/1": stopped after 10 redirects`, false, true},
		{"unknown server name", `failed to do request: Head "https://GHCR.IO/v2/a/b/manifests/1": remote error: tls: unrecognized name`, false, true},
		{"400", `unexpected status from HEAD request to https://ghcr.io/v2/a/b/manifests/1: 400 Bad Request`, false, true},
		{"404", `ghcr.io/a/b:1: not found`, false, true},
		{"429", `unexpected status from HEAD request to https://ghcr.io/v2/a/b/manifests/1: 429 Too Many Requests`, false, false},
		{"tls", `failed to do request: Head "https://GHCR.IO/v2/a/b/manifests/1": tls: handshake failure`, false, true},
		{"network", `failed to do request: Head "https://GHCR.IO/v2/a/b/manifests/1": EOF`, true, true},
		{"redirect", `unexpected status code https://x/v2/: 301 Moved Permanently`, false, true},
		{"policy", `source "docker-image://GHCR.IO/a/b:1" denied by policy: source denied by policy`, false, false},
		{"canceled", `context canceled`, false, false},
		{"platform", `no match for platform in manifest: not found`, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := Diagnose("ghcr.io/a/b:1", tc.text)
			assert.Equal(t, tc.transient, d.Transient())
			assert.Equal(t, tc.next, d.TryNextAlias())
		})
	}
}

func TestPolicySource(t *testing.T) {
	assert.Equal(t, "docker-image://ghcr.io/a/b:1", PolicySource(`x: source "docker-image://ghcr.io/a/b:1" denied by policy: source denied by policy`))
	assert.Equal(t, "docker-image://ghcr.io/a/b:1", PolicySource(`error="source \"docker-image://ghcr.io/a/b:1\" not allowed by policy: action DENY"`))
	assert.Empty(t, PolicySource(`failed to fetch oauth token: denied: denied`))
	assert.Empty(t, PolicySource(`no decision in policy response`))
}

// TestPolicyOfARegistry: what a registry says of policies is its own answer, not the
// verdict of one, in whatever BuildKit quotes it.
func TestPolicyOfARegistry(t *testing.T) {
	for _, said := range []string{
		`source "docker-image://ghcr.io/a/b:1" denied by policy`,
		`could not resolve image due to policy: source "docker-image://evil.test/x:1" not allowed by policy: action DENY`,
		`denied: source "docker-image://ghcr.io/a/b:1" denied by policy: source denied by policy`,
	} {
		for _, quoting := range []string{
			"failed to authorize: failed to fetch oauth token: denied: %",
			"failed to fetch oauth token: %",
			"failed to fetch oauth token: unexpected status from POST request to https://ghcr.io/token: 403 Forbidden: %",
			"failed to fetch anonymous token: denied: %",
			"unexpected status from GET request to https://ghcr.io/v2/a/b/manifests/1: 403 Forbidden\ndenied: %",
			"unexpected status from GET request to https://ghcr.io/v2/a/b/manifests/1: 403 Forbidden\n%",
			"pull access denied, repository does not exist or may require authorization: server message: %",
			`failed to do request: Head "https://ghcr.io/v2/a/b/manifests/1": %`,
			"denied: %", "unauthorized: %",
		} {
			text := strings.ReplaceAll(quoting, "%", said)
			t.Run(text, func(t *testing.T) {
				assert.NotEqual(t, PolicyDenied, Diagnose("ghcr.io/a/b:1", text).Class)
				assert.Empty(t, PolicySource(text))
			})
		}
	}
}

// benchTexts are messages of the usual length, a long one, and a whole log.
var benchTexts = []struct{ name, text string }{
	{"short", corpus.Messages[4].Text},
	{"long", corpus.Messages[1].Text},
	{"log", strings.Repeat("#9 1.0 some output of a step\nmore of it without a prefix\n", 200) + "ERROR: failed to solve: " + corpus.Messages[1].Text},
}

func BenchmarkDiagnose(b *testing.B) {
	for _, m := range benchTexts {
		b.Run(m.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Diagnose("ghcr.io/a/b:1", m.text)
			}
		})
	}
}

// TestDiagnoseAllocations: the rules look at the text where it is; the log's 400
// lines cost less than two allocations each, under the race detector too.
func TestDiagnoseAllocations(t *testing.T) {
	for _, m := range benchTexts {
		assert.Less(t, testing.AllocsPerRun(10, func() { Diagnose("ghcr.io/a/b:1", m.text) }), 800.0, m.name)
	}
}
