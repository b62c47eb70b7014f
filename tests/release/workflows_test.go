package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/org/pullsafe/tests/harness"
)

// workflow is what the rules below look at.
type workflow struct {
	On          any               `yaml:"on"`
	Permissions map[string]string `yaml:"permissions"`
	Concurrency map[string]any    `yaml:"concurrency"`
	Jobs        map[string]job    `yaml:"jobs"`

	path, text string
}

type job struct {
	Permissions map[string]string `yaml:"permissions"`
	Timeout     int               `yaml:"timeout-minutes"`
	Container   struct {
		Image string `yaml:"image"`
	} `yaml:"container"`
	Uses    string            `yaml:"uses"`
	Outputs map[string]string `yaml:"outputs"`
	Secrets any               `yaml:"secrets"`
	Env     map[string]string
	Steps   []step
}

type step struct {
	ID, Name, Uses, Run string
	With                map[string]any
}

// workflows are those of the checkout and of the examples.
func workflows(t *testing.T) []workflow {
	t.Helper()
	root, err := harness.Checkout()
	require.NoError(t, err)
	var list []workflow
	for _, pattern := range []string{".github/workflows/*.yml", "examples/*/.github/workflows/*.yml"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		require.NotEmpty(t, paths, pattern)
		for _, path := range paths {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			w := workflow{text: string(text)}
			require.NoError(t, yaml.Unmarshal(text, &w), path)
			w.path, err = filepath.Rel(root, path)
			require.NoError(t, err)
			list = append(list, w)
		}
	}
	return list
}

// mayWrite tells whether a job may have a permission to write: those of a release,
// and the one that opens a pull request for a release of BuildKit.
func mayWrite(w workflow, job, scope string) bool {
	switch filepath.Base(w.path) {
	case "release.yml":
		return true
	case "upstream.yml":
		return job == "open" && (scope == "contents" || scope == "pull-requests")
	}
	return false
}

// TestLeastPermissions: a workflow has none, each job what it needs, and few may
// write.
func TestLeastPermissions(t *testing.T) {
	for _, w := range workflows(t) {
		require.Regexp(t, `(?m)^permissions: \{\}$`, w.text, w.path)
		require.NotEmpty(t, w.Concurrency, w.path)
		require.NotContains(t, w.text, "pull_request_target", w.path)
		require.NotContains(t, w.text, "workflow_run", w.path)
		for name, j := range w.Jobs {
			require.NotEmpty(t, j.Permissions, "%s: %s", w.path, name)
			require.Nil(t, j.Secrets, "%s: %s hands on secrets", w.path, name)
			require.True(t, j.Uses != "" || j.Timeout > 0, "%s: %s may hang for six hours", w.path, name)
			for scope, access := range j.Permissions {
				require.True(t, access == "read" || mayWrite(w, name, scope), "%s: %s may write %s", w.path, name, scope)
			}
		}
	}
}

var (
	pinnedAction = regexp.MustCompile(`^[\w.-]+(/[\w.-]+)+@[0-9a-f]{40}$`)
	usesLine     = regexp.MustCompile(`(?m)^.*\buses: *([^\s]+)(.*)$`)
	versionNote  = regexp.MustCompile(`^ # v\d+\.\d+\.\d+$`)
)

// TestActionsArePinned by commit, with the version beside it, and to one version
// everywhere.
func TestActionsArePinned(t *testing.T) {
	seen := map[string]string{}
	for _, w := range workflows(t) {
		for _, m := range usesLine.FindAllStringSubmatch(w.text, -1) {
			if strings.HasPrefix(m[1], "./") {
				continue
			}
			require.Regexp(t, pinnedAction, m[1], w.path)
			require.Regexp(t, versionNote, m[2], "%s: %s", w.path, m[1])
			action, pin, _ := strings.Cut(m[1], "@")
			pin += m[2]
			require.Equal(t, pin, cmpOr(seen, action, pin), "%s: %s", w.path, action)
		}
		for name, j := range w.Jobs {
			if j.Container.Image != "" {
				require.Regexp(t, pinnedImage, j.Container.Image, "%s: %s", w.path, name)
			}
		}
	}
	require.NotEmpty(t, seen)
}

// cmpOr returns the value of the key, which it sets if there is none.
func cmpOr(m map[string]string, key, value string) string {
	if old, ok := m[key]; ok {
		return old
	}
	m[key] = value
	return value
}

// TestStepsAreSafe: no expression is put into a script, where its value would be
// code, and no token stays in the folder that was checked out.
func TestStepsAreSafe(t *testing.T) {
	for _, w := range workflows(t) {
		for name, j := range w.Jobs {
			for _, step := range j.Steps {
				require.NotContains(t, step.Run, "${{", "%s: %s: %s", w.path, name, step.Name)
				if strings.HasPrefix(step.Uses, "actions/checkout@") {
					require.Equal(t, false, step.With["persist-credentials"], "%s: %s", w.path, name)
				}
				// A cache that a pull request could have filled has no place in a release.
				if filepath.Base(w.path) == "release.yml" {
					require.NotContains(t, step.Uses, "actions/cache@")
					require.NotContains(t, step.Uses, "actions/setup-go@")
				}
			}
		}
	}
}

// TestRelease: the tag is checked and the tests have passed before anything is
// published, and it is published on two registries, signed, with provenance and
// a list of what is in it.
func TestRelease(t *testing.T) {
	w := workflowOf(t, "release.yml")
	text := w.text
	for name, j := range w.Jobs {
		writes := slices.ContainsFunc(valuesOf(j.Permissions), func(access string) bool { return access == "write" })
		if writes {
			require.Regexp(t, `(?m)^  `+name+`:\n(    .*\n)*?    needs: \[check, ci\b`, text)
		}
	}
	require.Equal(t, "ghcr.io/${{ github.repository }} docker.io/${{ github.repository }}", w.Jobs["image"].Env["IMAGES"])
	for _, want := range []string{"provenance: mode=max", "id-token: write"} {
		require.Contains(t, text, want)
	}
	steps := w.Jobs["image"].Steps
	require.Equal(t, `.ci/release-sign release.json <<<"$METADATA"`, steps[len(steps)-1].Run)
	i := slices.IndexFunc(steps, func(s step) bool { return s.ID == "bake" })
	require.Regexp(t, "^generator="+pinnedImage.String()[1:], steps[i].With["sbom"])
}

// TestReleaseFiles: the plugin's programs are built and packed by the bake file; the
// packages are signed, have provenance, and only then are published, all of them.
func TestReleaseFiles(t *testing.T) {
	steps := workflowOf(t, "release.yml").Jobs["plugin"].Steps
	at := func(part string) int {
		i := slices.IndexFunc(steps, func(s step) bool { return strings.Contains(s.Run+s.Uses, part) })
		require.GreaterOrEqual(t, i, 0, part)
		return i
	}
	order := []int{at("docker buildx bake plugin-cross\ndocker buildx bake packages\n"), at(".ci/sign-files bin/packages"), at("actions/attest-build-provenance@"), at("gh release create")}
	require.IsIncreasing(t, order)
	require.Equal(t, "bin/packages/checksums.txt", steps[order[2]].With["subject-checksums"])
	require.Contains(t, steps[order[3]].Run, " bin/packages/*\n")

	root, err := harness.Checkout()
	require.NoError(t, err)
	bake, err := os.ReadFile(filepath.Join(root, "docker-bake.hcl"))
	require.NoError(t, err)
	for _, want := range []string{`"${DESTDIR}/release"]`, `programs = "${DESTDIR}/release"`, `"${DESTDIR}/packages"]`} {
		require.Contains(t, string(bake), want)
	}
}

// TestReleaseBuildKit: all of a release is built by the BuildKit of go.mod, which
// decides how layers are compressed, and not by whatever is stable that day.
func TestReleaseBuildKit(t *testing.T) {
	builders := 0
	for _, w := range workflows(t) {
		if !strings.HasPrefix(w.path, ".github/") {
			continue // an example is built by the user's
		}
		for name, j := range w.Jobs {
			for _, step := range j.Steps {
				if strings.HasPrefix(step.Uses, "docker/setup-buildx-action@") {
					builders++
					require.Equal(t, "image=moby/buildkit:${{ needs.check.outputs.buildkit }}", step.With["driver-opts"], "%s: %s", w.path, name)
				}
			}
		}
	}
	require.Equal(t, 2, builders)

	check := workflowOf(t, "release.yml").Jobs["check"]
	require.Equal(t, map[string]string{"buildkit": "${{ steps.buildkit.outputs.version }}"}, check.Outputs)
	i := slices.IndexFunc(check.Steps, func(s step) bool { return s.ID == "buildkit" })
	require.GreaterOrEqual(t, i, 0)
	root, err := harness.Checkout()
	require.NoError(t, err)
	output := filepath.Join(t.TempDir(), "output")
	cmd := exec.CommandContext(t.Context(), "sh", "-e", "-c", check.Steps[i].Run)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "GITHUB_OUTPUT="+output)
	printed, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", printed)
	got, err := os.ReadFile(output)
	require.NoError(t, err)
	version, err := harness.BuildKitVersion()
	require.NoError(t, err)
	require.Equal(t, "version="+version+"\n", string(got))
}

// workflowOf is one workflow of the checkout.
func workflowOf(t *testing.T, name string) workflow {
	t.Helper()
	list := workflows(t)
	i := slices.IndexFunc(list, func(w workflow) bool { return w.path == ".github/workflows/"+name })
	require.GreaterOrEqual(t, i, 0, name)
	return list[i]
}

// TestUpstream: the job that runs code of new modules cannot write, and has handed
// over the change before it runs any; the job that writes runs git and gh alone. It
// could not push a change of a workflow, so none names a version of BuildKit.
func TestUpstream(t *testing.T) {
	w := workflowOf(t, "upstream.yml")
	require.Equal(t, map[string]string{"contents": "read"}, w.Jobs["bump"].Permissions)
	require.Equal(t, map[string]string{"actions": "read", "contents": "write", "pull-requests": "write"}, w.Jobs["open"].Permissions)
	require.Equal(t, workflowOf(t, "ci.yml").Jobs["tests"].Container, w.Jobs["bump"].Container)

	var order []string
	for _, step := range w.Jobs["bump"].Steps {
		order = append(order, step.Name)
		require.NotContains(t, step.Uses, "actions/cache@", "what this job makes stays in it")
	}
	require.Equal(t, []string{"Check out", "make upstream", "Keep the change", "make test, make conformance", "Keep the results"}, order)

	for _, step := range w.Jobs["open"].Steps {
		if step.Uses != "" {
			require.Regexp(t, "^actions/checkout@", step.Uses)
		}
		require.NotRegexp(t, `(?m)^\s*(make|go|sh|bash|\./|\.ci/|docker)\b`, step.Run)
	}
	for line := range strings.SplitSeq(w.text, "\n") {
		if strings.Contains(line, "inputs.") {
			require.Equal(t, "VERSION: ${{ inputs.version }}", strings.TrimSpace(line))
		}
	}
	for _, w := range workflows(t) {
		require.NotRegexp(t, `buildkit:v\d`, w.text, w.path)
	}
}

func valuesOf(m map[string]string) []string {
	var list []string
	for _, v := range m {
		list = append(list, v)
	}
	return list
}

// TestDesktop: the plugin and the action are tested on macOS and Windows.
func TestDesktop(t *testing.T) {
	w := workflowOf(t, "ci.yml")
	require.Regexp(t, `(?m)^        os: \[macos-\d+, windows-\d+\]$`, w.text)
	steps := w.Jobs["desktop"].Steps
	require.Contains(t, steps[len(steps)-2].Run, "go test -short ./plugin/... ./cmd/docker-pullsafe ")
	require.Equal(t, "./", steps[len(steps)-1].Uses)
}

// TestMakeTargets: what CI calls is there.
func TestMakeTargets(t *testing.T) {
	root, err := harness.Checkout()
	require.NoError(t, err)
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	ci, err := os.ReadFile(filepath.Join(root, ".github/workflows/ci.yml"))
	require.NoError(t, err)
	m := regexp.MustCompile(`target: \[(.*)\]`).FindStringSubmatch(string(ci))
	require.NotNil(t, m)
	for target := range strings.SplitSeq(m[1], ", ") {
		require.Regexp(t, `(?m)^`+target+`:`, string(makefile))
	}
}
