package attack

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

const (
	fixPublic  = "ghcr.io/astral-sh/uv:0.7.1"
	fixHubUser = "dhi.io/public/a:1" // a registry that is sent Docker Hub's credentials
	fixPrivate = "docker.io/private/x:1"
)

// checkFix runs `check --fix --yes` below a shell, which runs before it.
func checkFix(t *testing.T, e *harness.Env, opt harness.CommandOpt, before string, args ...string) *harness.Output {
	t.Helper()
	opt.Args = append([]string{"--mount", "sh", "-c", before + ` exec "$@"`, opt.DockerConfig.Dir, pluginProgram(t, e), "check", "--yes"}, args...)
	out, err := e.Run(t.Context(), "unshare", opt)
	require.NoError(t, err)
	return out
}

// hubUser serves dhi.io, which knows none of Docker Hub's users, with Docker Hub's
// images.
func hubUser(t *testing.T) *harness.Registry {
	t.Helper()
	for _, name := range []string{"public/a:1", "private/x:1", "library/alpine:3"} {
		_, err := shared.Hub.Push(t.Context(), name, world.Base(name))
		require.NoError(t, err)
	}
	dhi, err := shared.Hub.Front(t.Context(), harness.RegistryOpt{
		Hosts: []string{"dhi.io"}, Mode: harness.ModeHub, Users: map[string]string{"nobody": "nothing-of-docker-hub"},
	})
	require.NoError(t, err)
	t.Cleanup(dhi.Disconnect)
	return dhi
}

// TestFixSharedEntry: credentials that one registry rejects, and that another accepts
// or could not be asked about, stay, in whichever order the images are.
func TestFixSharedEntry(t *testing.T) {
	e := harness.T(t)
	dhi := hubUser(t)
	outage := func() {
		shared.Hub.SetFault(harness.FaultStatus(http.StatusServiceUnavailable, "UNAVAILABLE", "later"))
	}
	for _, tc := range []struct {
		name  string
		login harness.Login
		refs  []string
		fault func()
		code  int
		want  string
	}{
		{"accepted", harness.Good, []string{fixHubUser, fixPrivate, "alpine:3"}, nil, 0, "they were accepted for "},
		{"accepted, in another order", harness.Good, []string{"alpine:3", fixPrivate, fixHubUser}, nil, 0, "they were accepted for "},
		{"Docker Hub is not asked", harness.Good, []string{fixHubUser}, nil, 0, "they are stored for docker.io, which was not checked"},
		{"Docker Hub is down", harness.Stale, []string{fixHubUser, "alpine:3"}, outage, 1, "they could not be tested with alpine:3"},
	} {
		for _, mode := range []string{"--fix", "--fix=keep-for-push"} {
			if mode != "--fix" && len(tc.refs) == 1 {
				continue // it leaves the entry as it is
			}
			t.Run(tc.name+" "+mode, func(t *testing.T) {
				cfg, err := e.DockerConfig(harness.DockerConfigOpt{Auths: map[string]harness.Login{harness.HubAuthKey: tc.login}})
				require.NoError(t, err)
				before := configText(t, cfg)
				if tc.fault != nil {
					tc.fault()
					t.Cleanup(func() { shared.Hub.SetFault(nil) })
				}
				dhi.ResetRequests()
				dir := t.TempDir()
				out := checkFix(t, e, harness.CommandOpt{DockerConfig: cfg, Env: []string{"BUILDX_CONFIG=" + dir}}, "", append([]string{mode}, tc.refs...)...)
				require.Equal(t, tc.code, out.Code, "%s%s", out.Stdout, out.Stderr)
				require.NotEmpty(t, dhi.Requests().WithCredentials(), "they were rejected")
				require.Contains(t, out.Stderr, tc.want)
				require.Contains(t, out.Stderr, "--fix has nothing to do.")
				require.NotContains(t, out.Stdout, "docker pullsafe check --fix ", "no advice to do it")
				require.Equal(t, len(tc.refs) == 1, strings.Contains(out.Stdout, "docker pullsafe check --fix=keep-for-push "))
				require.Equal(t, before, configText(t, cfg))
				entries, err := os.ReadDir(dir)
				require.NoError(t, err)
				require.Empty(t, entries)
			})
		}
	}
}

// TestFixUnwritable: a change that cannot be written is an error, whoever runs it.
func TestFixUnwritable(t *testing.T) {
	e := harness.T(t)
	for name, before := range map[string]string{
		"read-only folder":           `mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" &&`,
		"the file is a mount":        `mount --bind "$0/config.json" "$0/config.json" &&`,
		"the file is read-only then": `mount --bind "$0/config.json" "$0/config.json" && mount -o remount,bind,ro "$0/config.json" &&`,
	} {
		t.Run(name, func(t *testing.T) {
			cfg := world.StaleLogin(t, e, "ghcr.io")
			text := configText(t, cfg)
			out := checkFix(t, e, harness.CommandOpt{DockerConfig: cfg}, before, "--fix", fixPublic)
			require.Equal(t, 2, out.Code, "%s%s", out.Stdout, out.Stderr)
			require.Contains(t, out.Stderr, `ERROR: --fix failed for auths "ghcr.io"`)
			require.NotContains(t, out.Stderr, "Removed")
			require.Equal(t, text, configText(t, cfg))
			entries, err := os.ReadDir(cfg.Dir)
			require.NoError(t, err)
			require.Len(t, entries, 1, "no temporary file")
		})
	}
}

// TestFixKeepsUnknownKeys: nothing but the entry is another afterwards.
func TestFixKeepsUnknownKeys(t *testing.T) {
	e := harness.T(t)
	cfg := world.StaleLogin(t, e, "ghcr.io")
	text := configText(t, cfg)
	from := strings.Index(text, `"ghcr.io"`)
	entry := text[from : strings.Index(text[from:], "}")+from+1]
	const other = `"other.test": {"auth": "dTpw", "future": [1.0]}`
	file := "{\n \"future\": {\"z\": 1, \"a\": 2},\n \"auths\": {\n  %s" + other + "\n }\n}\n"
	path := filepath.Join(cfg.Dir, "config.json")
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, file, entry+",\n  "), 0o640))
	require.NoError(t, os.Chmod(path, 0o640))
	out := checkFix(t, e, harness.CommandOpt{DockerConfig: cfg}, "", "--fix", fixPublic)
	require.Zero(t, out.Code, "%s%s", out.Stdout, out.Stderr)
	require.Equal(t, fmt.Sprintf(file, ""), configText(t, cfg))
	st, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), st.Mode().Perm())
}

// TestFixUndo: the command that is printed is run by a shell as it is meant, in
// whatever folder.
func TestFixUndo(t *testing.T) {
	e := harness.T(t)
	cfg := world.StaleLogin(t, e, "ghcr.io")
	dir := filepath.Join(t.TempDir(), "it's; touch $(echo taken) `id` \"x")
	out := checkFix(t, e, harness.CommandOpt{DockerConfig: cfg, Env: []string{"BUILDX_CONFIG=" + dir}}, "", "--fix=keep-for-push", fixPublic)
	require.Zero(t, out.Code, "%s%s", out.Stdout, out.Stderr)
	file := filepath.Join(dir, "config", "ghcr.io/astral-sh/uv@pull", "config.json")
	require.FileExists(t, file)
	_, undo, ok := strings.Cut(out.Stderr, "To undo it: ")
	require.True(t, ok, out.Stderr)
	undo, _, _ = strings.Cut(undo, "\n")
	cmd := exec.CommandContext(t.Context(), "sh", "-c", undo)
	cmd.Dir = t.TempDir()
	text, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s: %s", undo, text)
	require.Empty(t, string(text))
	require.NoFileExists(t, file)
	entries, err := os.ReadDir(cmd.Dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func configText(t *testing.T, cfg *harness.DockerConfig) string {
	t.Helper()
	dt, err := os.ReadFile(filepath.Join(cfg.Dir, "config.json"))
	require.NoError(t, err)
	return string(dt)
}
