package plugin

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/cli/cli-plugins/manager"
	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// errorHooks is what the README says to put into config.json.
var errorHooks = map[string]any{
	"features": map[string]string{"hooks": "true"},
	"plugins":  map[string]any{"pullsafe": map[string]string{"error-hooks": "build,pull,pullsafe build,buildx build,compose pull,compose"}},
}

// provider gives the Docker CLI's code its configuration.
type provider struct{ file *configfile.ConfigFile }

// ConfigFile implements config.Provider.
func (p provider) ConfigFile() *configfile.ConfigFile { return p.file }

// TestHookBelowTheDockerCLI: the Docker CLI's own code finds the plugin, calls
// it after a failed command, and prints its answer.
func TestHookBelowTheDockerCLI(t *testing.T) {
	e := harness.T(t)
	dir := pluginConfig(t, e, errorHooks).Dir
	t.Setenv("DOCKER_CONFIG", dir)
	file, err := config.Load(dir)
	require.NoError(t, err)
	for _, tc := range []struct{ name, command, err, want string }{
		{"refused", "pull", `Error response from daemon: Head "https://ghcr.io/v2/acme/app/manifests/1": denied: denied`, "docker pullsafe check ghcr.io/acme/app:1"},
		{"missing", "pull", `Error response from daemon: manifest for acme/app:1 not found: manifest unknown: manifest unknown`, ""},
		{"not a hook", "images", `Error response from daemon: Head "https://ghcr.io/v2/acme/app/manifests/1": denied: denied`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			root := &cobra.Command{Use: "docker"}
			sub := &cobra.Command{Use: tc.command, RunE: func(*cobra.Command, []string) error { return nil }}
			root.AddCommand(sub)
			var out bytes.Buffer
			root.SetErr(&out)
			manager.RunCLICommandHooks(t.Context(), provider{file}, root, sub, tc.err)
			if tc.want == "" {
				require.Empty(t, out.String())
				return
			}
			require.Contains(t, out.String(), "What's next:")
			require.Contains(t, out.String(), tc.want)
		})
	}
}

// TestHookOfAFailedBuild: of a build the Docker CLI knows only the exit status;
// buildx's history has the error.
func TestHookOfAFailedBuild(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	env := builderEnv(t, d)
	hook := func() string {
		out := runPlugin(t, e, harness.CommandOpt{Args: []string{"docker-cli-plugin-hooks", `{"RootCmd":"build","CommandError":"exited with code 1"}`}, Env: env})
		require.Zero(t, out.Code, out.Stderr)
		var answer struct {
			Type     int
			Template string
		}
		require.NoError(t, json.Unmarshal([]byte(out.Stdout), &answer), out.Stdout)
		require.Zero(t, answer.Type)
		return answer.Template
	}
	opt := harness.CommandOpt{Files: world.Dockerfile("FROM ghcr.io/acme/base:1\n"), DockerConfig: world.Stale(t, e)}
	require.NotZero(t, world.Buildx(t, d, shared.Upstream, opt).Code)
	require.Equal(t, "ghcr.io rejected the stored credentials; the image may not need any. Find out: docker pullsafe check", hook())
	opt.Files = world.Dockerfile("FROM alpine:3.23\nRUN echo denied: denied; false\n")
	require.NotZero(t, world.Buildx(t, d, shared.Upstream, opt).Code)
	require.Empty(t, hook(), "a step that failed")

	out := runPlugin(t, e, harness.CommandOpt{Args: []string{"docker-cli-plugin-hooks", "no json"}})
	require.Equal(t, 2, out.Code)
}

// TestHookInDocker29 looks at a terminal in which Docker's client 29 has just
// failed to build.
func TestHookInDocker29(t *testing.T) {
	if !world.Full() {
		t.Skip("needs Docker Engine 29; with -full")
	}
	e, _, d := world.FreshDaemon(t)
	require.NoError(t, e.Tools.Need(harness.ToolEngine29))
	env := builderEnv(t, d)
	docker := filepath.Join(filepath.Dir(e.Tools.Path(harness.ToolEngine29)), "docker")
	out, err := e.RunTerminal(t.Context(), docker, harness.CommandOpt{
		Args:  []string{"buildx", "build", "--build-arg", "BUILDKIT_SYNTAX=" + shared.Upstream, "."},
		Files: world.Dockerfile("FROM ghcr.io/acme/base:1\n"), DockerConfig: pluginConfig(t, e, errorHooks), Env: env,
	}, 140, 40)
	require.NoError(t, err)
	require.NotZero(t, out.Code)
	_, next, ok := strings.Cut(string(out.Stream), "What's next:")
	require.True(t, ok, string(out.Stream))
	require.Contains(t, next, "ghcr.io rejected the stored credentials; the image may not need any. Find out: docker pullsafe check")
}
