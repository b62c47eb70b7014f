package clients

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

const remote = "buildx, remote"

// uvRun is a Dockerfile with a step to run, whose result does not depend on time.
const uvRun = "FROM ghcr.io/acme/base:1\nCOPY --from=ghcr.io/astral-sh/uv:0.7.1 /uv /bin/uv\nRUN uv > /version\n"

var uvRepositories = []string{"acme/base", "astral-sh/uv"}

// exports are the ways to get a result, each into a file or folder, which is
// compared as a whole.
var exports = []struct{ name, tried, output string }{
	{"oci", "`--output type=oci`, the tar as a whole", "type=oci,rewrite-timestamp=true,dest="},
	{"docker", "`--output type=docker`, the tar as a whole", "type=docker,name=example,rewrite-timestamp=true,dest="},
	{"tar", "`--output type=tar`, the tar as a whole", "type=tar,dest="},
	{"zstd", "`--output type=oci` with zstd, recompressing the base's layers", "type=oci,rewrite-timestamp=true,compression=zstd,force-compression=true,dest="},
	{"local", "`--output type=local`, every file", "type=local,dest="},
}

func TestExports(t *testing.T) {
	slow(t)
	for _, x := range exports {
		t.Run(x.name, func(t *testing.T) {
			tr := trial{
				client: remote, tried: x.tried, repositories: uvRepositories,
				run: func(t *testing.T, _ *trial, s side) facts {
					d := daemon(t, harness.BuildkitdOpt{})
					dest := filepath.Join(t.TempDir(), "out")
					out := build(t, d, s, harness.CommandOpt{Files: world.Dockerfile(uvRun)}, "--provenance=false", "--output="+x.output+dest)
					requireWarned(t, s, out)
					if strings.HasPrefix(x.output, "type=local") {
						return facts{"files": tree(t, dest)}
					}
					return facts{"sha256 of the tar": sum(t, dest)}
				},
			}
			tr.compare(t)
		})
	}
}

// sum is the digest of a file.
func sum(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	h := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(h[:])
}

// TestResultFiles: what scripts read of a build.
func TestResultFiles(t *testing.T) {
	slow(t)
	tr := trial{
		client: remote, tried: "`--iidfile`, `--metadata-file`, `--progress=quiet` (`-q`), `BUILDX_METADATA_WARNINGS=1`", repositories: uvRepositories,
		run: func(t *testing.T, _ *trial, s side) facts {
			d := daemon(t, harness.BuildkitdOpt{})
			dir := t.TempDir()
			iid, meta := filepath.Join(dir, "iid"), filepath.Join(dir, "metadata.json")
			out := build(t, d, s, harness.CommandOpt{Files: world.Dockerfile(uvRun), Env: []string{"BUILDX_METADATA_WARNINGS=1"}},
				"--progress=quiet", "--provenance=false", "--output=type=oci,rewrite-timestamp=true,dest="+filepath.Join(dir, "out"), "--iidfile="+iid, "--metadata-file="+meta)
			id, err := os.ReadFile(iid)
			require.NoError(t, err)
			doc := metadata(t, meta)
			_, reported := doc["frontend.pullsafe.report"]
			require.Equal(t, s.image == shared.Pullsafe, reported)
			delete(doc, "frontend.pullsafe.report")
			warnings, _ := doc["buildx.build.warnings"].([]any)
			require.Equal(t, s.refused, len(warnings) > 0, "%s: %v", s.name, doc)
			delete(doc, "buildx.build.warnings")
			keys := make([]string, 0, len(doc))
			for k := range doc {
				keys = append(keys, k)
			}
			slices.Sort(keys)
			return facts{
				"stdout": strings.TrimSpace(out.Stdout), "image id": string(id), "metadata keys": strings.Join(keys, " "),
				"digest": doc["containerimage.digest"].(string),
			}
		},
	}
	tr.compare(t)
}

// flags are builds of a Dockerfile with flags of the client; the result is a
// folder. Each is built twice on a daemon: what the second build repeats is
// compared as well.
var flags = []struct {
	name, tried  string
	dockerfile   string
	args         []string
	repositories []string
	again        bool // a second build on the same daemon
}{
	{
		name: "pull", tried: "a second build: `--pull --no-cache-filter=b`", again: true,
		dockerfile: "FROM ghcr.io/acme/base:1 AS a\nRUN echo a > /a\nFROM ghcr.io/acme/base:1 AS b\nRUN echo b > /b\nFROM scratch\nCOPY --from=a /a /a\nCOPY --from=b /b /b\n",
		args:       []string{"--pull", "--no-cache-filter=b"}, repositories: []string{"acme/base"},
	},
	{
		name: "cached", tried: "a second build, all cached", again: true, dockerfile: uvRun, repositories: uvRepositories,
	},
	{
		name: "secret", tried: "`--secret`, `--ssh`",
		dockerfile: "FROM ghcr.io/acme/base:1\nRUN --mount=type=secret,id=s --mount=type=ssh wc -c < /run/secrets/s > /length && test -S $SSH_AUTH_SOCK && echo yes > /agent\n",
		args:       []string{"--secret=id=s,src=secret", "--ssh=default=key"}, repositories: []string{"acme/base"},
	},
	{
		name: "allow", tried: "`--allow=network.host,security.insecure`",
		dockerfile: "FROM ghcr.io/acme/base:1\nRUN --network=host --security=insecure grep CapEff /proc/self/status > /caps\n",
		args:       []string{"--allow=network.host", "--allow=security.insecure"}, repositories: []string{"acme/base"},
	},
	{
		name: "others", tried: "`--add-host`, `--label`, `--build-arg`, `--target`, `--shm-size`, `--ulimit`, `--network=none`",
		dockerfile:   "FROM ghcr.io/acme/base:1 AS a\nARG X\nRUN grep example /etc/hosts > /hosts; echo $X > /x; ulimit -n > /ulimit\nFROM a AS b\nRUN false\n",
		args:         []string{"--add-host=example:10.0.0.1", "--label=a=b", "--build-arg=X=1", "--target=a", "--shm-size=64m", "--ulimit=nofile=512:512", "--network=none"},
		repositories: []string{"acme/base"},
	},
}

func TestFlags(t *testing.T) {
	slow(t)
	for _, f := range flags {
		t.Run(f.name, func(t *testing.T) {
			tr := trial{
				client: remote, tried: f.tried, repositories: f.repositories,
				run: func(t *testing.T, _ *trial, s side) facts {
					d := daemon(t, harness.BuildkitdOpt{Args: []string{"--allow-insecure-entitlement=network.host", "--allow-insecure-entitlement=security.insecure"}})
					opt := harness.CommandOpt{Files: map[string]string{"Dockerfile": f.dockerfile, "secret": "12345", "key": sshKey(t)}}
					first, second := filepath.Join(t.TempDir(), "1"), filepath.Join(t.TempDir(), "2")
					if !f.again {
						requireWarned(t, s, build(t, d, s, opt, append(f.args, "--output=type=local,dest="+first)...))
						return facts{"files": tree(t, first)}
					}
					requireWarned(t, s, build(t, d, s, opt, "--output=type=local,dest="+first))
					out := build(t, d, s, opt, append(f.args, "--output=type=local,dest="+second)...)
					requireWarned(t, s, out)
					return facts{"files": tree(t, first), "files of the second": tree(t, second), "steps of the second": describe(steps(out))}
				},
			}
			tr.compare(t)
		})
	}
}

// describe writes steps, one a line.
func describe(got map[string]string) string {
	var lines []string
	for name, end := range got {
		lines = append(lines, name+": "+end)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestCheck: `--check` reads the Dockerfile only; its verdict is the same.
func TestCheck(t *testing.T) {
	slow(t)
	for name, text := range map[string]string{"without findings": uvRun, "with findings": "FROM ghcr.io/acme/base:1 as a\nENV A b\n"} {
		t.Run(name, func(t *testing.T) {
			tr := trial{
				client: remote, tried: "`--check`, a Dockerfile " + name,
				run: func(t *testing.T, _ *trial, s side) facts {
					out := buildAny(t, daemon(t, harness.BuildkitdOpt{}), s, harness.CommandOpt{Files: world.Dockerfile(text)}, "--check")
					return facts{"exit code": string(rune('0' + out.Code)), "standard output": out.Stdout}
				},
			}
			tr.compare(t)
		})
	}
}
