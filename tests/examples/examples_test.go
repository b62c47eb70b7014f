package examples

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

func buildUV(t *testing.T, s *stage) {
	file := s.builds(t, s.stale)
	require.Equal(t, `print("hello from a public image")`+"\n", file("app/hello.py"))
	s.requireAnonymous(t, "ghcr.io", "astral-sh/uv", "GHCR.IO:443")

	out := s.buildx(t, s.stale, "build", "--progress=plain", "-f", "private.Dockerfile", ".")
	require.Equal(t, 1, out.Code)
	require.Contains(t, out.Stderr, "ghcr.io/acme/private-tools:1    private.Dockerfile:5")
	require.Empty(t, s.registries["ghcr.io"].Requests().Blobs("acme/private-tools"))
	checkout := filepath.Dir(root(t))
	for _, readme := range []string{"README.md", "README.zh-CN.md"} {
		s.requirePrinted(t, filepath.Join(checkout, readme))
	}

	out = s.buildx(t, s.stale, "build", "--progress=plain", "--no-cache", "--build-arg", "BUILDKIT_SYNTAX="+shared.Upstream, ".")
	require.Equal(t, 1, out.Code, "upstream's frontend builds it: then there is nothing to show")
}

func buildMultiRegistry(t *testing.T, s *stage) {
	file := s.builds(t, s.stale)
	require.Contains(t, file("server"), "server")
	require.Contains(t, file("etc/alerts/checked"), "SUCCESS: 1 rules found")
	for _, want := range []struct{ host, repository, spelling string }{
		{"ghcr.io", "grpc-ecosystem/grpc-health-probe", "GHCR.IO:443"},
		{"public.ecr.aws", "awsguru/aws-lambda-adapter", "PUBLIC.ECR.AWS:443"},
		{"gcr.io", "distroless/static-debian12", "GCR.IO:443"},
		{"quay.io", "prometheus/prometheus", "QUAY.IO:443"},
	} {
		s.requireAnonymous(t, want.host, want.repository, want.spelling)
		require.Contains(t, s.outputs.String(), "RegistryCredentialsRejected: "+want.host+" rejected")
	}
	out := s.buildx(t, s.stale, "build", "--call=preflight", ".")
	require.Zero(t, out.Code, out.Stderr)
	require.Contains(t, out.Stdout, "6 images: 2 ok, 4 ok by anonymous fallback\n")
}

// buildPrivateAndPublic: the team's login is good for the private image, which
// keeps it, and refused for a public one of the same host.
func buildPrivateAndPublic(t *testing.T, s *stage) {
	ghcr := s.registries["ghcr.io"]
	// The refused login first: the daemon must not have seen the good one.
	out := s.buildx(t, s.stale, "build", "--progress=plain", ".")
	require.Equal(t, 1, out.Code)
	require.Empty(t, ghcr.Requests().Blobs("acme/private-python"))

	ghcr.ResetRequests()
	s.builds(t, world.Good(t, harness.T(t)))
	s.requireAnonymous(t, "ghcr.io", "astral-sh/ruff", "GHCR.IO:443")
	private := ghcr.Requests().Blobs("acme/private-python")
	require.NotEmpty(t, private)
	for _, r := range private {
		require.Equal(t, harness.AuthTokenUser, r.Auth, "%s", private)
		require.Equal(t, "ghcr.io", r.Host)
	}
}

// buildBakeCI: a warning for developers, an error in CI, and the lines of both
// CI files run as they stand there.
func buildBakeCI(t *testing.T, s *stage) {
	out := s.buildx(t, s.stale, "bake", "--progress=plain")
	require.Zero(t, out.Code, out.Stderr)
	requireWarned(t, out, "ghcr.io", "ghcr.io/astral-sh/uv:0.9.8")
	requireWarned(t, out, "ghcr.io", "ghcr.io/static-web-server/static-web-server:2.39-alpine")
	s.requireAnonymous(t, "ghcr.io", "astral-sh/uv", "GHCR.IO:443")

	strict := []string{"PULLSAFE_STRICT=true"}
	commands := map[string][]string{}
	for _, file := range []string{".github/workflows/build.yml", ".gitlab-ci.yml"} {
		text := s.read(t, file)
		require.Contains(t, text, `PULLSAFE_STRICT: "true"`)
		found := ciCommand.FindAllStringSubmatch(text, -1)
		require.Len(t, found, 2, "%s", file)
		for _, m := range found {
			commands[m[1]] = strings.Fields(m[1])
		}
	}
	// The refused login first: the daemon must not have seen the good one.
	for _, run := range []struct {
		login  *harness.DockerConfig
		passes bool
	}{{s.stale, false}, {world.Good(t, harness.T(t)), true}} {
		for line, args := range commands {
			out := s.buildxWith(t, harness.CommandOpt{DockerConfig: run.login, Env: strict, Args: args})
			require.Equal(t, run.passes, out.Code == 0, "%s: %s", line, out.Stderr)
		}
	}
}

// ciCommand is a line of a CI file that runs buildx.
var ciCommand = regexp.MustCompile(`(?m)^ *(?:- |run: )(?:run: )?docker buildx (.*)$`)

func (s *stage) read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, file))
	require.NoError(t, err)
	return string(text)
}

// buildCoolify: with the header line alone, and without it but with the build
// variable that the README names.
func buildCoolify(t *testing.T, s *stage) {
	file := s.builds(t, s.stale, "--build-arg", "SOURCE_COMMIT=0123456")
	require.Contains(t, file("public/index.html"), "built on the server")
	s.requireAnonymous(t, "ghcr.io", "static-web-server/static-web-server", "GHCR.IO:443")

	_, rest, ok := strings.Cut(s.read(t, "Dockerfile"), "# syntax=org/pullsafe:1\n")
	require.True(t, ok)
	require.Contains(t, s.read(t, "README.md"), "`BUILDKIT_SYNTAX`")
	out := s.buildxWith(t, harness.CommandOpt{
		Dir: s.writeDir(t, map[string]string{"Dockerfile": rest, "site/index.txt": "hello\n"}), DockerConfig: s.stale,
		Args: []string{"build", "--progress=plain", "--build-arg", "BUILDKIT_SYNTAX=org/pullsafe:1", "."},
	})
	require.Zero(t, out.Code, out.Stderr)
	requireWarned(t, out, "ghcr.io", "ghcr.io/static-web-server/static-web-server:2.40-alpine")
}

func (s *stage) writeDir(t *testing.T, files map[string]string) string {
	t.Helper()
	dir, err := harness.T(t).WriteFiles(files)
	require.NoError(t, err)
	return dir
}

func buildCompose(t *testing.T, s *stage) {
	out := s.buildx(t, s.stale, "bake", "-f", "compose.yaml", "--progress=plain")
	require.Zero(t, out.Code, out.Stderr)
	requireWarned(t, out, "ghcr.io", "ghcr.io/astral-sh/uv:0.9.6")
	requireWarned(t, out, "quay.io", "quay.io/prometheus/busybox:glibc")
	require.Contains(t, out.Stderr, "hello from the worker")
	s.requireAnonymous(t, "ghcr.io", "astral-sh/uv", "GHCR.IO:443")
	s.requireAnonymous(t, "quay.io", "prometheus/busybox", "QUAY.IO:443")
}
