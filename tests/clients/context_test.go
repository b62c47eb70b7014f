package clients

import (
	"archive/tar"
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

// contextFiles is the build context that reaches the daemon in different ways.
var contextFiles = map[string]string{"Dockerfile": "FROM ghcr.io/acme/base:1\nCOPY --from=ghcr.io/astral-sh/uv:0.7.1 /uv /bin/uv\nCOPY f /f\nRUN uv > /version\n", "f": "f\n"}

// contexts are the ways in which a Dockerfile and its context reach the daemon.
// args returns what stands for the folder, stdin what is piped in.
var contexts = []struct {
	name, tried string
	prepare     func(t *testing.T) (args []string, stdin string)
}{
	{"dockerfile", "`-f -`: the Dockerfile on standard input, with a folder", func(*testing.T) ([]string, string) {
		return []string{"-f", "-", "."}, contextFiles["Dockerfile"]
	}},
	{"dockerfile alone", "`-`: the Dockerfile alone on standard input", func(*testing.T) ([]string, string) {
		return []string{"-"}, strings.Replace(contextFiles["Dockerfile"], "COPY f /f\n", "", 1)
	}},
	{"tar", "`-`: a tar on standard input", func(t *testing.T) ([]string, string) { return []string{"-"}, contextTar(t) }},
	{"http", "a tar from an HTTP server", func(t *testing.T) ([]string, string) {
		body := contextTar(t)
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
		t.Cleanup(srv.Close)
		return []string{srv.URL + "/context.tar"}, ""
	}},
	{"git", "a Git repository from an HTTP server", func(t *testing.T) ([]string, string) { return []string{gitServer(t) + "/repo.git#main"}, "" }},
}

func TestContexts(t *testing.T) {
	slow(t)
	for _, c := range contexts {
		t.Run(c.name, func(t *testing.T) {
			args, stdin := c.prepare(t)
			tr := trial{
				client: remote, tried: c.tried, repositories: uvRepositories,
				run: func(t *testing.T, _ *trial, s side) facts {
					e, d := harness.T(t), daemon(t, harness.BuildkitdOpt{})
					dest := filepath.Join(t.TempDir(), "out")
					out, err := d.Buildx(t.Context(), harness.CommandOpt{
						Args:  append([]string{"build", "--progress=plain", "--build-arg=BUILDKIT_SYNTAX=" + s.image, "--output=type=local,dest=" + dest}, args...),
						Files: contextFiles, Stdin: stdin, DockerConfig: s.login(t, e), Env: []string{"NO_COLOR=1", epoch},
					})
					require.NoError(t, err)
					require.Zero(t, out.Code, "%s:\n%s", s.name, out.Stderr)
					requireWarned(t, s, out)
					return facts{"files": tree(t, dest)}
				},
			}
			tr.compare(t)
		})
	}
}

func contextTar(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range []string{"Dockerfile", "f"} {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(contextFiles[name]))}))
		_, err := w.Write([]byte(contextFiles[name]))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.String()
}

// gitServer serves a repository with the context on its branch main, and returns
// the address of the folder that holds repo.git.
func gitServer(t *testing.T) string {
	t.Helper()
	git, err := exec.LookPath("git")
	require.NoError(t, err, "git is needed: apt-get install git")
	dir, err := harness.T(t).WriteFiles(contextFiles)
	require.NoError(t, err)
	run := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), git, append([]string{
			"-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main", "-c", "safe.directory=*",
		}, args...)...)
		cmd.Dir = dir
		b, err := cmd.CombinedOutput()
		require.NoError(t, err, "%v: %s", args, b)
		return strings.TrimSpace(string(b))
	}
	root := t.TempDir()
	run("init", "-q")
	run("add", ".")
	run("commit", "-q", "-m", "context")
	run("clone", "-q", "--bare", dir, filepath.Join(root, "repo.git"))
	srv := httptest.NewServer(&cgi.Handler{
		Path: filepath.Join(run("--exec-path"), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1"},
	})
	t.Cleanup(srv.Close)
	return srv.URL
}

// sshKey is a new private key.
func sshKey(t *testing.T) string {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}
