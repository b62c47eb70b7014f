package plugin

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// fixed runs `check --fix --yes` and demands the exit status.
func fixed(t *testing.T, e *harness.Env, code int, opt harness.CommandOpt, args ...string) *harness.Output {
	t.Helper()
	opt.Args = append([]string{"check", "--yes"}, args...)
	out := runPlugin(t, e, opt)
	require.Equal(t, code, out.Code, "%s%s", out.Stdout, out.Stderr)
	return out
}

func readConfig(t *testing.T, cfg *harness.DockerConfig) string {
	t.Helper()
	dt, err := os.ReadFile(filepath.Join(cfg.Dir, "config.json"))
	require.NoError(t, err)
	return string(dt)
}

func TestFixRemovesStoredLogin(t *testing.T) {
	e := harness.T(t)
	cfg, err := e.DockerConfig(harness.DockerConfigOpt{
		Auths: map[string]harness.Login{
			"ghcr.io": harness.Stale, "https://ghcr.io": harness.Stale, harness.HubAuthKey: harness.Stale, "other.test": harness.Stale,
		},
		Extra: map[string]any{"currentContext": "default", "plugins": map[string]any{"x": map[string]string{"y": "z"}}},
	})
	require.NoError(t, err)
	out := fixed(t, e, 0, harness.CommandOpt{DockerConfig: cfg}, "--fix", "--strict", publicImage, "alpine:3.23")
	require.Contains(t, out.Stderr, "Removed the credentials for ghcr.io.")
	require.Contains(t, out.Stderr, `and, not tested, what docker logout removes with them: auths "https://ghcr.io" in `)
	require.Contains(t, out.Stderr, "To undo it: docker login ghcr.io\n")
	require.Contains(t, out.Stderr, "Removed the credentials for docker.io (and dhi.io, registry.scout.docker.com).")
	require.Contains(t, out.Stderr, "To undo it: docker login\n")
	text := readConfig(t, cfg)
	require.NotContains(t, text, "ghcr.io")
	require.NotContains(t, text, "index.docker.io")
	require.Contains(t, text, "other.test", "a login that was not checked stays")
	require.Contains(t, text, `"currentContext"`)
	require.Contains(t, text, `"plugins"`)

	again := check(t, e, 0, harness.CommandOpt{DockerConfig: cfg}, "--strict", publicImage, "alpine:3.23")
	require.Equal(t, 2, again.Summary.OK)
	out = fixed(t, e, 0, harness.CommandOpt{DockerConfig: cfg}, "--fix", publicImage)
	require.Contains(t, out.Stderr, "--fix has nothing to do.")
}

func TestFixRemovesFromHelper(t *testing.T) {
	e := harness.T(t)
	h := newHelpers(t, e)
	cfg, err := e.DockerConfig(harness.DockerConfigOpt{CredHelpers: map[string]string{"ghcr.io": "stale"}})
	require.NoError(t, err)
	opt := harness.CommandOpt{DockerConfig: cfg, Env: h.env()}
	out := fixed(t, e, 0, opt, "--fix", "--strict", publicImage)
	require.Contains(t, out.Stderr, `remove the credentials for ghcr.io: docker-credential-stale (credHelpers "ghcr.io" in `)
	require.Contains(t, h.asked(t, "stale"), "erase ghcr.io")
	require.Equal(t, "none", check(t, e, 0, opt, publicImage).References[0].Credential.Verdict)
}

// TestFixHelperThatAnswersAlways: what is left after the removal is said, and
// the login does not count as fixed.
func TestFixHelperThatAnswersAlways(t *testing.T) {
	e := harness.T(t)
	h := newHelpers(t, e)
	script, err := os.ReadFile(filepath.Join(h.dir, "docker-credential-stale"))
	require.NoError(t, err)
	stubborn := filepath.Join(h.dir, "docker-credential-stubborn")
	require.NoError(t, os.WriteFile(stubborn, append(script, []byte("rm -f \"$0.erased\"\n")...), 0o700))
	cfg, err := e.DockerConfig(harness.DockerConfigOpt{CredsStore: "stubborn"})
	require.NoError(t, err)
	out := fixed(t, e, 2, harness.CommandOpt{DockerConfig: cfg, Env: h.env()}, "--fix", publicImage)
	require.Contains(t, out.Stderr, "the credentials are still there: docker-credential-stubborn")
	require.NotContains(t, out.Stderr, "Removed")
}

// TestFixHelperThatCannotErase: so it is told, with an exit status of its own.
func TestFixHelperThatCannotErase(t *testing.T) {
	e := harness.T(t)
	h := newHelpers(t, e)
	script := fmt.Sprintf("#!/bin/sh\ncat >/dev/null\n[ $1 = get ] || { echo 'not implemented'; exit 1; }\nprintf '{\"Username\":\"%s\",\"Secret\":\"%s\"}'\n", harness.Stale.User, harness.Stale.Password)
	require.NoError(t, os.WriteFile(filepath.Join(h.dir, "docker-credential-fixed"), []byte(script), 0o700))
	cfg, err := e.DockerConfig(harness.DockerConfigOpt{CredHelpers: map[string]string{"ghcr.io": "fixed"}})
	require.NoError(t, err)
	out := fixed(t, e, 2, harness.CommandOpt{DockerConfig: cfg, Env: h.env()}, "--fix", publicImage)
	require.Contains(t, out.Stderr, "not implemented")
	require.NotContains(t, out.Stderr, "Removed")
}

// TestFixKeepForPush: pulls go without the login, a push still has it.
func TestFixKeepForPush(t *testing.T) {
	e := harness.T(t)
	for _, tc := range []struct{ key, ref, folder string }{
		{"ghcr.io", publicImage, "ghcr.io/astral-sh/uv@pull"},
		{harness.HubAuthKey, "alpine:3.23", "registry-1.docker.io/library/alpine@pull"},
	} {
		t.Run(tc.key, func(t *testing.T) {
			cfg := world.StaleLogin(t, e, tc.key)
			before := readConfig(t, cfg)
			dir := t.TempDir()
			opt := harness.CommandOpt{DockerConfig: cfg, Env: []string{"BUILDX_CONFIG=" + dir}}
			out := fixed(t, e, 0, opt, "--fix=keep-for-push", "--strict", tc.ref)
			folder := filepath.Join(dir, "config", tc.folder)
			require.Contains(t, out.Stderr, "To undo it: rm -- "+filepath.Join(folder, "config.json")+"\n")
			dt, err := os.ReadFile(filepath.Join(folder, "config.json"))
			require.NoError(t, err)
			require.JSONEq(t, "{}", string(dt))
			require.Equal(t, before, readConfig(t, cfg))
			got := check(t, e, 0, opt, "--strict", tc.ref)
			require.Equal(t, "none", got.References[0].Credential.Verdict)
			require.True(t, got.References[0].Credential.Scoped)
		})
	}
	t.Run("a file that is there stays", func(t *testing.T) {
		dir := buildxConfig(t, map[string]string{"ghcr.io/astral-sh/uv@pull/config.json": "{"})
		out := fixed(t, e, 2, harness.CommandOpt{DockerConfig: world.Stale(t, e), Env: []string{"BUILDX_CONFIG=" + dir}}, "--fix=keep-for-push", publicImage)
		require.Contains(t, out.Stderr, "not written: ")
		dt, err := os.ReadFile(filepath.Join(dir, "config", "ghcr.io/astral-sh/uv@pull", "config.json"))
		require.NoError(t, err)
		require.Equal(t, "{", string(dt))
	})
}

// TestPushAfterKeepForPush: a login that the registry refuses for one public image
// pushes to the same host after --fix=keep-for-push. Credentials for pulls from the
// whole host would be taken for the push too.
func TestPushAfterKeepForPush(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	foreign := func(req *http.Request) bool {
		_, _, ok := req.BasicAuth()
		return ok && strings.Contains(req.URL.Query().Get("scope"), "astral-sh/uv")
	}
	shared.GHCR.SetFault(harness.FaultWhen(foreign, harness.FaultStatus(http.StatusForbidden, "DENIED", "denied")))
	t.Cleanup(func() { shared.GHCR.SetFault(nil) })
	cfg := world.Good(t, e)
	push := func(dir string) *harness.Output {
		opt := harness.CommandOpt{DockerConfig: cfg, Env: []string{"BUILDX_CONFIG=" + dir, "NO_COLOR=1"}}
		opt.Args = []string{"create", "--name", "pushing", "--driver", "remote", d.Addr}
		created, err := e.Run(t.Context(), e.Tools.Path(harness.ToolBuildx), opt)
		require.NoError(t, err)
		require.Zero(t, created.Code, created.Stderr)
		opt.Files = world.Dockerfile("FROM " + publicImage + "\nCOPY Dockerfile /\n")
		opt.Args = []string{
			"build", "--builder=pushing", "--progress=plain", "--no-cache", "--push", "-t", "ghcr.io/acme/pushed:1",
			"--build-arg=BUILDKIT_SYNTAX=" + shared.Upstream, ".",
		}
		out, err := e.Run(t.Context(), e.Tools.Path(harness.ToolBuildx), opt)
		require.NoError(t, err)
		return out
	}
	require.Contains(t, push(t.TempDir()).Stderr, "failed to fetch oauth token", "as it is")

	dir := t.TempDir()
	fixed(t, e, 0, harness.CommandOpt{DockerConfig: cfg, Env: []string{"BUILDX_CONFIG=" + dir}}, "--fix=keep-for-push", publicImage)
	shared.GHCR.ResetRequests()
	out := push(dir)
	require.Zero(t, out.Code, out.Stderr)
	require.NotContains(t, out.Stderr, "RegistryCredentialsRejected", "nothing was refused")
	require.NotEmpty(t, shared.GHCR.Requests().Blobs("acme/pushed").WithCredentials())

	whole := buildxConfig(t, map[string]string{"ghcr.io@pull/config.json": "{}"})
	out = push(whole)
	require.NotZero(t, out.Code, "buildx compares scopes in another way now: HOST@pull would do")
	require.Contains(t, out.Stderr, "pushing")
}

// TestKeepForPushOfHubUser: buildx sends Docker Hub's credentials to a registry that
// has none of its own, and none after --fix=keep-for-push. What Docker Hub itself is
// sent does not change.
func TestKeepForPushOfHubUser(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	_, err := shared.Hub.Push(t.Context(), "acme/hardened:1", world.Base("acme/hardened"))
	require.NoError(t, err)
	dhi, err := shared.Hub.Front(t.Context(), harness.RegistryOpt{
		Hosts: []string{"dhi.io"}, Mode: harness.ModeHub, Users: map[string]string{"nobody": "nothing-of-docker-hub"},
	})
	require.NoError(t, err)
	t.Cleanup(dhi.Disconnect)
	cfg := world.GoodLogin(t, e, harness.HubAuthKey)
	dir := t.TempDir()
	build := func(ref string) *harness.Output {
		opt := harness.CommandOpt{DockerConfig: cfg, Env: []string{"BUILDX_CONFIG=" + dir, "NO_COLOR=1"}}
		opt.Args = []string{"create", "--name", "pulling", "--driver", "remote", d.Addr}
		_, err := e.Run(t.Context(), e.Tools.Path(harness.ToolBuildx), opt)
		require.NoError(t, err)
		opt.Files = world.Dockerfile("FROM " + ref + "\nCOPY Dockerfile /\n")
		opt.Args = []string{"build", "--builder=pulling", "--progress=plain", "--no-cache", "--build-arg=BUILDKIT_SYNTAX=" + shared.Upstream, "."}
		out, err := e.Run(t.Context(), e.Tools.Path(harness.ToolBuildx), opt)
		require.NoError(t, err)
		return out
	}
	require.Contains(t, build("dhi.io/acme/hardened:1").Stderr, "failed to fetch oauth token", "as it is")

	opt := harness.CommandOpt{DockerConfig: cfg, Env: []string{"BUILDX_CONFIG=" + dir}}
	fixed(t, e, 0, opt, "--fix=keep-for-push", "--strict", "dhi.io/acme/hardened:1")
	dhi.ResetRequests()
	out := build("dhi.io/acme/hardened:1")
	require.Zero(t, out.Code, out.Stderr)
	require.Empty(t, dhi.Requests().WithCredentials())
	shared.Hub.ResetRequests()
	out = build("acme/hardened:1")
	require.Zero(t, out.Code, out.Stderr)
	require.NotEmpty(t, shared.Hub.Requests().WithCredentials())
}

// TestFixLeavesAlone: a credential that was accepted, that was not tested, that is
// refused for private images alone, or that nobody can log out of is not touched.
func TestFixLeavesAlone(t *testing.T) {
	e := harness.T(t)
	e.Network.ResetRefused()
	t.Cleanup(e.Network.ResetRefused)
	auths := func(host string, l harness.Login) harness.DockerConfigOpt {
		return harness.DockerConfigOpt{Auths: map[string]harness.Login{host: l}}
	}
	h := newHelpers(t, e)
	for _, tc := range []struct {
		name   string
		config harness.DockerConfigOpt
		env    []string
		refs   []string
		code   int
		want   string
	}{
		{name: "accepted", config: auths("ghcr.io", harness.Good), refs: []string{publicImage, privateImage}, want: "--fix has nothing to do."},
		{name: "no connection", config: auths("nowhere.test", harness.Stale), refs: []string{"nowhere.test/a:1"}, code: 1, want: "--fix has nothing to do."},
		{name: "private alone", config: auths("ghcr.io", harness.Stale), refs: []string{privateImage}, code: 1, want: "the images cannot be pulled without them either"},
		{name: "not asked for", config: auths(world.BasicHost, harness.Stale), refs: []string{basicPublic}, want: "--fix has nothing to do."},
		{name: "helper fails", config: harness.DockerConfigOpt{CredHelpers: map[string]string{"ghcr.io": "failing"}}, env: h.env(), refs: []string{publicImage}, want: "their helper program failed"},
		{
			name: "DOCKER_AUTH_CONFIG", config: auths("ghcr.io", harness.Stale), env: []string{"DOCKER_AUTH_CONFIG=" + authsJSON(harness.Stale)},
			refs: []string{publicImage}, want: "change or unset DOCKER_AUTH_CONFIG",
		},
	} {
		for _, mode := range []string{"--fix", "--fix=keep-for-push"} {
			t.Run(tc.name+" "+mode, func(t *testing.T) {
				cfg, err := e.DockerConfig(tc.config)
				require.NoError(t, err)
				before := readConfig(t, cfg)
				dir := t.TempDir()
				out := fixed(t, e, tc.code, harness.CommandOpt{DockerConfig: cfg, Env: append([]string{"BUILDX_CONFIG=" + dir}, tc.env...)}, append([]string{mode}, tc.refs...)...)
				require.Contains(t, out.Stderr, tc.want)
				require.Equal(t, before, readConfig(t, cfg))
				entries, err := os.ReadDir(dir)
				require.NoError(t, err)
				require.Empty(t, entries)
			})
		}
	}
}

// TestFixMixed: one login that opens one image and shuts out another is kept, and
// the way for the one image is told.
func TestFixMixed(t *testing.T) {
	e := harness.T(t)
	foreign := func(req *http.Request) bool {
		_, _, ok := req.BasicAuth()
		return ok && strings.Contains(req.URL.Query().Get("scope"), "acme/tools")
	}
	shared.GHCR.SetFault(harness.FaultWhen(foreign, harness.FaultStatus(http.StatusForbidden, "DENIED", "denied")))
	t.Cleanup(func() { shared.GHCR.SetFault(nil) })
	cfg := world.Good(t, e)
	before := readConfig(t, cfg)
	out := fixed(t, e, 0, harness.CommandOpt{DockerConfig: cfg}, "--fix", privateImage, "ghcr.io/acme/tools:2")
	require.Contains(t, out.Stdout, "accepted, but REJECTED for 1 of 2 images")
	require.Contains(t, out.Stdout, "put {} into config.json in buildx's folder config/ghcr.io/acme/tools@pull")
	require.Contains(t, out.Stderr, "they were accepted for ghcr.io/acme/private-base:1")
	require.Equal(t, before, readConfig(t, cfg))
}
