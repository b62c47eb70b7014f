package plugin

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// explained is a line of `explain --format json`.
type explained struct {
	Class                 string `json:"class"`
	Host                  string `json:"host"`
	Ref                   string `json:"ref"`
	Message               string `json:"message"`
	UsedCredentials       *bool  `json:"usedCredentials"`
	AnonymousRetryCanHelp bool   `json:"anonymousRetryCanHelp"`
	Explanation           string `json:"explanation"`
	Code                  string `json:"code"`
	Places                []struct {
		File string `json:"file"`
		Line int    `json:"line"`
	} `json:"places"`
	Remedies []struct {
		Command string `json:"command"`
	} `json:"remedies"`
}

// explainLog runs the command on a log and reads its JSON.
func explainLog(t *testing.T, e *harness.Env, log string) []explained {
	t.Helper()
	out := runPlugin(t, e, harness.CommandOpt{Args: []string{"explain", "--format", "json"}, Stdin: log})
	require.Zero(t, out.Code, out.Stderr)
	var list []explained
	for line := range strings.Lines(out.Stdout) {
		var x explained
		require.NoError(t, json.Unmarshal([]byte(line), &x), line)
		list = append(list, x)
	}
	require.NotEmpty(t, list)
	return list
}

// runPlugin runs docker-pullsafe by its own name.
func runPlugin(t *testing.T, e *harness.Env, opt harness.CommandOpt) *harness.Output {
	t.Helper()
	program, err := e.BuildBinary(t.Context(), "./cmd/docker-pullsafe")
	require.NoError(t, err)
	out, err := e.Run(t.Context(), program, opt)
	require.NoError(t, err)
	return out
}

func requireRefused(t *testing.T, x explained, ref string) {
	t.Helper()
	require.Equal(t, "credentials-rejected", x.Class)
	require.Equal(t, "ghcr.io", x.Host)
	require.Equal(t, ref, x.Ref)
	require.True(t, x.AnonymousRetryCanHelp)
	require.Empty(t, x.Code)
	require.NotEmpty(t, x.Remedies)
	require.Equal(t, "docker logout ghcr.io", x.Remedies[0].Command)
}

const refusedDockerfile = "FROM alpine:3.23\nCOPY --from=ghcr.io/acme/base:1 /bin/sh /x\n"

// TestExplainLogsOfBuildx: logs that buildx has just written, in each form.
func TestExplainLogsOfBuildx(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	opt := harness.CommandOpt{Files: world.Dockerfile(refusedDockerfile), DockerConfig: world.Stale(t, e)}
	t.Run("plain", func(t *testing.T) {
		list := explainLog(t, e, world.Buildx(t, d, shared.Upstream, opt).Stderr)
		require.Len(t, list, 1)
		requireRefused(t, list[0], "ghcr.io/acme/base:1")
		require.Equal(t, 2, list[0].Places[0].Line)
	})
	t.Run("quiet", func(t *testing.T) {
		list := explainLog(t, e, quietBuild(t, d, opt).Stderr)
		require.Len(t, list, 1)
		requireRefused(t, list[0], "ghcr.io/acme/base:1")
	})
	t.Run("tty", func(t *testing.T) {
		list := explainLog(t, e, inTerminal(t, d, opt, 100))
		require.Len(t, list, 1)
		requireRefused(t, list[0], "ghcr.io/acme/base:1")
	})
	t.Run("rawjson", func(t *testing.T) {
		list := explainLog(t, e, world.Buildx(t, d, shared.Upstream, opt, "--progress=rawjson").Stderr)
		require.Len(t, list, 1)
		requireRefused(t, list[0], "ghcr.io/acme/base:1")
	})
	t.Run("bake", func(t *testing.T) {
		if !world.Full() {
			t.Skip("the parts are tested without a daemon; with -full")
		}
		bake := opt
		bake.Files = map[string]string{"docker-bake.hcl": `
group "default" { targets = ["web", "api"] }
target "web" { dockerfile-inline = "FROM ghcr.io/acme/base:1" }
target "api" { dockerfile-inline = "FROM ghcr.io/acme/tools:2" }
`}
		bake.Args = []string{"bake", "--progress=plain"}
		out, err := d.Buildx(t.Context(), bake)
		require.NoError(t, err)
		require.NotZero(t, out.Code)
		list := explainLog(t, e, out.Stderr)
		for _, x := range list {
			requireRefused(t, x, x.Ref)
			require.Contains(t, []string{"ghcr.io/acme/base:1", "ghcr.io/acme/tools:2"}, x.Ref)
		}
		require.LessOrEqual(t, len(list), 2)
	})
	t.Run("step", func(t *testing.T) {
		if !world.Full() {
			t.Skip("the parts are tested without a daemon; with -full")
		}
		run := opt
		run.Files = world.Dockerfile("FROM alpine:3.23\nRUN echo 'ERROR: failed to solve: failed to fetch oauth token: denied: denied'; " +
			"echo 'Error response from daemon: Head \"https://ghcr.io/v2/a/b/manifests/1\": denied' >&2; exit 1\n")
		for _, log := range []string{world.Buildx(t, d, shared.Upstream, run).Stderr, inTerminal(t, d, run, 120)} {
			list := explainLog(t, e, log)
			require.Len(t, list, 1)
			require.Equal(t, "not-a-registry-error", list[0].Class, log)
		}
	})
}

// TestExplainOwnLogs: what pullsafe has said is not said again, and not otherwise.
func TestExplainOwnLogs(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	opt := harness.CommandOpt{Files: world.Dockerfile(refusedDockerfile), DockerConfig: world.Stale(t, e)}
	t.Run("public", func(t *testing.T) {
		list := explainLog(t, e, world.Buildx(t, d, shared.Pullsafe, opt).Stderr)
		require.Len(t, list, 1)
		require.Equal(t, "credentials-rejected/resolved", list[0].Code)
		require.Equal(t, "ghcr.io", list[0].Host)
		require.Equal(t, "credentials-rejected", list[0].Class)
		require.Equal(t, "ghcr.io/acme/base:1", list[0].Ref)
		require.NotEmpty(t, list[0].Explanation)
	})
	t.Run("private", func(t *testing.T) {
		opt.Files = world.Dockerfile("FROM ghcr.io/acme/private-base:1\nCOPY --from=ghcr.io/acme/private-tools:1 /bin/sh /x\n")
		list := explainLog(t, e, world.Buildx(t, d, shared.Pullsafe, opt).Stderr)
		require.Len(t, list, 1)
		require.Equal(t, "credentials-rejected/auth-required", list[0].Code)
		require.Equal(t, "ghcr.io", list[0].Host)
		require.Equal(t, "credentials-rejected", list[0].Class)
		require.False(t, list[0].AnonymousRetryCanHelp, "it was tried")
		require.Len(t, list[0].Places, 2)
		require.NotEmpty(t, list[0].Remedies)
	})
}

// stream is a log of a given length that exists only while it is read.
type stream struct {
	text string
	left int
	read func() // called now and then
}

// Read implements io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	if s.left <= 0 {
		return 0, io.EOF
	}
	n := copy(p, s.text)
	if s.left>>22 != (s.left-n)>>22 {
		s.read()
	}
	s.left -= n
	return n, nil
}

// TestExplainMemory: a log of 100 MB does not fit the memory that the program takes.
func TestExplainMemory(t *testing.T) {
	e := harness.T(t)
	program, err := e.BuildBinary(t.Context(), "./cmd/docker-pullsafe")
	require.NoError(t, err)
	line := "#12 1.234 npm http fetch GET 200 https://npm.example.org/some-package 123ms (cache miss)\n"
	log := &stream{text: strings.Repeat(line, 700), left: 100 << 20}
	cmd := exec.CommandContext(t.Context(), program, "explain", "--format=json")
	peak := 0
	log.read = func() { peak = max(peak, peakMemory(t, cmd.Process.Pid)) }
	cmd.Env = e.Environ()
	cmd.Stdin = io.MultiReader(log, strings.NewReader("\nERROR: failed to solve: ghcr.io/a/b:1: failed to fetch oauth token: denied: denied\n"))
	out, err := cmd.Output()
	require.NoError(t, err)
	require.Contains(t, string(out), `"class":"credentials-rejected","host":"`)
	t.Logf("100 MB read in %d KiB, %s of CPU time", peak, cmd.ProcessState.UserTime())
	require.Positive(t, peak)
	require.Less(t, peak, 80<<10, "KiB")
}

// peakMemory is the most memory that a process has had, in KiB. What the kernel
// says at its end counts from before the program was loaded.
func peakMemory(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(status), "VmHWM:")
	require.True(t, ok)
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	require.NoError(t, err)
	return kib
}

// TestExplainLogOfBuildctl: BuildKit's own client.
func TestExplainLogOfBuildctl(t *testing.T) {
	if !world.Full() {
		t.Skip("the parts are tested without a daemon; with -full")
	}
	e, _, d := world.FreshDaemon(t)
	out, err := e.Run(t.Context(), e.Tools.Path(harness.ToolBuildctl), harness.CommandOpt{
		Args: []string{
			"--addr=" + d.Addr, "build", "--progress=plain", "--frontend=gateway.v0", "--opt=source=" + shared.Upstream,
			"--local=context=.", "--local=dockerfile=.",
		},
		Files: world.Dockerfile(refusedDockerfile), DockerConfig: world.Stale(t, e),
	})
	require.NoError(t, err)
	list := explainLog(t, e, out.Stderr)
	require.Len(t, list, 1)
	requireRefused(t, list[0], "ghcr.io/acme/base:1")
}

// inTerminal is all that buildx wrote into a terminal when a build with
// upstream's frontend failed.
func inTerminal(t *testing.T, d *harness.Buildkitd, opt harness.CommandOpt, width uint16) string {
	t.Helper()
	out := world.Terminal(t, d, shared.Upstream, opt, width)
	require.NotZero(t, out.Code)
	return string(out.Stream)
}

func quietBuild(t *testing.T, d *harness.Buildkitd, opt harness.CommandOpt) *harness.Output {
	t.Helper()
	opt.Args = []string{"build", "-q", "--build-arg", "BUILDKIT_SYNTAX=" + shared.Upstream, "."}
	out, err := d.Buildx(t.Context(), opt)
	require.NoError(t, err)
	require.NotZero(t, out.Code)
	return out
}
