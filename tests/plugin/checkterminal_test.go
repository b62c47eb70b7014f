package plugin

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// terminal runs the plugin on a pty of 120 columns and types the answers, each
// when its question is there. It returns what was shown.
func terminal(t *testing.T, e *harness.Env, opt harness.CommandOpt, answers map[string]string) (string, int) {
	t.Helper()
	program, err := e.BuildBinary(t.Context(), "./cmd/docker-pullsafe")
	require.NoError(t, err)
	dir, err := e.WriteFiles(opt.Files)
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), program, opt.Args...)
	cmd.Dir = dir
	cmd.Env = append(e.Environ("TERM=xterm-256color", "DOCKER_CONFIG="+opt.DockerConfig.Dir), opt.Env...)
	p, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 120})
	require.NoError(t, err)
	defer func() { _ = p.Close() }()
	var shown bytes.Buffer
	buf := make([]byte, 4096)
	for {
		require.NoError(t, p.SetReadDeadline(time.Now().Add(time.Minute)))
		n, err := p.Read(buf)
		shown.Write(buf[:n])
		for question, answer := range answers {
			if strings.Contains(shown.String(), question) {
				delete(answers, question)
				_, err := io.WriteString(p, answer)
				require.NoError(t, err)
			}
		}
		if err != nil {
			break // the terminal ends with the program
		}
	}
	_ = cmd.Wait()
	e.Printed("terminal", shown.String())
	return shown.String(), cmd.ProcessState.ExitCode()
}

// TestCheckTerminal: what a person sees: colours, and a question before anything
// is changed.
func TestCheckTerminal(t *testing.T) {
	e := harness.T(t)
	files := world.Dockerfile(world.UVDockerfile)
	t.Run("colours", func(t *testing.T) {
		text, code := terminal(t, e, harness.CommandOpt{Args: []string{"check"}, Files: files, DockerConfig: world.Stale(t, e)}, nil)
		require.Zero(t, code, text)
		require.Contains(t, text, "\x1b[31mREJECTED (\"denied\")\x1b[0m")
		text, _ = terminal(t, e, harness.CommandOpt{Args: []string{"check"}, Files: files, DockerConfig: world.Stale(t, e), Env: []string{"NO_COLOR=1"}}, nil)
		require.NotContains(t, text, "\x1b[3")
		require.Contains(t, text, "REJECTED (\"denied\")")
		out := runPlugin(t, e, harness.CommandOpt{Args: []string{"check"}, Files: files, DockerConfig: world.Stale(t, e)})
		require.NotContains(t, out.Stdout+out.Stderr, "\x1b")
		require.Empty(t, out.Stderr)
	})
	t.Run("progress", func(t *testing.T) {
		shared.GHCR.SetFault(func(_ http.ResponseWriter, req *http.Request) bool {
			switch {
			case strings.Contains(req.URL.Path, "astral-sh"):
				time.Sleep(500 * time.Millisecond)
			case strings.Contains(req.URL.Path, "acme"):
				time.Sleep(1500 * time.Millisecond)
			}
			return false
		})
		defer shared.GHCR.SetFault(nil)
		text, code := terminal(t, e, harness.CommandOpt{Args: []string{"check", "ghcr.io/astral-sh/uv:0.7.1", "ghcr.io/acme/base:1"}, DockerConfig: world.GoodLogin(t, e)}, nil)
		require.Zero(t, code)
		require.Contains(t, text, "checking images: 0 of 2\r\x1b[Kchecking images: 1 of 2")
	})
	for answer, removed := range map[string]bool{"n\n": false, "\n": false, "\x04": false, "yes\n": true, "y\n": true} {
		t.Run("answer "+strings.TrimSpace(answer), func(t *testing.T) {
			cfg := world.Stale(t, e)
			text, code := terminal(t, e, harness.CommandOpt{Args: []string{"check", "--fix", "--strict"}, Files: files, DockerConfig: cfg}, map[string]string{"Continue? [y/N]": answer})
			require.Contains(t, text, "--fix will:")
			require.Equal(t, removed, code == 0, text)
			require.Equal(t, removed, !strings.Contains(readConfig(t, cfg), "ghcr.io"))
			require.Equal(t, removed, !strings.Contains(text, "Nothing was changed."))
		})
	}
}

// TestDockerCLI: Debian's Docker CLI finds the plugin in the folder of its
// configuration and runs it, with the CLI's own environment.
func TestDockerCLI(t *testing.T) {
	e := harness.T(t)
	require.NoError(t, e.Tools.Need(harness.ToolEngine))
	docker := filepath.Join(e.Tools.Dir, "engine", "docker")
	cfg := dockerWithPlugins(t, e)
	run := func(args ...string) *harness.Output {
		out, err := e.Run(t.Context(), docker, harness.CommandOpt{
			Args: args, DockerConfig: cfg,
			Files: map[string]string{"Dockerfile": world.UVDockerfile, "docker-bake.hcl": "target \"default\" { dockerfile-inline = \"FROM " + publicImage + "\" }\n"},
		})
		require.NoError(t, err)
		return out
	}
	out := run("pullsafe", "version")
	require.Zero(t, out.Code, out.Stderr)
	require.Regexp(t, `^docker-pullsafe v\S+ \S+ \(docker/dockerfile 1\.\S+, BuildKit v\S+\)\n$`, out.Stdout)
	out = run("pullsafe", "--help")
	require.Contains(t, out.Stdout, "check ")
	out = run("help")
	require.Contains(t, out.Stdout, "pullsafe*")
	out = run("pullsafe", "check")
	require.Zero(t, out.Code, out.Stderr)
	require.Contains(t, out.Stdout, "REJECTED (\"denied\")")
	out = run("pullsafe", "check", "--strict", "-f", "docker-bake.hcl")
	require.Equal(t, 1, out.Code, out.Stderr)
	require.Contains(t, out.Stdout, "default (inline):1")
	out = run("pullsafe", "check", "--nothing")
	require.Equal(t, 2, out.Code)
	require.Contains(t, out.Stderr, "Usage:  docker pullsafe check")
	out = run("pullsafe", "check", "--fix", "--yes")
	require.Zero(t, out.Code, out.Stderr)
	require.Contains(t, out.Stderr, "Removed the credentials for ghcr.io.")
	require.NotContains(t, readConfig(t, cfg), "ghcr.io")
}

// dockerWithPlugins is a configuration with a refused login for ghcr.io, and the
// plugins pullsafe and buildx.
func dockerWithPlugins(t *testing.T, e *harness.Env) *harness.DockerConfig {
	t.Helper()
	program, err := e.BuildBinary(t.Context(), "./cmd/docker-pullsafe")
	require.NoError(t, err)
	cfg := world.Stale(t, e)
	plugins := filepath.Join(cfg.Dir, "cli-plugins")
	require.NoError(t, os.Mkdir(plugins, 0o755))
	require.NoError(t, os.Symlink(program, filepath.Join(plugins, "docker-pullsafe")))
	require.NoError(t, os.Symlink(e.Tools.Path(harness.ToolBuildx), filepath.Join(plugins, "docker-buildx")))
	return cfg
}
