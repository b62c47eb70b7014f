package tests

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/buildkit/client"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend"
	"github.com/org/pullsafe/tests/harness"
)

const uvDockerfile = `FROM alpine:3.23
COPY --from=ghcr.io/astral-sh/uv:0.7.1 /uv /uvx /bin/
RUN uv > /version
`

// requireAnonymousPull asserts what the registry saw of a repository that was
// pulled in spite of a refused login: the login once at the token service, and
// nobody's credentials in anything that came after.
func requireAnonymousPull(t *testing.T, reg *harness.Registry, repository string, wantHost string) {
	t.Helper()
	seen := reg.Requests()
	require.NotEmpty(t, seen.WithCredentials(), "the login was not tried")
	require.Empty(t, seen.Manifests(repository).WithCredentials(), "%s", seen)
	require.Empty(t, seen.Blobs(repository).WithCredentials(), "%s", seen)
	require.NotEmpty(t, seen.Blobs(repository), "%s", seen)
	for _, r := range seen {
		if r.Host == wantHost {
			require.True(t, r.Auth.Anonymous(), "credentials went to %s: %s", wantHost, seen)
		}
	}
	for _, r := range seen.Blobs(repository) {
		require.Equal(t, wantHost, r.Host)
	}
}

func TestRefusedCredentialsOfPublicImage(t *testing.T) {
	both(t, func(t *testing.T, fe harness.Frontend) {
		e, c := fresh(t)
		out := t.TempDir()
		res := solve(t, e, c, harness.SolveInput{
			Frontend:     fe,
			Files:        dockerfile(uvDockerfile),
			DockerConfig: staleLogin(t, e, "ghcr.io"),
			Exports:      []client.ExportEntry{{Type: client.ExporterLocal, OutputDir: out}},
		})
		require.NoError(t, res.Err)
		version, err := os.ReadFile(filepath.Join(out, "version"))
		require.NoError(t, err)
		require.Equal(t, "uv 0.7.1\n", string(version))

		requireAnonymousPull(t, shared.ghcr, "astral-sh/uv", "GHCR.IO")
		exchanges := shared.ghcr.Requests().Tokens().WithCredentials().Where(func(r harness.Request) bool { return r.Method == http.MethodGet })
		require.Len(t, exchanges, 1, "the refused login is tried once: %s", shared.ghcr.Requests())
		require.Empty(t, shared.hub.Requests().WithCredentials())

		const step = "[internal] load metadata for ghcr.io/astral-sh/uv:0.7.1"
		require.NotNil(t, res.Vertex(step+" (without credentials)"), "%q", res.Names())
		require.NotEmpty(t, res.Vertex(step).Error)
		for _, name := range res.Names() {
			require.NotContains(t, name, "GHCR.IO", "steps must keep the name that the user wrote")
		}

		require.Len(t, res.Warnings, 1)
		w := res.Warnings[0]
		require.Equal(t, "RegistryCredentialsRefused: ghcr.io refused the stored credentials; "+
			"pulled ghcr.io/astral-sh/uv:0.7.1 without them. Run: docker logout ghcr.io (line 2)", string(w.Short))
		require.Equal(t, "Dockerfile", w.SourceInfo.Filename)
		require.EqualValues(t, 2, w.Range[0].Start.Line)
		require.NotEmpty(t, w.Detail)
		require.Contains(t, w.URL, frontend.RuleCredentialsRefused)
	})
}

func TestOneWarningARegistryHost(t *testing.T) {
	both(t, func(t *testing.T, fe harness.Frontend) {
		e, c := fresh(t)
		res := solve(t, e, c, harness.SolveInput{
			Frontend: fe,
			Files: dockerfile("FROM ghcr.io/acme/base:1 AS a\nFROM ghcr.io/acme/base:2 AS b\nFROM alpine:3.23\n" +
				"COPY --from=a /etc/passwd /a\nCOPY --from=b /etc/passwd /b\nCOPY --from=ghcr.io/acme/tools:2 /etc/passwd /c\n"),
			DockerConfig: staleLogin(t, e, "ghcr.io", harness.HubAuthKey),
		})
		require.NoError(t, res.Err)
		var short []string
		for _, w := range res.Warnings {
			short = append(short, string(w.Short))
		}
		require.Len(t, short, 2, "%q", short)
		require.Contains(t, strings.Join(short, "\n"), "ghcr.io refused the stored credentials")
		require.Contains(t, strings.Join(short, "\n"), "docker.io refused the stored credentials")
		requireAnonymousPull(t, shared.hub, "library/alpine", "REGISTRY-1.DOCKER.IO")
		for _, repo := range []string{"acme/base", "acme/tools"} {
			requireAnonymousPull(t, shared.ghcr, repo, "GHCR.IO")
		}
	})
}

// The other image of the host keeps the login that is good for it.
func TestLoginFitForOneRepositoryOnly(t *testing.T) {
	both(t, func(t *testing.T, fe harness.Frontend) {
		e, c := fresh(t)
		// A name of its own: the client keeps connections to a registry open.
		host := "fit-" + fe.Name + ".test"
		reg, err := e.StartRegistry(t.Context(), harness.RegistryOpt{
			Hosts: []string{host}, Mode: harness.ModeToken,
			// The user may read the private image but is refused for the public one.
			Access: func(user, repository string) bool {
				return (user != "") == harness.PrivateRepository(repository)
			},
		})
		require.NoError(t, err)
		defer reg.Disconnect()
		for _, name := range []string{"acme/private-base:1", "acme/base:1"} {
			_, err = reg.Push(t.Context(), name, base(name))
			require.NoError(t, err)
		}
		res := solve(t, e, c, harness.SolveInput{
			Frontend:     fe,
			Files:        dockerfile("FROM " + host + "/acme/private-base:1\nCOPY --from=" + host + "/acme/base:1 /etc/passwd /p\nRUN true\n"),
			DockerConfig: goodLogin(t, e, host),
		})
		require.NoError(t, res.Err, "%s", reg.Requests())
		for _, r := range reg.Requests().Blobs("acme/private-base") {
			require.Equal(t, host, r.Host)
			require.Equal(t, harness.AuthTokenUser, r.Auth)
		}
		for _, r := range reg.Requests().Blobs("acme/base") {
			require.Equal(t, strings.ToUpper(host), r.Host)
			require.True(t, r.Auth.Anonymous())
		}
	})
}

func TestRefusedWithoutTLS(t *testing.T) {
	both(t, func(t *testing.T, fe harness.Frontend) {
		e, c := fresh(t)
		host := shared.plain.Addr
		ip, port, _ := strings.Cut(host, ":")
		res := solve(t, e, c, harness.SolveInput{
			Frontend:     fe,
			Files:        dockerfile("FROM " + host + "/acme/base:1\nRUN true\n"),
			DockerConfig: staleLogin(t, e, host),
		})
		require.NoError(t, res.Err)
		requireAnonymousPull(t, shared.plain, "acme/base", ip+":0"+port)
	})
}

func TestRefusedByBasicRegistry(t *testing.T) {
	both(t, func(t *testing.T, fe harness.Frontend) {
		e, c := fresh(t)
		res := solve(t, e, c, harness.SolveInput{
			Frontend:     fe,
			Files:        dockerfile("FROM " + basicHost + "/acme/base:1\nRUN true\n"),
			DockerConfig: staleLogin(t, e, basicHost),
		})
		require.NoError(t, res.Err, "%s", shared.basic.Requests())
		for _, r := range shared.basic.Requests().Blobs() {
			require.Equal(t, harness.AuthNone, r.Auth)
		}
	})
}

// A registry, or what stands before it, may refuse one spelling of its name.
func TestSpellingThatTheRegistryRefuses(t *testing.T) {
	for _, tc := range []struct {
		name   string
		port   bool // it is the spelling with a port that is refused
		status int
	}{
		{name: "case-503", status: 503},
		{name: "case-404", status: 404},
		{name: "case-400", status: 400},
		{name: "case-403", status: 403},
		{name: "port-503", status: 503, port: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			both(t, func(t *testing.T, fe harness.Frontend) {
				e, c := fresh(t)
				host := tc.name + "-" + fe.Name + ".test"
				upper := strings.ToUpper(host)
				reg, err := e.StartRegistry(t.Context(), harness.RegistryOpt{
					Hosts: []string{host}, Mode: harness.ModeToken,
					RefuseHost: func(h string) int {
						if (tc.port && strings.HasSuffix(h, ":443")) || (!tc.port && h == upper) {
							return tc.status
						}
						return 0
					},
				})
				require.NoError(t, err)
				defer reg.Disconnect()
				_, err = reg.Push(t.Context(), "acme/base:1", base(host))
				require.NoError(t, err)
				res := solve(t, e, c, harness.SolveInput{
					Frontend:     fe,
					Files:        dockerfile("FROM " + host + "/acme/base:1\nRUN true\n"),
					DockerConfig: staleLogin(t, e, host),
				})
				require.NoError(t, res.Err, "%s", reg.Requests())
				want := host + ":443"
				if tc.port {
					want = upper
				}
				requireAnonymousPull(t, reg, "acme/base", want)
			})
		})
	}
}
