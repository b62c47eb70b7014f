package install

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

// TestInstall: what a newcomer does, on each machine.
func TestInstall(t *testing.T) {
	each(t, func(t *testing.T, m *machine) {
		before := m.config()
		without := m.with(files(uvDockerfile), "buildx", "build", "--progress=plain", ".")
		require.NotZero(t, without.Code, "the login is refused")

		out := m.docker(harness.CommandOpt{}, "pullsafe", "status")
		require.Contains(t, out.Stdout, "not through pullsafe; to change that: docker pullsafe install")
		out = m.with(harness.CommandOpt{Stdin: "n\n"}, "pullsafe", "install")
		require.Equal(t, 1, out.Code)
		require.Contains(t, out.Stderr, "aliases.builder: \"pullsafe\" (now not set)")
		require.Contains(t, out.Stderr, "Nothing was changed.")
		require.Equal(t, before, m.config())
		m.docker(harness.CommandOpt{Stdin: "y\n"}, "pullsafe", "install", "--hooks")
		installed := m.config()
		require.NotEqual(t, before, installed)
		out = m.docker(harness.CommandOpt{}, "pullsafe", "install", "--hooks", "--yes")
		require.Contains(t, out.Stderr, "Nothing to do")
		require.Equal(t, installed, m.config())
		out = m.docker(harness.CommandOpt{}, "pullsafe", "status")
		require.Contains(t, out.Stdout, "through pullsafe, by aliases.builder in ")
		require.NotContains(t, out.Stdout, "not through")
		require.Contains(t, out.Stdout, shared.Pullsafe+"@sha256:")

		shared.Reset()
		out = m.docker(files(uvDockerfile), "build", "--progress=plain", "-t", "uv", ".")
		require.Contains(t, out.Stderr, "ghcr.io rejected the stored credentials")
		requireAnonymous(t, shared.GHCR, "astral-sh/uv")
		require.Empty(t, shared.Local.Requests(), "the frontend image is known: nobody is asked for it")
		require.Contains(t, m.docker(harness.CommandOpt{}, "image", "ls").Stdout, "uv", "the image is in the engine")

		out = m.docker(harness.CommandOpt{}, "pullsafe", "uninstall", "--yes")
		require.Contains(t, out.Stderr, "Done.")
		require.Equal(t, before, m.config(), "byte for byte")
		out = m.docker(harness.CommandOpt{}, "pullsafe", "uninstall", "--yes")
		require.Contains(t, out.Stderr, "Nothing to do")
		shared.Reset()
		out = m.with(files(uvDockerfile), "build", "--progress=plain", ".")
		require.NotZero(t, out.Code, "as it was")
	})
}

// TestInstallKeeps: another alias, the mode, a symbolic link, and what `docker login`
// does in between.
func TestInstallKeeps(t *testing.T) {
	e := harness.T(t)
	require.NoError(t, e.Tools.Need(harness.ToolEngine29))
	docker := filepath.Join(filepath.Dir(e.Tools.Path(harness.ToolEngine29)), "docker")
	cfg := configWith(t, e, map[string]any{"aliases": map[string]string{"builder": "buildx"}})
	run := func(args ...string) *harness.Output {
		out, err := e.Run(t.Context(), docker, harness.CommandOpt{Args: args, DockerConfig: cfg})
		require.NoError(t, err)
		require.Zero(t, out.Code, out.Stderr)
		return out
	}
	name, target := filepath.Join(cfg.Dir, "config.json"), filepath.Join(t.TempDir(), "real.json")
	require.NoError(t, os.Rename(name, target))
	require.NoError(t, os.Chmod(target, 0o640))
	require.NoError(t, os.Symlink(target, name))
	before, err := os.ReadFile(target)
	require.NoError(t, err)

	require.Contains(t, run("pullsafe", "install", "--yes").Stderr, `aliases.builder: "pullsafe" (now "buildx")`)
	info, err := os.Lstat(name)
	require.NoError(t, err)
	require.Equal(t, os.ModeSymlink, info.Mode().Type())
	info, err = os.Stat(target)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode().Perm())
	require.Contains(t, run("pullsafe", "uninstall", "--yes").Stderr, `aliases.builder: "buildx" (now "pullsafe")`)
	after, err := os.ReadFile(target)
	require.NoError(t, err)
	require.Equal(t, string(before), string(after))

	run("pullsafe", "install", "--yes")
	run("logout", "ghcr.io") // writes the file anew
	run("pullsafe", "uninstall", "--yes")
	after, err = os.ReadFile(target)
	require.NoError(t, err)
	require.NotContains(t, string(after), "pullsafe")
	require.Contains(t, string(after), `"builder": "buildx"`)
}

// TestInstallUnusable: nothing is changed, and the error says what is wrong.
func TestInstallUnusable(t *testing.T) {
	e := harness.T(t)
	require.NoError(t, e.Tools.Need(harness.ToolEngine29))
	for _, tc := range []struct {
		name, want string
		arrange    func(t *testing.T, cfg *harness.DockerConfig)
	}{
		{"does not parse", "it is not valid JSON", func(t *testing.T, cfg *harness.DockerConfig) {
			t.Helper()
			require.NoError(t, os.WriteFile(filepath.Join(cfg.Dir, "config.json"), []byte("{"), 0o600))
		}},
		{"a link to nothing", "config.json", func(t *testing.T, cfg *harness.DockerConfig) {
			t.Helper()
			require.NoError(t, os.Remove(filepath.Join(cfg.Dir, "config.json")))
			require.NoError(t, os.Symlink("/nonexistent/config.json", filepath.Join(cfg.Dir, "config.json")))
		}},
		{"no plugin", "the Docker CLI does not find this plugin", func(t *testing.T, cfg *harness.DockerConfig) {
			t.Helper()
			require.NoError(t, os.Remove(filepath.Join(cfg.Dir, "cli-plugins", "docker-pullsafe")))
		}},
		{"no buildx", "buildx is not installed", func(t *testing.T, cfg *harness.DockerConfig) {
			t.Helper()
			require.NoError(t, os.Remove(filepath.Join(cfg.Dir, "cli-plugins", "docker-buildx")))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := configWith(t, e, nil)
			tc.arrange(t, cfg)
			program, err := e.BuildBinary(t.Context(), "./cmd/docker-pullsafe")
			require.NoError(t, err)
			out, err := e.Run(t.Context(), program, harness.CommandOpt{Args: []string{"install", "--yes"}, DockerConfig: cfg})
			require.NoError(t, err)
			require.NotZero(t, out.Code)
			require.Contains(t, out.Stderr, "ERROR: ")
			require.Contains(t, out.Stderr, tc.want)
			require.NotContains(t, out.Stderr, "Done")
		})
	}
}

// TestInstallWithoutConfig: where there was no file, there is none afterwards.
func TestInstallWithoutConfig(t *testing.T) {
	e := harness.T(t)
	cfg := configWith(t, e, nil)
	name := filepath.Join(cfg.Dir, "config.json")
	require.NoError(t, os.Remove(name))
	program, err := e.BuildBinary(t.Context(), "./cmd/docker-pullsafe")
	require.NoError(t, err)
	for _, command := range []string{"install", "uninstall"} {
		out, err := e.Run(t.Context(), program, harness.CommandOpt{Args: []string{command, "-y"}, DockerConfig: cfg})
		require.NoError(t, err)
		require.Zero(t, out.Code, out.Stderr)
		text, err := os.ReadFile(name)
		if command == "install" {
			require.NoError(t, err)
			require.Contains(t, string(text), `"builder": "pullsafe"`)
			continue
		}
		require.ErrorIs(t, err, os.ErrNotExist)
	}
}

// TestHandedOn: what is no build comes to buildx as it was written.
func TestHandedOn(t *testing.T) {
	each(t, func(t *testing.T, m *machine) {
		compare := func(opt harness.CommandOpt, args ...string) {
			t.Helper()
			want := m.with(opt, append([]string{"buildx"}, args...)...)
			got := m.with(opt, append([]string{"builder"}, args...)...)
			require.Equal(t, want.Code, got.Code, "%v: %s", args, got.Stderr)
			require.Equal(t, want.Stderr, got.Stderr, args)
			require.Equal(t, want.Stdout, got.Stdout, args)
		}
		m.install()
		m.env = append(m.env, "BUILDX_BUILDER=default")
		for _, args := range []string{"ls", "inspect", "inspect nothing", "du", "imagetools inspect " + shared.Local.Addr + "/docker/dockerfile:1", "prune --help", "nothing", "create --driver"} {
			compare(harness.CommandOpt{}, strings.Fields(args)...)
		}
		compare(harness.CommandOpt{Stdin: "n\n"}, "prune")
		if m.kind.tool == harness.ToolEngine29 { // the other does not say what it calls the plugin for
			compare(harness.CommandOpt{})
			compare(harness.CommandOpt{}, "--help")
			compare(harness.CommandOpt{}, "version")
			compare(harness.CommandOpt{}, "build", "--help")
			bake := harness.CommandOpt{Files: map[string]string{"docker-bake.hcl": "target \"default\" { dockerfile-inline = \"FROM scratch\" }\n"}}
			want := m.with(bake, "buildx", "bake", "--print")
			got := m.with(bake, "bake", "--print")
			require.Equal(t, want.Stdout, got.Stdout)
		}
	})
}

// TestInterrupt: a signal ends a build as it ends one of buildx, with the same status and
// nothing left.
func TestInterrupt(t *testing.T) {
	m := newMachine(t, kinds[0])
	m.install()
	reg, err := shared.GHCR.Front(t.Context(), harness.RegistryOpt{Hosts: []string{"hang.test"}, Mode: harness.ModeOpen})
	require.NoError(t, err)
	t.Cleanup(reg.Disconnect)
	reg.SetFault(harness.FaultHang())
	dir, err := m.e.WriteFiles(map[string]string{"Dockerfile": "FROM hang.test/acme/base:1\n"})
	require.NoError(t, err)
	interrupt := func(args ...string) int {
		reg.ResetRequests()
		cmd := exec.CommandContext(t.Context(), filepath.Join(filepath.Dir(m.e.Tools.Path(m.kind.tool)), "docker"), args...)
		cmd.Dir, cmd.Env = dir, slices.Concat(m.e.Environ(), m.env, []string{"DOCKER_HOST=" + m.d.Host, "DOCKER_CONFIG=" + m.cfg.Dir})
		require.NoError(t, cmd.Start())
		require.Eventually(t, func() bool { return len(reg.Requests()) > 0 }, 30*time.Second, 20*time.Millisecond)
		require.NoError(t, cmd.Process.Signal(os.Interrupt))
		_ = cmd.Wait()
		return cmd.ProcessState.ExitCode()
	}
	require.Equal(t, interrupt("buildx", "build", "."), interrupt("build", "."))
	processes, err := exec.CommandContext(t.Context(), "ps", "-eo", "args").Output()
	require.NoError(t, err)
	require.NotContains(t, string(processes), m.cfg.Dir)
}

// TestContextIsTheBuilder: `docker build` is for the engine of the context, whichever
// builder buildx has been told to use.
func TestContextIsTheBuilder(t *testing.T) {
	each(t, func(t *testing.T, m *machine) {
		m.install()
		m.docker(harness.CommandOpt{}, "buildx", "create", "--use", "--name", "elsewhere", "--driver", "remote", "tcp://127.0.0.1:1")
		m.docker(files("FROM alpine:3.23\n"), "build", "-q", "-t", "here", ".")
		require.Contains(t, m.docker(harness.CommandOpt{}, "image", "ls").Stdout, "here")
	})
}
