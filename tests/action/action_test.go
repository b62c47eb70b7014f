package action

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
	"github.com/org/pullsafe/version"
)

// noSetup leaves out the images that tests do not need.
const noSetup = "setup-images: ''\n"

// setupImages are those of the input's default.
var setupImages = []string{"moby/buildkit:buildx-stable-1", "tonistiigi/binfmt:latest"}

// TestCheck: what a job tells, by input.
func TestCheck(t *testing.T) {
	e := harness.T(t)
	r := newRunner(t, e)
	for _, name := range setupImages {
		_, err := shared.Hub.Push(t.Context(), name, world.Base(name))
		require.NoError(t, err)
	}
	const (
		dockerfile = "FROM alpine:3.23\nCOPY --from=ghcr.io/acme/base:1 / /\n"
		rejected   = `title=Registry credentials rejected::ghcr.io/acme/base:1: ghcr.io rejected the stored credentials`
		private    = "title=Image cannot be pulled::ghcr.io/acme/private-base:1: "
	)
	for _, tc := range []struct {
		name    string
		files   map[string]string
		with    string
		good    bool     // the stored login
		failed  bool     // the job
		want    []string // begins of annotations, which hold the second part after " ... "
		summary []string
	}{
		{
			name: "defaults", files: map[string]string{"Dockerfile": dockerfile},
			want: []string{"::warning file=Dockerfile,line=2," + rejected}, summary: append([]string{"ghcr.io/acme/base:1", "REJECTED"}, setupImages...),
		},
		{name: "all is well", good: true, files: map[string]string{"Dockerfile": dockerfile}, summary: []string{"All images can be pulled."}},
		{
			name: "strict", failed: true, files: map[string]string{"Dockerfile": dockerfile}, with: noSetup + "strict: true\n",
			want: []string{"::error file=Dockerfile,line=2," + rejected},
		},
		{
			name: "a private image, another folder", failed: true, files: map[string]string{"app/Dockerfile": "FROM ghcr.io/acme/private-base:1\n"},
			with: noSetup + "path: app\n", want: []string{"::error file=app/Dockerfile,line=1," + private},
		},
		{
			name: "images alone", failed: true, with: noSetup + "path: ''\nimages: |\n  ghcr.io/acme/base:1\n\n    ghcr.io/acme/private-base:1  \n",
			want: []string{"::warning " + rejected, "::error " + private},
		},
		{
			name: "a stage, arguments and a platform", failed: true,
			files: map[string]string{"build.Dockerfile": "ARG TAG=1\nFROM ghcr.io/acme/one-platform:$TAG AS one\nFROM ghcr.io/acme/private-base:1\n"},
			with:  noSetup + "file: build.Dockerfile\ntarget: one\nbuild-args: |\n  TAG=1\n  UNUSED=a b $(id)\nplatforms: linux/arm64\n",
			want: []string{
				"::error file=build.Dockerfile,line=2,title=Image cannot be pulled::ghcr.io/acme/one-platform:1",
				"::warning file=build.Dockerfile,line=3," + private, // not needed by the stage
			},
		},
		{
			name: "targets of a bake file, and more images that fail before", failed: true,
			files: map[string]string{"docker-bake.hcl": "target \"a\" {\n  dockerfile-inline = \"FROM ghcr.io/acme/base:1\"\n}\ntarget \"b\" {\n  dockerfile-inline = \"FROM ghcr.io/acme/private-base:1\"\n}\n"},
			with:  noSetup + "file: docker-bake.hcl\ntargets: a\nimages: ghcr.io/acme/private-tools:1\n",
			want:  []string{"::error title=Image cannot be pulled::ghcr.io/acme/private-tools:1", "::warning file=", rejected},
		},
		{
			name:  "services of a compose file, in a folder",
			files: map[string]string{"deploy/compose.yaml": "services:\n  web:\n    image: ghcr.io/acme/base:1\n  db:\n    image: ghcr.io/acme/private-base:1\n"},
			with:  noSetup + "working-directory: deploy\nfile: compose.yaml\ntargets: web\n",
			want:  []string{"::warning file=compose.yaml,line=3," + rejected},
		},
		{name: "not a flag", failed: true, with: "strict: \"yes\\n::warning::forged\"\n", want: []string{`::error title=pullsafe::strict is true or false, not "yeswarningforged"`}},
		{name: "targets of no bake file", failed: true, with: noSetup + "targets: a\n", want: []string{"::error title=pullsafe::targets are those of a bake or compose file"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			shared.Reset()
			config := world.Stale(t, e)
			if tc.good {
				config = world.Good(t, e)
			}
			d := r.run(t, job{files: tc.files, with: tc.with, config: config})
			require.Equal(t, tc.failed, d.failed, d.log)
			all := strings.Join(d.annotations, "\n")
			for _, want := range tc.want {
				require.Contains(t, all, want)
			}
			if len(tc.want) == 0 {
				require.Empty(t, d.annotations)
			}
			for _, want := range tc.summary {
				require.Contains(t, d.summary, want)
			}
			require.NotContains(t, all, "::forged")
			require.Equal(t, filepath.Join(config.Dir, "cli-plugins", "docker-pullsafe"), d.plugin)
			require.FileExists(t, d.plugin)
		})
	}

	for _, evil := range []string{"$(touch evil)", "`touch evil`", "|| touch evil", "\" || touch evil || \"", "' || touch evil || '", "--summary=evil", "x\n::warning::forged"} {
		t.Run("inputs are no code: "+evil, func(t *testing.T) {
			with := ""
			for _, input := range []string{"path", "build-args", "images", "setup-images", "target", "platforms"} {
				value, err := json.Marshal(evil) // which YAML reads
				require.NoError(t, err)
				with += input + ": " + string(value) + "\n"
			}
			d := r.run(t, job{with: with})
			require.True(t, d.failed)
			require.Contains(t, d.log, "beside the files: pullsafe\n")
			require.NotContains(t, strings.Join(d.annotations, "\n"), "forged")
		})
	}

	t.Run("errors are no commands", func(t *testing.T) {
		const evil = "::warning::forged"
		d := r.run(t, job{files: map[string]string{"evil.hcl": evil + "\n"}, with: noSetup + "file: evil.hcl\n"})
		require.True(t, d.failed)
		require.Regexp(t, `(?m)^\s*`+evil+`$`, d.log)
		require.Empty(t, d.annotations)
	})
}

// TestPreflight: the builder is asked too, with the frontend that will build, and its
// image is looked at before.
func TestPreflight(t *testing.T) {
	e, _, daemon := world.FreshDaemon(t)
	r := newRunner(t, e)
	_, err := e.PushFrontend(t.Context(), shared.Hub, "org/pullsafe:1")
	require.NoError(t, err)
	out, err := daemon.Buildx(t.Context(), harness.CommandOpt{Args: []string{"version"}})
	require.NoError(t, err)
	require.Zero(t, out.Code, out.Stderr)
	env := []string{"BUILDX_BUILDER=" + daemon.Name}
	const inline = "target \"default\" {\n  dockerfile-inline = \"FROM ghcr.io/acme/base:1\\nFROM ghcr.io/acme/base:1\"\n}\n"
	for _, tc := range []struct {
		name, with string
		files      map[string]string
		failed     bool
		summary    []string
	}{
		{
			name: "Dockerfile", files: map[string]string{"Dockerfile": "FROM ghcr.io/acme/base:1\n"}, with: "build-args: A=b\n",
			summary: []string{"org/pullsafe:1 ", "### docker buildx --call=preflight", "ok, anonymous fallback", "1 image: 0 ok, 1 ok by anonymous fallback"},
		},
		{
			name: "strict, another path", files: map[string]string{"a/x.Dockerfile": "FROM ghcr.io/acme/base:1\n"}, with: "path: a/x.Dockerfile\nstrict: true\n", failed: true,
			summary: []string{"which strict mode does not allow"},
		},
		{name: "bake file", files: map[string]string{"docker-bake.hcl": inline}, with: "file: docker-bake.hcl\nplatforms: linux/amd64\n", summary: []string{"ok, anonymous fallback"}},
		{
			name: "a private image", files: map[string]string{"Dockerfile": "FROM ghcr.io/acme/private-base:1\n"}, failed: true,
			summary: []string{"ghcr.io/acme/private-base:1    linux/amd64    Dockerfile:1    FAILED"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := r.run(t, job{files: tc.files, with: noSetup + "preflight: true\n" + tc.with, config: world.Stale(t, e), env: env})
			require.Equal(t, tc.failed, d.failed, d.log)
			for _, want := range tc.summary {
				require.Contains(t, d.summary, want, d.log)
			}
			require.Equal(t, tc.failed, strings.Contains(d.log, "::error"), d.log)
		})
	}
}

// TestInstall: a download that is not the release's file is not used.
func TestInstall(t *testing.T) {
	e := harness.T(t)
	r := newRunner(t, e)
	try := job{files: map[string]string{"Dockerfile": "FROM alpine:3.23\n"}, with: noSetup}
	d := r.run(t, try)
	require.False(t, d.failed, d.log)
	asked := r.asked(t)
	const from = "curl https://github.com/org/pullsafe/releases/download/" + released + "/"
	require.Equal(t, []string{from + archive, from + "checksums.txt"}, asked[:2])
	require.Len(t, asked, 3)
	require.Regexp(t, `^gh attestation verify \S+/`+archive+` --repo org/pullsafe --signer-workflow org/pullsafe/\.github/workflows/release\.yml$`, asked[2])

	forged := filepath.Join(r.release, "forged")
	require.NoError(t, os.WriteFile(forged, nil, 0o600))
	d = r.run(t, try)
	require.True(t, d.failed)
	require.Contains(t, strings.Join(d.annotations, "\n"), "::error title=pullsafe::the provenance of "+archive+" does not verify")
	require.Empty(t, d.plugin)
	require.NoError(t, os.Remove(forged))

	require.NoError(t, os.WriteFile(filepath.Join(r.release, archive), []byte("another file"), 0o600))
	d = r.run(t, try)
	require.True(t, d.failed)
	require.Contains(t, strings.Join(d.annotations, "\n"), "::error title=pullsafe::"+archive+" has not the checksum that checksums.txt says")

	require.NoError(t, os.Remove(filepath.Join(r.release, archive)))
	d = r.run(t, try)
	require.True(t, d.failed)
	require.Contains(t, strings.Join(d.annotations, "\n"), "::error title=pullsafe::cannot download "+archive+" of "+released)
}

// TestInstallPlatforms: each machine that GitHub names gets the archive of its own.
func TestInstallPlatforms(t *testing.T) {
	root, dir := checkout(t), t.TempDir()
	text, err := os.ReadFile(filepath.Join(root, "version", "version.go"))
	require.NoError(t, err)
	files := map[string]string{
		"action/.ci/action-install": "",
		"action/version/version.go": strings.Replace(string(text), `"`+version.Version+`"`, `"`+released+`"`, 1),
		"bin/curl":                  "#!/bin/sh\nexit 22\n",
	}
	script, err := os.ReadFile(filepath.Join(root, ".ci", "action-install"))
	require.NoError(t, err)
	files["action/.ci/action-install"] = string(script)
	for name, text := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755))
	}
	bake, err := os.ReadFile(filepath.Join(root, "docker-bake.hcl"))
	require.NoError(t, err)
	for machine, platform := range map[string]string{
		"Linux X64": "linux/amd64", "Linux ARM64": "linux/arm64", "Linux ARM": "linux/arm/v7",
		"macOS X64": "darwin/amd64", "macOS ARM64": "darwin/arm64", "Windows X64": "windows/amd64", "Windows ARM64": "windows/arm64",
	} {
		require.Contains(t, string(bake), `"`+platform+`"`)
		ending := ".tar.gz"
		if strings.HasPrefix(platform, "windows/") {
			ending = ".zip"
		}
		goos, arch, _ := strings.Cut(machine, " ")
		cmd := exec.CommandContext(t.Context(), "bash", filepath.Join(dir, "action", ".ci", "action-install"))
		cmd.Env = []string{
			"PATH=" + filepath.Join(dir, "bin") + ":" + os.Getenv("PATH"), "HOME=" + dir, "RUNNER_TEMP=" + dir,
			"RUNNER_OS=" + goos, "RUNNER_ARCH=" + arch, "GITHUB_OUTPUT=" + filepath.Join(dir, "output"),
		}
		printed, err := cmd.CombinedOutput()
		require.Error(t, err)
		require.Equal(t, "::error title=pullsafe::cannot download docker-pullsafe-"+strings.ReplaceAll(platform, "/", "-")+ending+" of "+released+"\n", string(printed))
		require.DirExists(t, filepath.Join(dir, ".docker", "cli-plugins"))
	}
}

// TestInstallCheckout: an action that is no release builds the plugin.
func TestInstallCheckout(t *testing.T) {
	dir := t.TempDir()
	output := filepath.Join(dir, "output")
	cmd := exec.CommandContext(t.Context(), "bash", filepath.Join(checkout(t), ".ci", "action-install"))
	cmd.Env = append(os.Environ(), "DOCKER_CONFIG="+dir, "RUNNER_TEMP="+dir, "RUNNER_OS=Linux", "RUNNER_ARCH=X64", "GITHUB_OUTPUT="+output)
	printed, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", printed)
	plugin := filepath.Join(dir, "cli-plugins", "docker-pullsafe")
	require.FileExists(t, plugin)
	got, err := os.ReadFile(output)
	require.NoError(t, err)
	require.Equal(t, "plugin="+plugin+"\n", string(got))

	cmd = exec.CommandContext(t.Context(), "bash", filepath.Join(checkout(t), ".ci", "action-install"))
	cmd.Env = append(os.Environ(), "DOCKER_CONFIG="+dir, "RUNNER_TEMP="+dir, "RUNNER_OS=Plan9", "RUNNER_ARCH=X64", "GITHUB_OUTPUT="+output)
	printed, err = cmd.CombinedOutput()
	require.Error(t, err)
	require.Equal(t, "::error title=pullsafe::there is no program for Plan9\n", string(printed))
}
