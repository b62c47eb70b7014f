package clients

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

// bakes are bake files whose targets are exported into folders under OUT.
var bakes = []struct {
	name, tried, file string
	repositories      []string
	counted           bool
}{
	{
		name: "matrix", tried: "a matrix of four targets at once",
		file: `
target "matrix" {
  name = "app-${v}-${n}"
  matrix = { v = ["1", "2"], n = ["x", "y"] }
  args = { BUILDKIT_SYNTAX = SYNTAX, V = v, N = n }
  dockerfile-inline = "ARG V\nFROM ghcr.io/acme/base:$V AS b\nARG N\nRUN cat /etc/image > /a; echo $N >> /a\nFROM scratch\nCOPY --from=b /a /a\nCOPY --from=ghcr.io/astral-sh/uv:0.7.1 /uv /uv\n"
  output = ["type=local,dest=${OUT}/${v}-${n}"]
}
group "default" { targets = ["matrix"] }
`,
		repositories: []string{"acme/base", "astral-sh/uv"},
	},
	{
		name: "linked", tried: "linked targets (`contexts = { base = \"target:base\" }`), three deep; each from an image that is refused",
		file: `
target "_syntax" { args = { BUILDKIT_SYNTAX = SYNTAX } }
target "base" {
  inherits = ["_syntax"]
  dockerfile-inline = "FROM ghcr.io/acme/base:1\nRUN echo base > /base\n"
}
target "middle" {
  inherits = ["_syntax"]
  contexts = { base = "target:base" }
  dockerfile-inline = "FROM base\nCOPY --from=ghcr.io/astral-sh/uv:0.7.1 /uv /uv\nRUN cat /base > /middle\n"
}
target "default" {
  inherits = ["_syntax"]
  contexts = { middle = "target:middle", base = "target:base" }
  dockerfile-inline = "FROM middle\nCOPY --from=base /base /b\nCOPY --from=ghcr.io/acme/base:2 /etc/image /two\nRUN cat /middle /b /two > /all\n"
  output = ["type=local,dest=${OUT}/linked"]
}
`,
		repositories: []string{"acme/base", "astral-sh/uv"}, counted: true,
	},
	{
		name: "linked copy", tried: "a linked target that is only copied from",
		file: `
target "_syntax" { args = { BUILDKIT_SYNTAX = SYNTAX } }
target "tools" {
  inherits = ["_syntax"]
  dockerfile-inline = "FROM ghcr.io/acme/base:1\n"
}
target "default" {
  inherits = ["_syntax"]
  contexts = { tools = "target:tools" }
  dockerfile-inline = "FROM scratch\nCOPY --from=tools /etc/image /a\n"
  output = ["type=local,dest=${OUT}/copied"]
}
`,
		repositories: []string{"acme/base"}, counted: true,
	},
}

func TestBake(t *testing.T) {
	slow(t)
	for _, b := range bakes {
		t.Run(b.name, func(t *testing.T) {
			tr := trial{
				client: "buildx bake", tried: b.tried, repositories: b.repositories, concurrent: true, counted: b.counted,
				run: func(t *testing.T, _ *trial, s side) facts {
					e, d := harness.T(t), daemon(t, harness.BuildkitdOpt{})
					dest := filepath.Join(t.TempDir(), "out")
					out, err := d.Buildx(t.Context(), harness.CommandOpt{
						Args:  []string{"bake", "--progress=plain"},
						Files: map[string]string{"docker-bake.hcl": "variable \"SYNTAX\" {}\nvariable \"OUT\" {}\n" + b.file}, DockerConfig: s.login(t, e),
						Env: []string{"NO_COLOR=1", "BUILDX_BAKE_ENTITLEMENTS_FS=0", epoch, "SYNTAX=" + s.image, "OUT=" + dest},
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

// TestBakeError: a linked target whose base is private: the error is that of the
// base, and says what to do.
func TestBakeError(t *testing.T) {
	slow(t)
	s := refusedSide
	s.image = shared.Pullsafe
	shared.Reset()
	out, err := daemon(t, harness.BuildkitdOpt{}).Buildx(t.Context(), harness.CommandOpt{
		Args: []string{"bake", "--progress=plain"}, DockerConfig: s.login(t, harness.T(t)), Env: []string{"NO_COLOR=1"},
		Files: map[string]string{"docker-bake.hcl": `
target "base" {
  args = { BUILDKIT_SYNTAX = "` + s.image + `" }
  dockerfile-inline = "FROM ghcr.io/acme/private-base:1\n"
}
target "default" {
  args = { BUILDKIT_SYNTAX = "` + s.image + `" }
  contexts = { base = "target:base" }
  dockerfile-inline = "FROM base\nRUN true\n"
  output = ["type=cacheonly"]
}
`},
	})
	require.NoError(t, err)
	require.Equal(t, 1, out.Code)
	require.Contains(t, out.Stderr, "target base: failed to solve: the image could not be resolved")
	require.Contains(t, out.Stderr, "  ghcr.io/acme/private-base:1    Dockerfile:1    FROM ghcr.io/acme/private-base:1")
	require.Contains(t, out.Stderr, "docker logout ghcr.io")
	require.Empty(t, shared.GHCR.Requests().Blobs())
	results.add(row{"buildx bake", "a linked target whose base is private", "exit code 1; the error names target, image and the way out", "upstream's error names the target only"})
}
