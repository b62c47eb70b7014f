package action

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// template is .gitlab/pullsafe.yml.
type template struct {
	inputs map[string]any // the defaults
	job    gitlabJob
}

type gitlabJob struct {
	Variables map[string]string `yaml:"variables"`
	Script    []string          `yaml:"script"`
}

var gitlabInput = regexp.MustCompile(`\$\[\[ inputs\.(\w+) \]\]`)

func readTemplate(t *testing.T) template {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(checkout(t), ".gitlab", "pullsafe.yml"))
	require.NoError(t, err)
	documents := yaml.NewDecoder(bytes.NewReader(text))
	var header struct {
		Spec struct {
			Inputs map[string]struct {
				Default any `yaml:"default"`
			} `yaml:"inputs"`
		} `yaml:"spec"`
	}
	require.NoError(t, documents.Decode(&header))
	var jobs map[string]gitlabJob
	require.NoError(t, documents.Decode(&jobs))
	tpl := template{inputs: map[string]any{}}
	for name, input := range header.Spec.Inputs {
		tpl.inputs[name] = input.Default
		require.Contains(t, string(text), "$[[ inputs."+name+" ]]")
	}
	for _, m := range gitlabInput.FindAllStringSubmatch(string(text), -1) {
		require.Contains(t, tpl.inputs, m[1])
	}
	require.Len(t, jobs, 1)
	tpl.job = jobs["$[[ inputs.job ]]"]
	require.Len(t, tpl.job.Script, 1)
	require.NotContains(t, tpl.job.Script[0], "$[[", "an input would be code")
	return tpl
}

// environ are the variables of the job with the inputs.
func (tpl template) environ(inputs map[string]string) []string {
	var list []string
	for name, value := range tpl.job.Variables {
		list = append(list, name+"="+gitlabInput.ReplaceAllStringFunc(value, func(s string) string {
			input := gitlabInput.FindStringSubmatch(s)[1]
			if given, ok := inputs[input]; ok {
				return given
			}
			switch v := tpl.inputs[input].(type) {
			case bool:
				return map[bool]string{true: "true", false: "false"}[v]
			default:
				return v.(string)
			}
		}))
	}
	return list
}

// TestGitLab runs the job's script with the tools of busybox, as Docker's image of its
// client has them. (Debian's busybox has a shell that would not call another wget.)
func TestGitLab(t *testing.T) {
	e := harness.T(t)
	r := newRunner(t, e)
	tpl := readTemplate(t)
	// As wget is called: wget -q -O FILE ADDRESS.
	require.NoError(t, os.Rename(filepath.Join(r.programs, "curl"), filepath.Join(r.programs, "wget")))
	busybox := e.Tools.Path("busybox")
	for _, applet := range []string{"uname", "mktemp", "grep", "sha256sum", "tar", "gzip", "rm", "cp"} {
		require.NoError(t, os.Symlink(busybox, filepath.Join(r.programs, applet)))
	}
	wget, err := os.ReadFile(filepath.Join(r.programs, "wget"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(r.programs, "wget"), bytes.ReplaceAll(wget, []byte("-o)"), []byte("-O)")), 0o700))

	const latest = "https://github.com/org/pullsafe/releases/latest/download/"
	for _, tc := range []struct {
		name   string
		files  map[string]string
		inputs map[string]string
		code   int
		want   []string
		from   string
	}{
		{name: "defaults", files: map[string]string{"Dockerfile": "FROM ghcr.io/acme/base:1\n"}, want: []string{"1 image: 0 ok, 1 ok by anonymous fallback"}},
		{name: "strict", files: map[string]string{"Dockerfile": "FROM ghcr.io/acme/base:1\n"}, inputs: map[string]string{"strict": "true"}, code: 1},
		{
			name: "a release, images and a Dockerfile", files: map[string]string{"x.Dockerfile": "FROM alpine:3.23\n"}, code: 1,
			inputs: map[string]string{"version": released, "images": "ghcr.io/acme/base:1 ghcr.io/acme/private-base:1", "file": "x.Dockerfile"},
			want:   []string{"2 images: 0 ok, 1 ok by anonymous fallback, 1 failed", "1 image: 1 ok"},
			from:   "https://github.com/org/pullsafe/releases/download/" + released + "/",
		},
		{
			name: "services", files: map[string]string{"compose.yaml": "services:\n  a:\n    image: alpine:3.23\n  b:\n    image: ghcr.io/acme/private-base:1\n"},
			inputs: map[string]string{"file": "compose.yaml", "targets": "a"}, want: []string{"1 image: 1 ok"},
		},
		{name: "no code", inputs: map[string]string{"path": "$(touch evil)", "images": "$(touch evil) *", "targets": "`touch evil`"}, code: 2, want: []string{`"$(touch"`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir, err := e.WriteFiles(tc.files)
			require.NoError(t, err)
			config := world.Stale(t, e)
			out, err := e.Run(t.Context(), "/bin/sh", harness.CommandOpt{
				Dir: dir, Args: []string{"-c", tpl.job.Script[0]}, DockerConfig: config, Env: append(tpl.environ(tc.inputs), "PATH="+r.programs),
			})
			require.NoError(t, err)
			require.Equal(t, tc.code, out.Code, "%s%s", out.Stdout, out.Stderr)
			for _, want := range tc.want {
				require.Contains(t, out.Stdout+out.Stderr, want)
			}
			from := tc.from
			if from == "" {
				from = latest
			}
			require.Equal(t, []string{"curl " + from + archive, "curl " + from + "checksums.txt"}, r.asked(t))
			require.NoFileExists(t, filepath.Join(dir, "evil"))
		})
	}

	require.NoError(t, os.WriteFile(filepath.Join(r.release, archive), []byte("another file"), 0o600))
	out, err := e.Run(t.Context(), "/bin/sh", harness.CommandOpt{Args: []string{"-c", tpl.job.Script[0]}, Env: append(tpl.environ(nil), "PATH="+r.programs)})
	require.NoError(t, err)
	require.NotZero(t, out.Code)
	require.Contains(t, out.Stdout+out.Stderr, "WARNING: 1 of 1 computed checksums did NOT match")
}

// TestPreCommit: the hooks' commands are there, and take several files.
func TestPreCommit(t *testing.T) {
	e := harness.T(t)
	root := checkout(t)
	text, err := os.ReadFile(filepath.Join(root, ".pre-commit-hooks.yaml"))
	require.NoError(t, err)
	var hooks []struct {
		ID, Name, Entry, Language string
		Types                     []string
		RequireSerial             bool `yaml:"require_serial"`
	}
	require.NoError(t, yaml.Unmarshal(text, &hooks))
	require.Len(t, hooks, 2)
	program, err := e.BuildBinary(t.Context(), "./cmd/docker-pullsafe")
	require.NoError(t, err)
	docs, err := os.ReadFile(filepath.Join(root, "docs", "ci.md"))
	require.NoError(t, err)
	for _, hook := range hooks {
		require.Contains(t, string(docs), hook.ID)
		require.Equal(t, []string{"dockerfile"}, hook.Types)
		require.True(t, hook.RequireSerial, "Docker Hub would count more pulls")
		words := strings.Fields(hook.Entry)
		switch hook.Language {
		case "golang": // pre-commit: go install ./...
			require.DirExists(t, filepath.Join(root, "cmd", words[0]))
			words = words[1:]
		case "system":
			require.Equal(t, []string{"docker", "pullsafe"}, words[:2])
			words = words[2:]
		default:
			require.Fail(t, hook.Language)
		}
		out, err := e.Run(t.Context(), program, harness.CommandOpt{
			Files: map[string]string{"Dockerfile": "FROM alpine:3.23\n", "app/x.Dockerfile": "FROM ghcr.io/acme/private-base:1\n"},
			Args:  append(words, "Dockerfile", "app/x.Dockerfile"),
		})
		require.NoError(t, err)
		require.Equal(t, 1, out.Code, "%s%s", out.Stdout, out.Stderr)
		require.Contains(t, out.Stdout, "2 images: 1 ok, 1 failed")
	}
}
