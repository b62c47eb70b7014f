package harness_test

import (
	"testing"

	"github.com/moby/buildkit/client"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

const staleMessage = "failed to fetch oauth token: denied: denied"

func TestUpstreamBuilds(t *testing.T) {
	for _, fe := range shared.frontends(t) {
		t.Run(fe.Name, func(t *testing.T) {
			e, c := fresh(t)
			out := t.TempDir()
			res, err := e.Solve(t.Context(), c, harness.SolveInput{
				Frontend: fe,
				Files:    map[string]string{"Dockerfile": uvDockerfile},
				Exports:  []client.ExportEntry{{Type: client.ExporterLocal, OutputDir: out}},
			})
			require.NoError(t, err)
			require.NoError(t, res.Err, res.Logs)
			require.FileExists(t, out+"/bin/uv")
			require.NotNil(t, res.Vertex("RUN uv --version"), "%q", res.Names())
			require.Empty(t, shared.ghcr.Requests().WithCredentials())
			require.NotEmpty(t, shared.ghcr.Requests().Blobs("astral-sh/uv"))
			require.NotEmpty(t, shared.hub.Requests().Blobs("library/alpine"))
			requireNothingRefused(t, e)
		})
	}
}

// This is the failure that pullsafe is for.
func TestStaleCredentialFailsUpstream(t *testing.T) {
	for _, fe := range shared.frontends(t) {
		t.Run(fe.Name, func(t *testing.T) {
			e, c := fresh(t)
			stale, err := e.StaleLogin("ghcr.io")
			require.NoError(t, err)
			res, err := e.Solve(t.Context(), c, harness.SolveInput{
				Frontend: fe, Files: map[string]string{"Dockerfile": uvDockerfile}, DockerConfig: stale,
			})
			require.NoError(t, err)
			require.ErrorContains(t, res.Err, staleMessage)
			tokens := shared.ghcr.Requests().Tokens()
			require.NotEmpty(t, tokens)
			require.Len(t, tokens.WithCredentials(), len(tokens))
		})
	}
	t.Run("buildx", func(t *testing.T) {
		e, _ := fresh(t)
		stale, err := e.StaleLogin("ghcr.io")
		require.NoError(t, err)
		out, err := shared.buildkitd.Buildx(t.Context(), harness.CommandOpt{
			Args:  []string{"build", "--progress=plain", "."},
			Files: map[string]string{"Dockerfile": uvDockerfile}, DockerConfig: stale,
		})
		require.NoError(t, err)
		require.Equal(t, 1, out.Code, out.Stderr)
		require.Contains(t, out.Stderr, staleMessage)
	})
}

func TestOtherSpellingsPullAnonymously(t *testing.T) {
	for _, host := range []string{"GHCR.IO", "ghcr.io:443", "Ghcr.Io:0443"} {
		for _, fe := range shared.frontends(t) {
			t.Run(host+"/"+fe.Name, func(t *testing.T) {
				e, c := fresh(t)
				stale, err := e.StaleLogin("ghcr.io")
				require.NoError(t, err)
				res, err := e.Solve(t.Context(), c, harness.SolveInput{
					Frontend:     fe,
					Files:        map[string]string{"Dockerfile": "FROM " + host + "/acme/public-base:1.0\nRUN echo built\n"},
					DockerConfig: stale,
				})
				require.NoError(t, err)
				require.NoError(t, res.Err)
				seen := shared.ghcr.Requests()
				require.Empty(t, seen.WithCredentials(), "%s", seen)
				require.NotEmpty(t, seen.Blobs("acme/public-base"))
				require.Contains(t, seen.Hosts(), host)
				requireNothingRefused(t, e)
			})
		}
	}
}

func TestGoodCredentialReadsPrivate(t *testing.T) {
	e, c := fresh(t)
	good, err := e.DockerConfig(harness.DockerConfigOpt{Auths: map[string]harness.Login{"ghcr.io": harness.Good}})
	require.NoError(t, err)
	in := harness.SolveInput{Files: map[string]string{"Dockerfile": "FROM ghcr.io/acme/private-base:1\nRUN echo built\n"}}
	res, err := e.Solve(t.Context(), c, in)
	require.NoError(t, err)
	require.ErrorContains(t, res.Err, "failed to fetch anonymous token")
	in.DockerConfig = good
	res, err = e.Solve(t.Context(), c, in)
	require.NoError(t, err)
	require.NoError(t, res.Err)
	for _, r := range shared.ghcr.Requests().Tokens().WithCredentials() {
		require.Equal(t, harness.AuthBasicGood, r.Auth, "%s %s", r.Method, r.Path)
	}
	for _, r := range shared.ghcr.Requests().Blobs("acme/private-base") {
		require.Equal(t, harness.AuthTokenUser, r.Auth)
		require.Equal(t, harness.GoodUser, r.User)
	}
}

func TestDockerHubRefusesStale(t *testing.T) {
	e, c := fresh(t)
	stale, err := e.StaleLogin(harness.HubAuthKey)
	require.NoError(t, err)
	in := harness.SolveInput{Files: map[string]string{"Dockerfile": "FROM alpine:3.23\n"}, DockerConfig: stale}
	res, err := e.Solve(t.Context(), c, in)
	require.NoError(t, err)
	require.ErrorContains(t, res.Err, "401 Unauthorized")
	require.Contains(t, shared.hub.Requests().Tokens().Hosts(), "auth.docker.io")
	in.Files["Dockerfile"] = "FROM REGISTRY-1.DOCKER.IO/library/alpine:3.23\nRUN echo built\n"
	shared.hub.ResetRequests()
	res, err = e.Solve(t.Context(), c, in)
	require.NoError(t, err)
	require.NoError(t, res.Err)
	require.Empty(t, shared.hub.Requests().WithCredentials())
}

func TestDockerEngineBuilds(t *testing.T) {
	e := harness.T(t)
	require.NoError(t, e.Tools.Need(harness.ToolEngine))
	d, err := e.StartDockerd(t.Context())
	require.NoError(t, err)
	harness.LogOnFailure(t, d.Process)
	files := map[string]string{"Dockerfile": "# syntax=" + shared.local.Addr + "/upstream:latest\n" + uvDockerfile}
	build := harness.CommandOpt{Args: []string{"build", "--progress=plain", "--network=host", "-t", "example", "."}, Files: files}
	out, err := d.Buildx(t.Context(), build)
	require.NoError(t, err)
	require.Zero(t, out.Code, out.Stderr)
	out, err = d.Docker(t.Context(), harness.CommandOpt{Args: []string{"run", "--rm", "--network=host", "example", "uv"}})
	require.NoError(t, err)
	require.Zero(t, out.Code, out.Stderr)
	require.Equal(t, "uv 0.7.1\n", out.Stdout)
	build.DockerConfig, err = e.StaleLogin("ghcr.io")
	require.NoError(t, err)
	build.Args = append(build.Args, "--no-cache", "--pull")
	out, err = d.Buildx(t.Context(), build)
	require.NoError(t, err)
	require.NotZero(t, out.Code)
	require.Contains(t, out.Stderr, "denied")
	require.Contains(t, out.Stderr, "ghcr.io")
	requireNothingRefused(t, e)
}
