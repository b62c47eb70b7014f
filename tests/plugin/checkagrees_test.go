package plugin

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// TestCheckAgreesWithBuildx: what check says of an image is what buildx and
// BuildKit's own frontend then do with the same configuration.
func TestCheckAgreesWithBuildx(t *testing.T) {
	e := harness.T(t)
	_, err := shared.Basic.Push(t.Context(), "acme/private-base:1", world.Base("basic-private"))
	require.NoError(t, err)
	auths := func(host string, l harness.Login) harness.DockerConfigOpt {
		return harness.DockerConfigOpt{Auths: map[string]harness.Login{host: l}}
	}
	h := newHelpers(t, e)
	empty := func(folder string) []string {
		return []string{"BUILDX_CONFIG=" + buildxConfig(t, map[string]string{folder + "/config.json": "{}"})}
	}
	for i, tc := range []struct {
		name    string
		config  harness.DockerConfigOpt
		env     []string
		ref     string
		outcome string
	}{
		{"stale", auths("ghcr.io", harness.Stale), nil, publicImage, "ok-without-credentials"},
		{"nothing for pulls", auths("ghcr.io", harness.Stale), empty("ghcr.io@pull"), publicImage, "ok"},
		{"Basic, nothing for pulls", auths(world.BasicHost, harness.Good), empty(world.BasicHost + "@pull"), basicPrivate, "ok"},
		{"helper fails, nothing for pulls", harness.DockerConfigOpt{CredsStore: "locked"}, append(empty("ghcr.io@pull"), h.env()...), publicImage, "failed"},
		{"environment wins over nothing for pulls", harness.DockerConfigOpt{}, append(empty("ghcr.io@pull"), "DOCKER_AUTH_CONFIG="+authsJSON(harness.Stale)), publicImage, "ok-without-credentials"},
		{"good, private", auths("ghcr.io", harness.Good), nil, privateImage, "ok"},
		{"none, private", harness.DockerConfigOpt{}, nil, privateImage, "failed"},
		{"Docker Hub, stale", auths(harness.HubAuthKey, harness.Stale), nil, "alpine:3.23", "ok-without-credentials"},
		{"Docker Hub, nothing for pulls", auths(harness.HubAuthKey, harness.Stale), empty("registry-1.docker.io@pull"), "alpine:3.23", "ok"},
		{"Docker Hub, nothing for pulls, wrong name", auths(harness.HubAuthKey, harness.Stale), empty("docker.io@pull"), "alpine:3.23", "ok-without-credentials"},
		{"repository only", auths("ghcr.io", harness.Stale), empty("ghcr.io/astral-sh/uv@pull"), publicImage, "ok"},
		{"Basic, stale, public", auths(world.BasicHost, harness.Stale), nil, basicPublic, "ok"},
		{"Basic, stale, private", auths(world.BasicHost, harness.Stale), nil, basicPrivate, "failed"},
		{"no such tag", harness.DockerConfigOpt{}, nil, "ghcr.io/acme/tools:9", "failed"},
	} {
		if i >= 3 && !world.Full() {
			break
		}
		t.Run(tc.name, func(t *testing.T) {
			cfg, err := e.DockerConfig(tc.config)
			require.NoError(t, err)
			code := 0
			if tc.outcome == "failed" {
				code = 1
			}
			got := check(t, e, code, harness.CommandOpt{DockerConfig: cfg, Env: tc.env}, tc.ref)
			require.Equal(t, tc.outcome, got.References[0].Outcome)

			_, _, d := world.FreshDaemon(t)
			out, err := e.Run(t.Context(), e.Tools.Path(harness.ToolBuildx), harness.CommandOpt{
				Args: []string{"create", "--name", "agrees", "--driver", "remote", d.Addr}, DockerConfig: cfg, Env: tc.env,
			})
			require.NoError(t, err)
			require.Zero(t, out.Code, out.Stderr)
			out, err = e.Run(t.Context(), e.Tools.Path(harness.ToolBuildx), harness.CommandOpt{
				Args: []string{"build", "--builder", "agrees", "--progress=plain", "."}, DockerConfig: cfg, Env: tc.env,
				Files: world.Dockerfile("FROM " + tc.ref + "\nCOPY --from=" + tc.ref + " / /x\n"),
			})
			require.NoError(t, err)
			require.Equal(t, tc.outcome == "ok", out.Code == 0, out.Stderr)
			if tc.outcome == "ok" && got.References[0].With == "" {
				require.Empty(t, shared.GHCR.Requests().WithCredentials())
			}
			_, err = e.Run(t.Context(), e.Tools.Path(harness.ToolBuildx), harness.CommandOpt{Args: []string{"rm", "-f", "agrees"}, DockerConfig: cfg, Env: tc.env})
			require.NoError(t, err)
		})
	}
}
