package tests

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/client"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend"
	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

func TestRefusedCredentialsOfPublicImage(t *testing.T) {
	world.Both(t, func(t *testing.T, fe harness.Frontend) {
		e, c := world.Fresh(t)
		out := t.TempDir()
		res := world.Solve(t, e, c, harness.SolveInput{
			Frontend:     fe,
			Files:        world.Dockerfile(world.UVDockerfile),
			DockerConfig: world.StaleLogin(t, e, "ghcr.io"),
			Exports:      []client.ExportEntry{{Type: client.ExporterLocal, OutputDir: out}},
		})
		require.NoError(t, res.Err)
		version, err := os.ReadFile(filepath.Join(out, "version"))
		require.NoError(t, err)
		require.Equal(t, "uv 0.7.1\n", string(version))

		world.RequireAnonymousPull(t, shared.GHCR, "astral-sh/uv", "GHCR.IO:443")
		exchanges := shared.GHCR.Requests().Tokens().WithCredentials().Where(func(r harness.Request) bool { return r.Method == http.MethodGet })
		require.Len(t, exchanges, 1, "the refused login is tried once: %s", shared.GHCR.Requests())
		require.Empty(t, shared.Hub.Requests().WithCredentials())

		world.RequireNoScar(t, res, true)
		require.Contains(t, res.Names(), "[internal] load metadata for ghcr.io/astral-sh/uv:0.7.1")
		require.Contains(t, res.Names(), "[pullsafe] ghcr.io rejected the stored credentials (\"denied\"). Run: docker logout ghcr.io. Resolved ghcr.io/astral-sh/uv:0.7.1 without them")

		require.Len(t, res.Warnings, 1)
		w := res.Warnings[0]
		require.Equal(t, "RegistryCredentialsRejected: ghcr.io rejected the stored credentials; "+
			"resolved ghcr.io/astral-sh/uv:0.7.1 without them. Run: docker logout ghcr.io (line 2)", string(w.Short))
		require.Equal(t, "Dockerfile", w.SourceInfo.Filename)
		require.EqualValues(t, 2, w.Range[0].Start.Line)
		require.NotEmpty(t, w.Detail)
		require.Contains(t, w.URL, frontend.RuleCredentialsRejected)
	})
}

func TestOneWarningARegistryHost(t *testing.T) {
	world.Both(t, func(t *testing.T, fe harness.Frontend) {
		e, c := world.Fresh(t)
		res := world.Solve(t, e, c, harness.SolveInput{
			Frontend: fe,
			Files: world.Dockerfile("FROM ghcr.io/acme/base:1 AS a\nFROM ghcr.io/acme/base:2 AS b\nFROM alpine:3.23\n" +
				"COPY --from=a /etc/passwd /a\nCOPY --from=b /etc/passwd /b\nCOPY --from=ghcr.io/acme/tools:2 /etc/passwd /c\n"),
			DockerConfig: world.StaleLogin(t, e, "ghcr.io", harness.HubAuthKey),
		})
		require.NoError(t, res.Err)
		var short []string
		for _, w := range res.Warnings {
			short = append(short, string(w.Short))
		}
		require.Len(t, short, 2, "%q", short)
		require.Contains(t, strings.Join(short, "\n"), "ghcr.io rejected the stored credentials")
		require.Contains(t, strings.Join(short, "\n"), "docker.io rejected the stored credentials")
		world.RequireAnonymousPull(t, shared.Hub, "library/alpine", "REGISTRY-1.DOCKER.IO")
		for _, repo := range []string{"acme/base", "acme/tools"} {
			world.RequireAnonymousPull(t, shared.GHCR, repo, "GHCR.IO:443")
		}
	})
}

// The other image of the host keeps the login that is good for it.
func TestLoginFitForOneRepositoryOnly(t *testing.T) {
	world.Both(t, func(t *testing.T, fe harness.Frontend) {
		e, c := world.Fresh(t)
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
			_, err = reg.Push(t.Context(), name, world.Base(name))
			require.NoError(t, err)
		}
		res := world.Solve(t, e, c, harness.SolveInput{
			Frontend:     fe,
			Files:        world.Dockerfile("FROM " + host + "/acme/private-base:1\nCOPY --from=" + host + "/acme/base:1 /etc/passwd /p\nRUN true\n"),
			DockerConfig: world.GoodLogin(t, e, host),
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
	world.Both(t, func(t *testing.T, fe harness.Frontend) {
		e, c := world.Fresh(t)
		host := shared.Plain.Addr
		ip, port, _ := strings.Cut(host, ":")
		res := world.Solve(t, e, c, harness.SolveInput{
			Frontend:     fe,
			Files:        world.Dockerfile("FROM " + host + "/acme/base:1\nRUN true\n"),
			DockerConfig: world.StaleLogin(t, e, host),
		})
		require.NoError(t, res.Err)
		world.RequireAnonymousPull(t, shared.Plain, "acme/base", ip+":0"+port)
	})
}

func TestRefusedByBasicRegistry(t *testing.T) {
	world.Both(t, func(t *testing.T, fe harness.Frontend) {
		e, c := world.Fresh(t)
		res := world.Solve(t, e, c, harness.SolveInput{
			Frontend:     fe,
			Files:        world.Dockerfile("FROM " + world.BasicHost + "/acme/base:1\nRUN true\n"),
			DockerConfig: world.StaleLogin(t, e, world.BasicHost),
		})
		require.NoError(t, res.Err, "%s", shared.Basic.Requests())
		for _, r := range shared.Basic.Requests().Blobs() {
			require.Equal(t, harness.AuthNone, r.Auth)
		}
	})
}

// TestAliasThatIsNotServed: a registry, or what stands before it, may not serve every
// host alias; the next one then has the image.
func TestAliasThatIsNotServed(t *testing.T) {
	upper := func(h string) bool { return h == strings.ToUpper(h) }
	port := func(h string) bool { return strings.Contains(h, ":") }
	e, c := world.Fresh(t)
	for _, tc := range []struct {
		name    string
		refuses func(host string) bool
		status  int
		want    func(host string) string
	}{
		{"case-503", func(h string) bool { return upper(h) && !port(h) }, 503, func(h string) string { return strings.ToUpper(h) + ":443" }},
		{"case-404", upper, 404, func(h string) string { return h + ":443" }},
		{"case-400", upper, 400, func(h string) string { return h + ":443" }},
		{"case-403", upper, 403, func(h string) string { return h + ":443" }},
		{"case-421", upper, 421, func(h string) string { return h + ":443" }},
		{"port-503", port, 503, strings.ToUpper},
	} {
		t.Run(tc.name, func(t *testing.T) {
			world.Image(t, func(t *testing.T, fe harness.Frontend) {
				host := tc.name + "-" + fe.Name + ".test"
				reg, err := e.StartRegistry(t.Context(), harness.RegistryOpt{
					Hosts: []string{host}, Mode: harness.ModeToken,
					RefuseHost: func(h string) int {
						if tc.refuses(h) {
							return tc.status
						}
						return 0
					},
				})
				require.NoError(t, err)
				defer reg.Disconnect()
				_, err = reg.Push(t.Context(), "acme/base:1", world.Base(host))
				require.NoError(t, err)
				res := world.Solve(t, e, c, harness.SolveInput{
					Frontend:     fe,
					Files:        world.Dockerfile("FROM " + host + "/acme/base:1\nRUN true\n"),
					DockerConfig: world.StaleLogin(t, e, host),
				})
				require.NoError(t, res.Err, "%s", reg.Requests())
				world.RequireAnonymousPull(t, reg, "acme/base", tc.want(host))
			})
		})
	}
}

// TestAliasIsLearned: the alias that had the first image of a host is the only one that
// is asked for the next, here that of a trigger of the first.
func TestAliasIsLearned(t *testing.T) {
	world.Image(t, func(t *testing.T, fe harness.Frontend) {
		e, c := world.Fresh(t)
		host := "learned-" + fe.Name + ".test"
		reg, err := e.StartRegistry(t.Context(), harness.RegistryOpt{
			Hosts: []string{host}, Mode: harness.ModeToken,
			RefuseHost: func(h string) int {
				if h == strings.ToUpper(h) {
					return http.StatusNotFound // which may be about one image
				}
				return 0
			},
		})
		require.NoError(t, err)
		defer reg.Disconnect()
		base := world.Base(host)
		base.Config.OnBuild = []string{"COPY --from=" + host + "/acme/tool:1 /etc/image /tool"}
		for name, img := range map[string]harness.Image{"acme/base:1": base, "acme/tool:1": world.Base(host + "/tool")} {
			_, err = reg.Push(t.Context(), name, img)
			require.NoError(t, err)
		}
		res := world.Solve(t, e, c, harness.SolveInput{
			Frontend: fe, Files: world.Dockerfile("FROM " + host + "/acme/base:1\nRUN cat /tool\n"), DockerConfig: world.StaleLogin(t, e, host),
		})
		world.RequireNoScar(t, res, true)
		upper := strings.ToUpper(host)
		require.Equal(t, []string{upper, upper + ":443", host, host + ":443"}, sorted(reg.Requests().Manifests("acme/base").Hosts()), "%s", reg.Requests())
		require.Equal(t, []string{host, host + ":443"}, sorted(reg.Requests().Manifests("acme/tool").Hosts()), "%s", reg.Requests())
	})
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

// TestRefusedEverywhere: the ways in which an image can be named all lead
// through the retry.
func TestRefusedEverywhere(t *testing.T) {
	for _, tc := range []struct {
		name string
		df   string
		opts map[string]string
	}{
		{name: "from", df: "FROM ghcr.io/acme/base:1\nRUN true\n"},
		{name: "copy", df: "FROM scratch\nCOPY --from=ghcr.io/acme/base:1 /etc/passwd /\n"},
		{name: "mount", df: "FROM alpine:3.23\nRUN --mount=from=ghcr.io/acme/base:1,target=/x cat /x/etc/passwd > /a\n"},
		{name: "named context", df: "FROM base\nRUN true\n", opts: map[string]string{"context:base": "docker-image://ghcr.io/acme/base:1"}},
		{name: "argument", df: "ARG B\nFROM $B\nRUN true\n", opts: map[string]string{"build-arg:B": "ghcr.io/acme/base:1"}},
		{name: "platforms", df: "FROM ghcr.io/acme/base:1\nCOPY --from=ghcr.io/acme/base:1 /etc/passwd /x\n", opts: map[string]string{"platform": "linux/amd64,linux/arm64"}},
		{name: "onbuild", df: "FROM docker.io/library/onbuild:1\nRUN uv\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			world.Image(t, func(t *testing.T, fe harness.Frontend) {
				e, c := world.Fresh(t)
				res := world.Solve(t, e, c, harness.SolveInput{
					Frontend: fe, Files: world.Dockerfile(tc.df), Opts: tc.opts,
					DockerConfig: world.StaleLogin(t, e, "ghcr.io"),
				})
				require.NoError(t, res.Err)
				require.Len(t, world.RefusedWarnings(res), 1)
				repo := "acme/base"
				if tc.name == "onbuild" {
					repo = "astral-sh/uv"
				}
				world.RequireAnonymousPull(t, shared.GHCR, repo, "GHCR.IO:443")
			})
		})
	}
}
