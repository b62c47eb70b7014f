package action

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/version"
)

// released is the version of the action in the tests: one that is downloaded.
const released = "v1.2.3"

// checkout is the folder of this repository.
func checkout(t *testing.T) string {
	t.Helper()
	root, err := harness.Checkout()
	require.NoError(t, err)
	return root
}

// runner is a machine on which jobs run.
type runner struct {
	e        *harness.Env
	act      string
	programs string // curl, gh and docker, first on the PATH
	release  string // the files of the release
	log      string // what the programs were asked for
}

func newRunner(t *testing.T, e *harness.Env) *runner {
	t.Helper()
	r := &runner{e: e, act: filepath.Join(e.Dir, "act"), programs: t.TempDir(), release: t.TempDir()}
	require.NoError(t, e.Go(t.Context(), filepath.Join(checkout(t), ".ci", "act"), "build", "-o", r.act, "github.com/nektos/act"))
	r.log = filepath.Join(r.programs, "log")
	require.NoError(t, os.WriteFile(r.log, nil, 0o600))
	for name, script := range map[string]string{
		// The last argument is the address, the one behind -o the file.
		"curl": `while [ $# -gt 1 ]; do case $1 in -o) shift; out=$1 ;; esac; shift; done
echo "curl $1" >>'` + r.log + `'; exec cp '` + r.release + `'/"${1##*/}" "$out"`,
		"gh": `echo "gh $*" >>'` + r.log + `'; if [ -e '` + r.release + `/forged' ]; then echo "no attestation"; exit 1; fi`,
		// Steps run without a terminal, as on GitHub's runners; act gives them one, and
		// may lose the last lines of a step that fails.
		"bash": `[ -z "${INSIDE_STEP:-}" ] || exec /bin/bash "$@"; INSIDE_STEP=1 exec /bin/bash "$@" >>"$STEP_LOG" 2>&1`,
		// It repeats what stands in a bake file, as errors of buildx do.
		"docker": `[ "$1" = buildx ] || exit 1; shift; if [ "$1" = bake ] && [ -e evil.hcl ]; then cat evil.hcl >&2; exit 1; fi; exec '` + e.Tools.Path(harness.ToolBuildx) + `' "$@"`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(r.programs, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700))
	}
	program, err := e.BuildBinary(t.Context(), "./cmd/docker-pullsafe")
	require.NoError(t, err)
	r.pack(t, program)
	return r
}

// archive is the name of the file that the action gets on this machine.
var archive = "docker-pullsafe-linux-" + runtime.GOARCH + ".tar.gz"

// pack makes the release's archive and its checksums.
func (r *runner) pack(t *testing.T, program string) {
	t.Helper()
	data, err := os.ReadFile(program)
	require.NoError(t, err)
	var b bytes.Buffer
	compressed, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	require.NoError(t, err)
	w := tar.NewWriter(compressed)
	require.NoError(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "docker-pullsafe", Mode: 0o755, Size: int64(len(data))}))
	_, err = w.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, compressed.Close())
	require.NoError(t, os.WriteFile(filepath.Join(r.release, archive), b.Bytes(), 0o600))
	sums := fmt.Sprintf("%x  %s\n%x  other.tar.gz\n", sha256.Sum256(b.Bytes()), archive, sha256.Sum256(nil))
	require.NoError(t, os.WriteFile(filepath.Join(r.release, "checksums.txt"), []byte(sums), 0o600))
}

// job is a workflow with one use of the action.
type job struct {
	files  map[string]string // of the repository
	with   string            // the inputs, as YAML
	config *harness.DockerConfig
	env    []string
}

// done is what became of a job.
type done struct {
	log         string
	annotations []string // as the runner reads them
	summary     string
	failed      bool
	plugin      string
}

// run runs the job.
func (r *runner) run(t *testing.T, j job) done {
	t.Helper()
	root := checkout(t)
	files := map[string]string{}
	maps.Copy(files, j.files)
	for _, name := range []string{"action.yml", ".ci/action-install", ".ci/action-check", "version/version.go"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		files["pullsafe/"+name] = strings.Replace(string(text), `"`+version.Version+`"`, `"`+released+`"`, 1)
	}
	with := ""
	if j.with != "" {
		with = "        with:\n"
	}
	for line := range strings.Lines(j.with) {
		with += "          " + line
	}
	files[".github/workflows/job.yml"] = `on: push
jobs:
  job:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1
      - id: pullsafe
        uses: ./pullsafe
` + with + `
      - name: Later
        if: always()
        run: |
          echo "the plugin is $PLUGIN"
          echo "beside the files: $(ls)"
        env:
          PLUGIN: ${{ steps.pullsafe.outputs.plugin }}
`
	if j.config == nil {
		var err error
		j.config, err = r.e.DockerConfig(harness.DockerConfigOpt{})
		require.NoError(t, err)
	}
	// act gives a step what it is told, and the PATH.
	cache := t.TempDir()
	steps := filepath.Join(cache, "steps")
	environ := append(r.e.Environ(j.env...), "STEP_LOG="+steps, "DOCKER_CONFIG="+j.config.Dir, "PATH="+r.programs+":"+os.Getenv("PATH"))
	args := []string{
		"push", "-P", "ubuntu-24.04=-self-hosted", "--no-cache-server", "--container-daemon-socket=-", "--secret=GITHUB_TOKEN=a-token",
	}
	for _, kv := range environ {
		if name, _, _ := strings.Cut(kv, "="); name != "HOME" && !strings.HasPrefix(name, "GITHUB_") {
			args = append(args, "--env", kv)
		}
	}
	dir, err := r.e.WriteFiles(files)
	require.NoError(t, err)
	for _, git := range []string{"init -q", "-c user.name=t -c user.email=t@example.com commit -q --allow-empty -m x"} {
		cmd := exec.CommandContext(t.Context(), "git", strings.Fields(git)...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
		printed, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", printed)
	}
	out, err := r.e.Run(t.Context(), r.act, harness.CommandOpt{
		Dir: dir, Args: args, Env: []string{"XDG_CACHE_HOME=" + cache, "HOME=" + cache, "PATH=" + r.programs + ":" + os.Getenv("PATH")},
	})
	require.NoError(t, err)
	printed, err := os.ReadFile(steps)
	require.NoError(t, err, out.Stdout)
	_, summary, _ := strings.Cut(out.Stdout, "Summary - ")
	d := done{log: out.Stdout + out.Stderr + string(printed), annotations: annotations(string(printed)), summary: summary, failed: out.Code != 0}
	if m := regexp.MustCompile(`the plugin is (.*)`).FindStringSubmatch(d.log); m != nil {
		d.plugin = m[1]
	}
	return d
}

// annotations are the errors and warnings among the commands of a step's output, as the
// runner reads it (actions/runner, ActionCommandManager).
func annotations(output string) []string {
	var list []string
	stopped := ""
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		token, stop := strings.CutPrefix(line, "::stop-commands::")
		switch {
		case stopped != "":
			if line == "::"+stopped+"::" {
				stopped = ""
			}
		case stop:
			stopped = token
		case strings.HasPrefix(line, "::error") || strings.HasPrefix(line, "::warning"):
			list = append(list, line)
		}
	}
	return list
}

// asked is what the programs were asked for since the last time.
func (r *runner) asked(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(r.log)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(r.log, nil, 0o600))
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}
