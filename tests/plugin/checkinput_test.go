package plugin

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// found lists what was checked: REFERENCE@PLATFORM FILE:LINE...
func found(c checked) []string {
	var out []string
	for _, r := range c.References {
		text := r.Ref
		if r.Platform != "linux/amd64" {
			text += "@" + r.Platform
		}
		for _, p := range r.Positions {
			text += fmt.Sprintf(" %s:%d", p.File, p.Line)
		}
		out = append(out, text)
	}
	return out
}

const bakeFile = `group "default" { targets = ["app", "tools"] }
variable "BASE" { default = "ghcr.io/acme/base" }
target "app" {
  context = "app"
  args = { BASE = BASE }
  contexts = { uv = "docker-image://ghcr.io/astral-sh/uv:0.7.1", other = "target:tools" }
  platforms = ["linux/amd64", "linux/arm64"]
}
target "tools" {
  dockerfile-inline = "FROM ghcr.io/acme/tools:2"
}
target "remote" { context = "https://example.test/repo.git" }
`

const bakeDockerfile = `ARG BASE
FROM ${BASE}:1
COPY --from=uv /uv /bin/
COPY --from=other /etc/image /x
`

const composeFile = `services:
  web:
    build:
      context: app
      args:
        BASE: ghcr.io/acme/base
      additional_contexts:
        uv: docker-image://ghcr.io/astral-sh/uv:0.7.1
        other: service:tools
  tools:
    build:
      dockerfile_inline: |
        FROM ghcr.io/acme/tools:2
  db:
    image: ${DB:-alpine:3.23}
  own:
    image: never/pulled:1
    pull_policy: never
  tagged:
    image: ghcr.io/acme/result:1
    build: app2
`

// TestCheckInputs: each form of input, with the places of its images.
func TestCheckInputs(t *testing.T) {
	e := harness.T(t)
	files := map[string]string{
		"Dockerfile":      "# syntax=" + shared.Upstream + "\nARG TAG=1\nFROM ghcr.io/acme/base:$TAG AS base\nFROM alpine:3.23 AS other\nRUN --mount=from=ghcr.io/acme/base:1,target=/x true\n",
		"docker-bake.hcl": bakeFile,
		"compose.yaml":    composeFile,
		"app/Dockerfile":  bakeDockerfile,
		"app2/Dockerfile": "FROM onbuild:1\n",
		"alpine/README":   "a folder with the name of an image",
		"Dockerfile.dev":  "FROM alpine:3.23\n",
	}
	syntax := shared.Upstream + " Dockerfile:1"
	for _, tc := range []struct {
		name  string
		args  []string
		stdin string
		want  []string
	}{
		{name: "current folder", want: []string{syntax, "ghcr.io/acme/base:1 Dockerfile:3 Dockerfile:5", "docker.io/library/alpine:3.23 Dockerfile:4"}},
		{name: "build argument", args: []string{"--build-arg", "TAG=2", "."}, want: []string{syntax, "ghcr.io/acme/base:2 Dockerfile:3", "docker.io/library/alpine:3.23 Dockerfile:4", "ghcr.io/acme/base:1 Dockerfile:5"}},
		{name: "syntax by build argument", args: []string{"--build-arg", "BUILDKIT_SYNTAX=" + shared.Pullsafe + " strict"}, want: []string{shared.Pullsafe, "ghcr.io/acme/base:1 Dockerfile:3 Dockerfile:5", "docker.io/library/alpine:3.23 Dockerfile:4"}},
		{name: "platform", args: []string{"-f", "Dockerfile.dev", "--platform", "linux/arm64", "."}, want: []string{"docker.io/library/alpine:3.23@linux/arm64 Dockerfile.dev:1"}},
		{name: "Dockerfile by path", args: []string{"./Dockerfile.dev"}, want: []string{"docker.io/library/alpine:3.23 Dockerfile.dev:1"}},
		{name: "standard input", args: []string{"-f", "-"}, stdin: "FROM alpine:3.23\n", want: []string{"docker.io/library/alpine:3.23 (standard input):1"}},
		{name: "references", args: []string{"alpine:3.23", "ghcr.io/acme/base:1"}, want: []string{"docker.io/library/alpine:3.23", "ghcr.io/acme/base:1"}},
		{name: "ONBUILD", args: []string{"app2"}, want: []string{"docker.io/library/onbuild:1 app2/Dockerfile:1", "ghcr.io/astral-sh/uv:0.7.1 app2/Dockerfile:1"}},
		{
			name: "bake", args: []string{"-f", "docker-bake.hcl"},
			want: []string{
				"ghcr.io/acme/base:1 app/Dockerfile:2", "ghcr.io/acme/base:1@linux/arm64 app/Dockerfile:2",
				"ghcr.io/astral-sh/uv:0.7.1 app/Dockerfile:3", "ghcr.io/astral-sh/uv:0.7.1@linux/arm64 app/Dockerfile:3",
				"ghcr.io/acme/tools:2 tools (inline):1",
			},
		},
		{name: "bake, one target", args: []string{"-f", "docker-bake.hcl", "tools"}, want: []string{"ghcr.io/acme/tools:2 tools (inline):1"}},
		{
			name: "compose", args: []string{"-f", "compose.yaml"},
			want: []string{
				"docker.io/library/alpine:3.23 compose.yaml:15", "docker.io/library/onbuild:1 app2/Dockerfile:1",
				"ghcr.io/acme/tools:2 tools (inline):1", "ghcr.io/acme/base:1 app/Dockerfile:2", "ghcr.io/astral-sh/uv:0.7.1 app/Dockerfile:3 app2/Dockerfile:1",
			},
		},
		{name: "compose, one service", args: []string{"-f", "compose.yaml", "db"}, want: []string{"docker.io/library/alpine:3.23 compose.yaml:15"}},
		{name: "another language", args: []string{"-f", "-"}, stdin: "# syntax=ghcr.io/acme/tools:2\n{\"kind\": \"spec\"}\n", want: []string{"ghcr.io/acme/tools:2 (standard input):1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := check(t, e, 0, harness.CommandOpt{Files: files, Stdin: tc.stdin}, tc.args...)
			require.ElementsMatch(t, tc.want, found(got))
		})
	}
}

// TestCheckWrongInput: what cannot be checked is said, with exit status 2, and no
// registry is asked.
func TestCheckWrongInput(t *testing.T) {
	e := harness.T(t)
	files := map[string]string{
		"docker-bake.hcl": bakeFile, "bad.hcl": "target {", "bad.yaml": "services: [", "odd.yaml": "services:\n  a:\n    image: 5\n    unknown: x\n",
		"Bad": "FROM\n", "Empty": "", "NoStage": "ARG A=1\n", "folder/x": "", "compose.yaml": composeFile, "remote.yaml": "services:\n  a:\n    build: https://user:hidden-pass@example.test/a.git#main\n",
	}
	for _, tc := range []struct {
		name string
		args []string
		env  []string
		want string
	}{
		{name: "no Dockerfile", args: []string{"folder"}, want: "there is no Dockerfile in folder"},
		{name: "no Dockerfile, but a bake file", want: "to check what docker-bake.hcl builds, use -f docker-bake.hcl"},
		{name: "missing path", args: []string{"./nowhere"}, want: "./nowhere: no such file or directory"},
		{name: "missing file", args: []string{"-f", "nowhere"}, want: "nowhere: no such file or directory"},
		{name: "a folder as file", args: []string{"-f", "folder"}, want: "folder: is a directory"},
		{name: "not a reference", args: []string{"Not A Reference"}, want: `"Not A Reference" is neither a folder nor an image`},
		{name: "remote context", args: []string{"https://user:hidden-pass@example.test/repo.git"}, want: "https://example.test/repo.git is not on this machine"},
		{name: "git context", args: []string{"git@github.com:org/repo.git"}, want: "is not on this machine"},
		{name: "bake with a remote context", args: []string{"-f", "docker-bake.hcl", "remote"}, want: "remote: https://example.test/repo.git is not on this machine"},
		{name: "compose with a remote context", args: []string{"-f", "remote.yaml"}, want: "a: https://example.test/a.git#main is not on this machine"},
		{name: "bake with errors", args: []string{"-f", "bad.hcl"}, want: "bad.hcl:1,8-9: Unclosed configuration block"},
		{name: "bake, unknown target", args: []string{"-f", "docker-bake.hcl", "nobody"}, want: "failed to find target nobody"},
		{name: "bake without buildx", args: []string{"-f", "docker-bake.hcl"}, env: []string{"PATH=/nonexistent"}, want: "buildx is required to read bake files"},
		{name: "compose with errors", args: []string{"-f", "bad.yaml"}, want: "bad.yaml"},
		{name: "compose that is none", args: []string{"-f", "odd.yaml"}, want: "odd.yaml"},
		{name: "compose, unknown service", args: []string{"-f", "compose.yaml", "nobody"}, want: "nobody"},
		{name: "Dockerfile with errors", args: []string{"-f", "Bad"}, want: "Bad: "},
		{name: "empty Dockerfile", args: []string{"-f", "Empty"}, want: "Empty: "},
		{name: "no stage", args: []string{"-f", "NoStage"}, want: "NoStage: "},
		{name: "endless file", args: []string{"-f", "/dev/zero"}, want: "/dev/zero is larger than 16 MB"},
		{name: "no such target", args: []string{"-f", "-", "--target", "x"}, want: `target stage "x" could not be found`},
		{name: "options of a Dockerfile", args: []string{"-f", "docker-bake.hcl", "--target", "x"}, want: "docker-bake.hcl sets its own"},
		{name: "two kinds", args: []string{"-f", "docker-bake.hcl", "-f", "compose.yaml"}, want: "are of different kinds"},
		{name: "file and reference", args: []string{"-f", "Empty", "alpine"}, want: "references cannot be checked together with -f"},
		{name: "unknown format", args: []string{"--format", "xml"}, want: "--format xml: must be table, json or github"},
		{name: "unknown fix", args: []string{"--fix=all"}, want: "--fix=all: must be --fix=remove"},
		{name: "unknown platform", args: []string{"--platform", "moon/arm/x/y"}, want: "--platform moon/arm/x/y"},
		{name: "unknown flag", args: []string{"--nothing"}, want: "unknown flag: --nothing"},
		{name: "build argument without a name", args: []string{"--build-arg", "=x"}, want: "NAME=VALUE"},
		{name: "yes to nothing", args: []string{"--yes"}, want: "--yes needs --fix"},
		{name: "fix without a terminal", args: []string{"--fix", "alpine"}, want: "there is no terminal: add --yes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			shared.Reset()
			out := runPlugin(t, e, harness.CommandOpt{Args: append([]string{"check"}, tc.args...), Files: files, Env: tc.env, Stdin: "FROM alpine:3.23\n"})
			require.Equal(t, 2, out.Code, "%s%s", out.Stdout, out.Stderr)
			require.Contains(t, out.Stderr, tc.want)
			require.Contains(t, out.Stderr, "ERROR: ")
			require.NotContains(t, out.Stderr, "hidden-pass")
			require.Empty(t, out.Stdout)
			require.Empty(t, shared.GHCR.Requests())
			require.Empty(t, shared.Hub.Requests())
		})
	}
}

// TestCheckBadConfig: a configuration that docker cannot read is said, and the
// images are checked as a build would have them: without its logins.
func TestCheckBadConfig(t *testing.T) {
	e := harness.T(t)
	for name, write := range map[string]func(path string) error{
		"no JSON": func(path string) error { return os.WriteFile(path, []byte(`{"auths": {`), 0o600) },
		"login no base64": func(path string) error {
			return os.WriteFile(path, []byte(`{"auths": {"ghcr.io": {"auth": "%"}}}`), 0o600)
		},
		"not a file": func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := &harness.DockerConfig{Dir: t.TempDir()}
			path := filepath.Join(cfg.Dir, "config.json")
			require.NoError(t, write(path))
			before, _ := os.ReadFile(path)
			got := check(t, e, 0, harness.CommandOpt{DockerConfig: cfg}, publicImage)
			require.Equal(t, "none", got.References[0].Credential.Verdict)
			require.Len(t, got.Notes, 1)
			require.Contains(t, got.Notes[0], "docker cannot read its configuration")
			out := runPlugin(t, e, harness.CommandOpt{DockerConfig: cfg, Args: []string{"check", publicImage, "--fix", "--yes"}})
			require.Zero(t, out.Code, out.Stderr)
			require.Contains(t, out.Stdout, "Note: docker cannot read its configuration")
			after, _ := os.ReadFile(path)
			require.Equal(t, before, after)
		})
	}
	t.Run("DOCKER_AUTH_CONFIG", func(t *testing.T) {
		for _, value := range []string{"hidden-value", `{"auths":{"ghcr.io":{"password":"hidden-value"}}}`, `{"auths":{"ghcr.io":{"auth":"hidden-value"}}}`} {
			got := check(t, e, 0, harness.CommandOpt{Env: []string{"DOCKER_AUTH_CONFIG=" + value}}, publicImage)
			require.Len(t, got.Notes, 1)
			require.Contains(t, got.Notes[0], "DOCKER_AUTH_CONFIG cannot be read, and docker ignores it")
			require.NotContains(t, got.Notes[0], "hidden-value")
			require.Equal(t, "none", got.References[0].Credential.Source)
		}
	})
}

// TestCheckNetwork: no connection is said to be one, of this machine.
func TestCheckNetwork(t *testing.T) {
	e := harness.T(t)
	t.Cleanup(e.Network.ResetRefused)
	cfg := world.StaleLogin(t, e, "nowhere.test")
	got := check(t, e, 1, harness.CommandOpt{DockerConfig: cfg}, "nowhere.test/a:1")
	require.Equal(t, "network", got.References[0].Diagnosis.Class)
	require.Equal(t, "not-tested", got.References[0].Credential.Verdict)
	require.Equal(t, "auths", got.References[0].Credential.Source)

	got = check(t, e, 1, harness.CommandOpt{Env: []string{"HTTPS_PROXY=", "https_proxy="}}, "unknown-host.invalid/a:1")
	require.Equal(t, "network", got.References[0].Diagnosis.Class)
	require.Contains(t, got.References[0].Explanation, "no connection to unknown-host.invalid from the client")

	got = check(t, e, 1, harness.CommandOpt{Env: []string{"SSL_CERT_FILE=/dev/null"}}, publicImage)
	require.Equal(t, "tls", got.References[0].Diagnosis.Class)
}

// TestCheckCertificates: the certificates that Docker keeps for a registry count.
func TestCheckCertificates(t *testing.T) {
	e := harness.T(t)
	ca, err := os.ReadFile(e.Network.CAFile)
	require.NoError(t, err)
	dir := t.TempDir()
	certs := filepath.Join(dir, "docker", "certs.d", "ghcr.io")
	require.NoError(t, os.MkdirAll(certs, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(certs, "ca.crt"), ca, 0o644))
	env := []string{"SSL_CERT_FILE=/dev/null", "XDG_CONFIG_HOME=" + dir}
	got := check(t, e, 0, harness.CommandOpt{Env: env, DockerConfig: world.Good(t, e)}, privateImage)
	require.Equal(t, "accepted", got.References[0].Credential.Verdict)
}

// TestCheckMany: as many references as nobody has are checked, by few
// connections and with few logins.
func TestCheckMany(t *testing.T) {
	e := harness.T(t)
	n := 1000
	if world.Full() {
		n = references.MaxReferences - 1
	}
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "FROM ghcr.io/acme/base:missing-%d AS s%d\n", i, i)
	}
	got := check(t, e, 0, harness.CommandOpt{DockerConfig: world.Stale(t, e), Files: world.Dockerfile(b.String() + "FROM " + publicImage + "\n")})
	require.Equal(t, n+1, got.Summary.References)
	require.Equal(t, n, got.Summary.Failed)
	require.Len(t, shared.GHCR.Requests().Tokens().Where(func(r harness.Request) bool { return r.Auth == harness.AuthBasicBad }), 4)
}
