package tests

import (
	"testing"

	"github.com/moby/buildkit/solver/errdefs"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// rawToken is the line that no user shall read as their final error.
const rawToken = "failed to fetch oauth token"

func TestPrivateImageUnderRefusedCredentials(t *testing.T) {
	world.Both(t, func(t *testing.T, fe harness.Frontend) {
		e, c := world.Fresh(t)
		res := world.Solve(t, e, c, harness.SolveInput{
			Frontend: fe,
			Files: world.Dockerfile("FROM ghcr.io/acme/private-base:1\nRUN true\n" +
				"COPY --from=ghcr.io/acme/private-tools:1 /bin/sh /x\nCOPY --from=ghcr.io/acme/tools:2 /bin/sh /y\n"),
			DockerConfig: world.StaleLogin(t, e, "ghcr.io"),
		})
		require.Error(t, res.Err)
		text := res.Err.Error()
		require.NotContains(t, text, rawToken)
		require.NotContains(t, text, "GHCR.IO")
		for _, want := range []string{
			"2 of 3 images could not be resolved",
			"ghcr.io rejected the stored credentials (\"denied\"); the anonymous fallback was denied: private or missing",
			"ghcr.io/acme/private-base:1     Dockerfile:1    FROM ghcr.io/acme/private-base:1",
			"ghcr.io/acme/private-tools:1    Dockerfile:3    COPY --from=ghcr.io/acme/private-tools:1 /bin/sh /x",
			"docker logout ghcr.io",
			"docker login ghcr.io",
		} {
			require.Contains(t, text, want)
		}
		require.Empty(t, shared.GHCR.Requests().Blobs("acme/private-base"))
		for _, r := range shared.GHCR.Requests().WithCredentials() {
			require.Equal(t, "ghcr.io", r.Host, "a retry must not send a credential")
		}
		var lines []int32
		for _, src := range errdefs.Sources(res.Err) {
			lines = append(lines, src.Ranges[0].Start.Line)
		}
		require.Equal(t, []int32{1, 3}, lines, "each failing image has its snippet")
	})
}

func TestPrivateImageWithoutLogin(t *testing.T) {
	world.Both(t, func(t *testing.T, fe harness.Frontend) {
		e, c := world.Fresh(t)
		res := world.Solve(t, e, c, harness.SolveInput{Frontend: fe, Files: world.Dockerfile("FROM ghcr.io/acme/private-base:1\n")})
		require.ErrorContains(t, res.Err, "docker login ghcr.io")
		require.NotContains(t, res.Err.Error(), "docker logout")
		require.NotContains(t, res.Err.Error(), "failed to fetch anonymous token")
		require.Nil(t, res.Vertex(world.StepOfFallback), "there were no credentials to leave out")
		require.Equal(t, []string{"ghcr.io"}, shared.GHCR.Requests().Hosts())
	})
}

func TestPrivateImageWithGoodLogin(t *testing.T) {
	world.Both(t, func(t *testing.T, fe harness.Frontend) {
		e, c := world.Fresh(t)
		res := world.Solve(t, e, c, harness.SolveInput{
			Frontend:     fe,
			Files:        world.Dockerfile("FROM ghcr.io/acme/private-base:1\nRUN true\n"),
			DockerConfig: world.GoodLogin(t, e, "ghcr.io"),
		})
		require.NoError(t, res.Err)
		require.Empty(t, res.Warnings)
		require.Equal(t, []string{"ghcr.io"}, shared.GHCR.Requests().Hosts())
	})
}

// What is not a refusal is asked for once, and never without the credentials.
func TestNeverRetried(t *testing.T) {
	e, c := world.Fresh(t)
	for _, tc := range []struct {
		name  string
		ref   string
		fault harness.Fault
		opts  map[string]string
		want  string
	}{
		{name: "not found", ref: "ghcr.io/acme/base:nope", want: "ghcr.io has no such image or tag"},
		{name: "no such platform", ref: "ghcr.io/acme/one-platform:1", opts: map[string]string{"platform": "linux/s390x"}, want: "linux/s390x"},
		{name: "rate limit", ref: "ghcr.io/acme/base:1", fault: harness.FaultStatus(429, "TOOMANYREQUESTS", "slow down"), want: "429"},
		{name: "service unavailable", ref: "ghcr.io/acme/base:1", fault: harness.FaultStatus(503, "UNAVAILABLE", "maintenance"), want: "503"},
		{name: "connection reset", ref: "ghcr.io/acme/base:1", fault: harness.FaultReset(), want: "ghcr.io"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			world.Both(t, func(t *testing.T, fe harness.Frontend) {
				shared.Reset()
				shared.GHCR.SetFault(tc.fault)
				defer shared.GHCR.SetFault(nil)
				res := world.Solve(t, e, c, harness.SolveInput{
					Frontend: fe, Files: world.Dockerfile("FROM " + tc.ref + "\n"), Opts: tc.opts,
					DockerConfig: world.GoodLogin(t, e, "ghcr.io"),
				})
				require.ErrorContains(t, res.Err, tc.want)
				require.NotContains(t, res.Err.Error(), "docker logout")
				require.Nil(t, res.Vertex(world.StepOfFallback))
				require.Equal(t, []string{"ghcr.io"}, shared.GHCR.Requests().Hosts())
				require.Empty(t, res.Warnings)
			})
		})
	}
}
