package plugin

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// builderEnv makes the builder of the daemon the one that buildx takes.
func builderEnv(t *testing.T, d *harness.Buildkitd) []string {
	t.Helper()
	_, err := d.Buildx(t.Context(), harness.CommandOpt{Args: []string{"version"}}) // makes the builder
	require.NoError(t, err)
	return []string{"BUILDX_BUILDER=" + d.Name, "NO_COLOR=1", "PULLSAFE_FRONTEND=" + shared.Pullsafe}
}

// TestBuild runs `docker-pullsafe build` with the real buildx.
func TestBuild(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	env := builderEnv(t, d)
	opt := harness.CommandOpt{Files: world.Dockerfile(world.UVDockerfile), DockerConfig: world.Stale(t, e), Env: env}
	build := func(args ...string) *harness.Output {
		o := opt
		o.Args = append([]string{"build"}, args...)
		return runPlugin(t, e, o)
	}

	t.Run("public image, login refused", func(t *testing.T) {
		out := build("--progress=plain", ".")
		require.Zero(t, out.Code, out.Stderr)
		require.Contains(t, out.Stderr, "RegistryCredentialsRejected: ghcr.io rejected the stored credentials")
		require.NotContains(t, out.Stderr, "pullsafe: ", "there is nothing to say beside buildx")
	})
	t.Run("exit status and output of a step that fails", func(t *testing.T) {
		opt.Files = world.Dockerfile("FROM alpine:3.23\nRUN echo words; exit 3\n")
		out := build("--progress=plain", ".")
		require.Equal(t, 1, out.Code)
		require.Contains(t, out.Stderr, "words")
		require.Contains(t, out.Stderr, "ERROR: failed to build: failed to solve: process ")
	})
	t.Run("quiet", func(t *testing.T) {
		opt.Files = world.Dockerfile("FROM alpine:3.23\n")
		out := build("-q", ".")
		require.Zero(t, out.Code, out.Stderr)
		direct := opt
		direct.Args = []string{"build", "-q", "--build-arg", "BUILDKIT_SYNTAX=" + shared.Pullsafe, "."}
		want, err := d.Buildx(t.Context(), direct)
		require.NoError(t, err)
		require.Equal(t, want.Stdout, out.Stdout)
		require.Equal(t, want.Stderr, out.Stderr)
	})
	t.Run("standard input", func(t *testing.T) {
		opt.Stdin = "FROM alpine:3.23\nRUN echo from stdin\n"
		defer func() { opt.Stdin = "" }()
		for _, args := range [][]string{{"--progress=plain", "-f", "-", "."}, {"--progress=plain", "-"}} {
			out := build(args...)
			require.Zero(t, out.Code, out.Stderr)
			require.Contains(t, out.Stderr, "from stdin")
		}
	})
	t.Run("call", func(t *testing.T) {
		if !world.Full() {
			t.Skip("the parts are tested without a daemon; with -full")
		}
		opt.Files = world.Dockerfile("FROM ghcr.io/acme/private-base:1\n")
		out := build("--call=preflight", ".")
		require.NotZero(t, out.Code)
		require.Contains(t, out.Stdout, "ghcr.io/acme/private-base:1")
	})
	t.Run("wrong usage is buildx's to judge", func(t *testing.T) {
		out := build("--no-such-flag", ".")
		require.NotZero(t, out.Code)
		require.Contains(t, out.Stderr, "unknown flag: --no-such-flag")
	})
	t.Run("another frontend of the user", func(t *testing.T) {
		opt.Files = world.Dockerfile("FROM alpine:3.23\n")
		out := build("--progress=plain", "--build-arg", "BUILDKIT_SYNTAX="+shared.Upstream, ".")
		require.Zero(t, out.Code, out.Stderr)
		require.Contains(t, out.Stderr, "pullsafe: --build-arg BUILDKIT_SYNTAX="+shared.Upstream+" is set; building with that frontend")
		require.NotContains(t, out.Stderr, "docker-image://"+shared.Pullsafe)
	})
	t.Run("another frontend of the Dockerfile", func(t *testing.T) {
		if !world.Full() {
			t.Skip("the parts are tested without a daemon; with -full")
		}
		opt.Files = world.Dockerfile("# syntax=" + shared.Upstream + "\nFROM alpine:3.23\n")
		out := build("--progress=plain", ".")
		require.Zero(t, out.Code, out.Stderr)
		require.Contains(t, out.Stderr, "pullsafe: the Dockerfile asks for the frontend "+shared.Upstream+" (line 1); building with that one instead of")
	})
}

// TestBuildHandsTheFrontendOver: the frontend image itself is in a registry that
// refuses the login.
func TestBuildHandsTheFrontendOver(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	_, err := e.PushFrontend(t.Context(), shared.GHCR, "org/pullsafe:1")
	require.NoError(t, err)
	const image = "ghcr.io/org/pullsafe:1"
	opt := harness.CommandOpt{Files: world.Dockerfile(world.UVDockerfile), DockerConfig: world.Stale(t, e), Env: append(builderEnv(t, d), "PULLSAFE_FRONTEND="+image)}

	direct := world.Buildx(t, d, image, opt)
	require.NotZero(t, direct.Code, "without help the frontend cannot be pulled")
	shared.Reset()
	opt.Args = []string{"build", "--progress=plain", "."}
	out := runPlugin(t, e, opt)
	require.Zero(t, out.Code, out.Stderr)
	require.Contains(t, out.Stderr, "pullsafe: ghcr.io rejected the stored credentials; resolved "+image+" without them. Run: docker logout ghcr.io\n")
	require.Contains(t, out.Stderr, "RegistryCredentialsRejected: ")
	require.Empty(t, shared.GHCR.Requests().Blobs("org/pullsafe").WithCredentials())
	require.NotEmpty(t, shared.GHCR.Requests().Blobs("org/pullsafe"))

	opt.DockerConfig = nil
	out = runPlugin(t, e, opt)
	require.Zero(t, out.Code, out.Stderr)
	require.NotContains(t, out.Stderr, "pullsafe: ", "no login, nothing to hand over")
}

// pluginConfig is a configuration for the docker program that has buildx and
// pullsafe as plugins, and a refused login for ghcr.io.
func pluginConfig(t *testing.T, e *harness.Env, extra map[string]any) *harness.DockerConfig {
	t.Helper()
	program, err := e.BuildBinary(t.Context(), "./cmd/docker-pullsafe")
	require.NoError(t, err)
	cfg := map[string]any{"cliPluginsExtraDirs": []string{e.Tools.PluginDir(), filepath.Dir(program)}}
	maps.Copy(cfg, extra)
	config, err := e.DockerConfig(harness.DockerConfigOpt{Auths: map[string]harness.Login{"ghcr.io": harness.Stale}, Extra: cfg})
	require.NoError(t, err)
	return config
}

// TestThroughDocker runs the commands below Docker's own client 20.10.
func TestThroughDocker(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	require.NoError(t, e.Tools.Need(harness.ToolEngine))
	docker := filepath.Join(filepath.Dir(e.Tools.Path(harness.ToolEngine)), "docker")
	opt := harness.CommandOpt{Files: world.Dockerfile(world.UVDockerfile), DockerConfig: pluginConfig(t, e, nil), Env: builderEnv(t, d)}
	run := func(args ...string) *harness.Output {
		o := opt
		o.Args = args
		out, err := e.Run(t.Context(), docker, o)
		require.NoError(t, err)
		return out
	}
	out := run("pullsafe", "build", "--progress=plain", ".")
	require.Zero(t, out.Code, out.Stderr)
	require.Contains(t, out.Stderr, "RegistryCredentialsRejected: ")

	// Global flags are docker's: they must reach the inner docker.
	empty := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(empty, "config.json"), []byte(`{"cliPluginsExtraDirs":["`+e.Tools.PluginDir()+`"]}`), 0o600))
	out = run("--config", empty, "pullsafe", "build", ".")
	require.NotZero(t, out.Code, "that configuration does not have the plugin")
	opt.Stdin = "failed to fetch oauth token: denied: denied"
	out = run("pullsafe", "explain", "--ref", "ghcr.io/a/b:1", "--format=json")
	require.Zero(t, out.Code, out.Stderr)
	require.Contains(t, out.Stdout, `"class":"credentials-rejected","host":"ghcr.io"`)
	opt.Stdin = ""
	out = run("pullsafe", "explain", "/no/such/file")
	require.Equal(t, 1, out.Code)
	require.Contains(t, out.Stderr, "cannot read the text")
	out = run("pullsafe", "explain", "--format=xml")
	require.Equal(t, 2, out.Code)
	out = run("pullsafe", "explain", "a", "b")
	require.Equal(t, 2, out.Code)
	out = run("pullsafe", "build", "--help")
	require.Zero(t, out.Code, out.Stderr)
	require.Contains(t, out.Stdout, "PULLSAFE_FRONTEND")
}

// TestCompletion: what a shell asks for.
func TestCompletion(t *testing.T) {
	e := harness.T(t)
	complete := func(args ...string) []string {
		out := runPlugin(t, e, harness.CommandOpt{Args: append([]string{"__completeNoDesc"}, args...)})
		require.Zero(t, out.Code, out.Stderr)
		return strings.Fields(out.Stdout)
	}
	commands := complete("")
	require.Contains(t, commands, "explain")
	require.Contains(t, commands, "build")
	require.Contains(t, commands, "check")
	require.NotContains(t, commands, "docker-cli-plugin-hooks")
	require.Equal(t, []string{"text", "json", "github", ":4"}, complete("explain", "--format", ""))
	require.Contains(t, complete("explain", "--"), "--ref")
	require.Equal(t, []string{":0"}, complete("explain", ""), "files")
}
