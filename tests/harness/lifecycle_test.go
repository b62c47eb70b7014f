package harness_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

// childVariable makes the test binary run child instead of tests.
const childVariable = "HARNESS_TEST_CHILD"

// child starts all daemons, prints its folder, and waits to be killed.
func child() int {
	ctx := context.Background()
	err := func() error {
		tools, err := harness.FindTools(ctx)
		if err != nil {
			return err
		}
		e, err := harness.NewEnv(ctx, tools)
		if err != nil {
			return err
		}
		defer e.CloseOnSignal()() //nolint:contextcheck // Close has a context of its own
		if _, err := e.StartRegistry(ctx, harness.GHCR()); err != nil {
			return err
		}
		if _, err := e.StartBuildkitd(ctx, harness.BuildkitdOpt{}); err != nil {
			return err
		}
		if _, err := e.StartDockerd(ctx); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(os.Stdout, e.Dir); err != nil {
			return err
		}
		select {}
	}()
	_, _ = fmt.Fprintln(os.Stderr, err)
	return 1
}

// left lists the processes, mounts, control groups and files that name a folder.
func left(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	procs, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, p := range procs {
		// A process that is gone by now is not left.
		if b, err := os.ReadFile(p); err == nil && strings.Contains(string(b), dir) {
			list = append(list, "process "+strings.ReplaceAll(string(b), "\x00", " "))
		}
	}
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(dir))
	require.NoError(t, err)
	for _, m := range mounts {
		list = append(list, "mount "+m.Mountpoint)
	}
	for _, pattern := range []string{dir, "/sys/fs/cgroup/*/" + filepath.Base(dir), "/sys/fs/cgroup/" + filepath.Base(dir)} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		list = append(list, files...)
	}
	return list
}

func startChild(t *testing.T) (cmd *exec.Cmd, dir string) {
	t.Helper()
	harness.T(t)
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd = exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), childVariable+"=1")
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		_ = cmd.Wait()
		require.ErrorIs(t, err, io.EOF)
		t.Fatal("the child failed")
	}
	return cmd, strings.TrimSpace(line)
}

func TestSignalLeavesNothing(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			cmd, dir := startChild(t)
			require.True(t, slices.ContainsFunc(left(t, dir), func(s string) bool { return strings.Contains(s, "buildkitd") }))
			require.NoError(t, cmd.Process.Signal(sig))
			require.Error(t, cmd.Wait())
			require.Equal(t, 128+int(sig), cmd.ProcessState.ExitCode())
			require.Empty(t, left(t, dir))
		})
	}
}

// A killed process cannot clean up. The kernel ends its daemons, and the next
// environment removes the files.
func TestKillIsSweptUp(t *testing.T) {
	cmd, dir := startChild(t)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	require.Eventually(t, func() bool {
		return !slices.ContainsFunc(left(t, dir), func(s string) bool { return strings.HasPrefix(s, "process ") })
	}, 10*time.Second, 20*time.Millisecond)
	e, err := harness.NewEnv(t.Context(), harness.T(t).Tools)
	require.NoError(t, err)
	require.NoError(t, e.Close())
	require.Empty(t, left(t, dir))
	require.Empty(t, left(t, e.Dir))
}

func TestFailedStartLeavesNothing(t *testing.T) {
	e, err := harness.NewEnv(t.Context(), harness.T(t).Tools)
	require.NoError(t, err)
	_, err = e.StartBuildkitd(t.Context(), harness.BuildkitdOpt{Args: []string{"--no-such-flag"}})
	require.ErrorContains(t, err, "no-such-flag")
	_, err = e.StartDockerd(t.Context(), "--no-such-flag")
	require.ErrorContains(t, err, "no-such-flag")
	require.NoError(t, e.Close())
	require.NoError(t, e.Close())
	require.Empty(t, left(t, e.Dir))
}

func TestMissingToolsAreNamed(t *testing.T) {
	t.Setenv("PULLSAFE_TOOLS", t.TempDir())
	_, err := harness.FindTools(t.Context(), harness.ToolRunc, harness.ToolEngine)
	require.ErrorContains(t, err, "runc, engine; run: make tools")
}
