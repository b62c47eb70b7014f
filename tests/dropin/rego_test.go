package dropin

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// regoPolicy is a policy of the client (buildx reads Dockerfile.rego) that allows
// what is local, Docker Hub, the frontend images, and what rules add.
func regoPolicy(rules string) string {
	return `package docker

default allow := false

allow if input.local

allow if input.image.host == "docker.io"

allow if startswith(input.image.host, "127.0.0.1")

` + rules + `
decision := {"allow": allow}
`
}

// anyOtherHost allows every host but ghcr.io: the loophole through which another
// spelling of the host could slip.
const anyOtherHost = `
allow if {
  input.image
  input.image.host != "ghcr.io"
}
`

// TestRegoPolicies: a policy of the session decides about the image that the user
// named. It is asked at metadata resolution and when the image is solved, may ask
// the registry for more, and must not be led around by the other spelling.
func TestRegoPolicies(t *testing.T) {
	for _, tc := range []struct {
		name  string
		rules string
		login func(*testing.T, *harness.Env) *harness.DockerConfig
		want  string // in the error; empty: it builds
		asked bool   // the registry is asked for the image
	}{
		{name: "any image, login good", rules: "allow if input.image\n", login: world.Good, asked: true},
		{name: "any image, login refused", rules: "allow if input.image\n", login: world.Stale, asked: true},
		{name: "none of ghcr.io, login good", rules: anyOtherHost, login: world.Good, want: "not allowed by policy"},
		{name: "none of ghcr.io, login refused", rules: anyOtherHost, login: world.Stale, want: "not allowed by policy"},
		{name: "only ghcr.io as written, login refused", rules: "allow if input.image.host == \"ghcr.io\"\n", login: world.Stale, want: "policy", asked: true},
		{
			name: "a label that the image has not, login good", login: world.Good, want: "not allowed by policy", asked: true,
			rules: "allow if {\n  input.image.host == \"ghcr.io\"\n  input.image.labels.good == \"yes\"\n}\n" + anyOtherHost,
		},
		{
			name: "a label that the image has not, login refused", login: world.Stale, want: "policy", asked: true,
			rules: "allow if {\n  input.image.host == \"ghcr.io\"\n  input.image.labels.good == \"yes\"\n}\n" + anyOtherHost,
		},
		{
			name: "a label that the image must not have, login refused", login: world.Stale, want: "policy", asked: true,
			rules: "allow if {\n  input.image.host == \"ghcr.io\"\n  not input.image.labels.bad\n}\n" + anyOtherHost,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e, _, d := world.FreshDaemon(t)
			opt := harness.CommandOpt{
				Files:        map[string]string{"Dockerfile": world.UVDockerfile, "Dockerfile.rego": regoPolicy(tc.rules)},
				DockerConfig: tc.login(t, e),
			}
			up := world.Buildx(t, d, shared.Upstream, opt)
			shared.Reset()
			out := world.Buildx(t, d, shared.Pullsafe, opt)
			if tc.want == "" {
				require.Zero(t, out.Code, out.Stderr)
			} else {
				require.NotZero(t, up.Code, up.Stderr)
				require.NotZero(t, out.Code, out.Stderr)
				require.Contains(t, out.Stderr, tc.want)
			}
			if !tc.asked {
				require.Empty(t, shared.GHCR.Requests(), "a denied image is not asked for")
			}
			for _, r := range shared.GHCR.Requests().WithCredentials() {
				require.Equal(t, "ghcr.io", r.Host)
			}
		})
	}
}
