package selfbuild

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

// bakeOpt is one run of buildx bake in a checkout.
type bakeOpt struct {
	dir    string
	daemon *harness.Buildkitd // the shared one by default
	// epoch is SOURCE_DATE_EPOCH; "" leaves it out.
	epoch string
	// files are bake files besides the checkout's.
	files []string
	env   []string
	args  []string
}

// overrides is a bake file beside the checkout's own.
type overrides struct {
	Target map[string]overriddenTarget `json:"target"`
}

type overriddenTarget struct {
	Args     map[string]string `json:"args,omitempty"`
	Contexts map[string]string `json:"contexts,omitempty"`
}

// bake runs the checkout's bake file with the frontend of this checkout, the
// stand-ins and the module proxy.
func (s *site) bake(t *testing.T, opt bakeOpt) *harness.Output {
	t.Helper()
	out := s.tryBake(t, opt)
	require.Zero(t, out.Code, "buildx bake %s\n%s%s", strings.Join(opt.args, " "), out.Stdout, out.Stderr)
	return out
}

func (s *site) tryBake(t *testing.T, opt bakeOpt) *harness.Output {
	t.Helper()
	if opt.daemon == nil {
		opt.daemon = s.daemon
	}
	override := overrides{Target: map[string]overriddenTarget{"_common": {
		Args:     map[string]string{"BUILDKIT_SYNTAX": s.pullsafe, "HTTP_PROXY": s.modules.URL},
		Contexts: s.bases,
	}}}
	b, err := json.Marshal(override)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "stand-ins.json")
	require.NoError(t, os.WriteFile(file, b, 0o644))
	args := []string{"bake", "--progress=plain", "--allow=fs=*", "-f", "docker-bake.hcl", "-f", file}
	for _, f := range opt.files {
		args = append(args, "-f", f)
	}
	run := harness.CommandOpt{Dir: opt.dir, Args: append(args, opt.args...), Env: append([]string{"NO_COLOR=1"}, opt.env...)}
	if opt.epoch != "" {
		run.Env = append(run.Env, "SOURCE_DATE_EPOCH="+opt.epoch)
	}
	out, err := opt.daemon.Buildx(t.Context(), run)
	require.NoError(t, err)
	return out
}

// git runs git in a folder. The checkout may be another user's, as in CI.
func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	config := filepath.Join(t.TempDir(), "gitconfig")
	require.NoError(t, os.WriteFile(config, []byte("[safe]\n\tdirectory = *\n[user]\n\tname = t\n\temail = t@example.com\n[commit]\n\tgpgsign = false\n"), 0o644))
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+config, "GIT_CONFIG_SYSTEM=/dev/null")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "git %v: %s", args, stderr.String())
	return strings.TrimSpace(string(out))
}

// commitAll is the checkout as it is, modified or not, as a clone in which all of
// it is committed: a clone alone would have only what is committed there.
func commitAll(t *testing.T, name string) string {
	t.Helper()
	root := checkout(t)
	dir := clone(t, root, name)
	changed := git(t, root, "ls-files", "-z", "--modified", "--deleted", "--others", "--exclude-standard")
	if changed == "" {
		return dir
	}
	for file := range strings.SplitSeq(strings.TrimSuffix(changed, "\x00"), "\x00") {
		target := filepath.Join(dir, file)
		require.NoError(t, os.RemoveAll(target))
		info, err := os.Stat(filepath.Join(root, file))
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		b, err := os.ReadFile(filepath.Join(root, file))
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(target), 0o755))
		require.NoError(t, os.WriteFile(target, b, info.Mode().Perm()))
	}
	git(t, dir, "add", "--all")
	git(t, dir, "commit", "-q", "-m", "as it is")
	return dir
}

// clone clones a repository into a folder of the given name.
func clone(t *testing.T, repository, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	git(t, "/", "clone", "-q", "--no-hardlinks", repository, dir)
	return dir
}

// commitTime is the time of the commit, in seconds.
func commitTime(t *testing.T, dir string) string {
	t.Helper()
	epoch := git(t, dir, "log", "-1", "--pretty=%ct")
	_, err := strconv.ParseInt(epoch, 10, 64)
	require.NoError(t, err)
	return epoch
}
