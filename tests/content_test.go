package tests

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/registry"
	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// pinned pushes an image that no other test has and returns its reference with its
// digest.
func pinned(t *testing.T, reg *harness.Registry, name string) string {
	t.Helper()
	digest, err := reg.Push(t.Context(), name, world.Base(t.Name()+name))
	require.NoError(t, err)
	return registry.Canonical(reg.Host()) + "/" + name + "@" + digest
}

// secondBuilds are registries with each order of the host aliases. Content that was
// pulled by the port alone, BuildKit takes for the plain host's.
func secondBuilds(t *testing.T, e *harness.Env) map[string]*harness.Registry {
	t.Helper()
	list := map[string]*harness.Registry{"IP address": shared.Plain, "ghcr.io": shared.GHCR, "Docker Hub": shared.Hub}
	for name, host := range map[string]string{"quay.io": "quay.io", "unknown": "second.test"} {
		reg, err := e.StartRegistry(t.Context(), harness.RegistryOpt{Hosts: []string{host}, Mode: harness.ModeToken})
		require.NoError(t, err)
		t.Cleanup(reg.Disconnect)
		list[name] = reg
	}
	return list
}

// TestContentRejected: the daemon knows the metadata of an image that is pinned by
// digest from an earlier build, and asks no registry for it. Its layers are rejected
// when a step needs them.
func TestContentRejected(t *testing.T) {
	second := secondBuilds(t, harness.T(t))
	for _, tc := range []struct {
		name    string
		earlier string // Dockerfile of the earlier build, with REF for the image
		opts    map[string]string
		login   bool // the earlier build had a stale login too
		fails   bool
		noCache bool
		each    bool // at every registry
	}{
		{name: "preflight", earlier: "FROM REF\n", opts: map[string]string{"requestid": "frontend.preflight"}, login: true, each: true},
		{name: "no step", earlier: "FROM REF\nENV A=b\n", login: true, each: true},
		{name: "another image failed", earlier: "FROM REF\nCOPY --from=ghcr.io/acme/private-tools:1 / /x\n", login: true, fails: true},
		{name: "without login", earlier: "FROM REF\nENV A=b\n"},
		{name: "no cache", earlier: "FROM REF\nENV A=b\n", noCache: true},
	} {
		for host, reg := range second {
			if !world.Full() && !tc.each && host != "IP address" && host != "ghcr.io" {
				continue
			}
			t.Run(tc.name+", "+host, func(t *testing.T) {
				world.Image(t, func(t *testing.T, fe harness.Frontend) {
					e, c := world.Fresh(t)
					name := "acme/" + strings.ReplaceAll(strings.ToLower(tc.name+"-"+host+"-"+fe.Name), " ", "-") + ":1"
					ref := pinned(t, reg, name)
					stale := world.StaleLogin(t, e, reg.Host(), "ghcr.io", harness.HubAuthKey)
					in := harness.SolveInput{Frontend: fe, Files: world.Dockerfile(strings.ReplaceAll(tc.earlier, "REF", ref)), Opts: tc.opts}
					if tc.login {
						in.DockerConfig = stale
					}
					res := world.Solve(t, e, c, in)
					require.Equal(t, tc.fails, res.Err != nil, "%v", res.Err)
					reg.ResetRequests()

					res = world.Solve(t, e, c, harness.SolveInput{
						Frontend: fe, Files: world.Dockerfile("FROM " + ref + "\nRUN cat /etc/image > /copy\nRUN true\n"),
						DockerConfig: stale, NoCache: tc.noCache,
					})
					require.NoError(t, res.Err)
					if host == "IP address" || !tc.login {
						requireRetried(t, res, "RUN cat /etc/image > /copy")
					} else {
						world.RequireNoScar(t, res, true) // the metadata is not taken for the plain host's
					}
					require.Len(t, world.RefusedWarnings(res), 1)
					require.Contains(t, world.RefusedWarnings(res)[0], "(line 1)")
					for _, r := range reg.Requests().Blobs() {
						require.True(t, r.Auth.Anonymous(), "%s", reg.Requests())
					}
				})
			})
		}
	}
}

// requireRetried asserts that nothing but the step that needed the layers failed, and
// that it then ran; a step tells of the fallback.
func requireRetried(t *testing.T, res *harness.Result, step string) {
	t.Helper()
	failed, passed := 0, 0
	for _, v := range res.Vertexes {
		switch {
		case v.Error == "" && strings.HasSuffix(v.Name, step):
			passed++
		case v.Error != "":
			require.Contains(t, v.Name, step, v.Error)
			failed++
		}
	}
	require.Equal(t, [2]int{1, 1}, [2]int{failed, passed}, "%q", res.Names())
	require.NotNil(t, res.Vertex(world.StepOfFallback), "%q", res.Names())
}

// TestContentOfSeveralImages: the step needs three images, and the error names none.
// The one whose registry rejects the login is pulled without it; the others are not
// touched.
func TestContentOfSeveralImages(t *testing.T) {
	world.Image(t, func(t *testing.T, fe harness.Frontend) {
		e, c := world.Fresh(t)
		rejected, good := pinned(t, shared.Plain, "acme/several-"+fe.Name+":1"), pinned(t, shared.GHCR, "acme/private-several-"+fe.Name+":1")
		dockerfile := "FROM " + rejected + " AS a\nFROM " + good + " AS b\nFROM alpine:3.23\n" +
			"RUN --mount=from=a,target=/a --mount=from=b,target=/b cat /a/etc/image /b/etc/image\n"
		res := world.Solve(t, e, c, harness.SolveInput{
			Frontend: fe, Files: world.Dockerfile(dockerfile), DockerConfig: world.Good(t, e),
			Opts: map[string]string{"requestid": "frontend.preflight"},
		})
		require.NoError(t, res.Err)
		shared.Reset()
		login, err := e.DockerConfig(harness.DockerConfigOpt{Auths: map[string]harness.Login{shared.Plain.Host(): harness.Stale, "ghcr.io": harness.Good}})
		require.NoError(t, err)
		res = world.Solve(t, e, c, harness.SolveInput{Frontend: fe, Files: world.Dockerfile(dockerfile), DockerConfig: login})
		require.NoError(t, res.Err)
		require.Len(t, world.RefusedWarnings(res), 1, "%q", world.RefusedWarnings(res))
		require.Contains(t, world.RefusedWarnings(res)[0], rejected)
		require.Equal(t, []string{"ghcr.io"}, shared.GHCR.Requests().Hosts(), "%s", shared.GHCR.Requests())
		requireRetried(t, res, "cat /a/etc/image /b/etc/image")
	})
}
