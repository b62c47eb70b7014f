package field

import (
	"path/filepath"
	"testing"

	"github.com/org/pullsafe/tests/harness"
)

// zot asks as its configuration says.
func zot(auth func(*testing.T, *conf) string) func(*testing.T, *conf) {
	return func(t *testing.T, c *conf) {
		t.Helper()
		c.Lab = c.dir
		write(t, c, "config.json", `{
  "distSpecVersion": "1.0.1-dev",
  "log": {"level": "warn"},
  "storage": {"rootDirectory": "{{.Lab}}/data"},
  "http": {
    "address": "127.0.0.1", "port": "{{.Port}}",
    "tls": {"cert": "{{.Lab}}/cert.pem", "key": "{{.Lab}}/key.pem"},
    `+auth(t, c)+`
  }
}
`)
		own(t, harness.ProgramOpt{
			Name: "zot", Addr: c.Listen, Args: []string{filepath.Join(tool(t, toolZot), "zot"), "serve", c.dir + "/config.json"},
		})
	}
}

// zotTokens has it ask for tokens of a service.
func zotTokens(t *testing.T, c *conf) string {
	t.Helper()
	auth := "auth." + c.Host
	write(t, c, "bundle.pem", newTokenService(t, auth).bundle())
	return `"auth": {"bearer": {"realm": "https://` + auth + `/token", "service": "{{.Host}}", "cert": "{{.Lab}}/bundle.pem"}}`
}

// zotAnonymous has it ask who writes: there is no challenge for pulls.
func zotAnonymous(t *testing.T, c *conf) string {
	t.Helper()
	write(t, c, "htpasswd", htpasswd)
	return `"auth": {"htpasswd": {"path": "{{.Lab}}/htpasswd"}},
    "accessControl": {"**": {"anonymousPolicy": ["read"], "defaultPolicy": ["read", "create", "update"]}}`
}
