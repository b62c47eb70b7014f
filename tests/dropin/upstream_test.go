package dropin

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/client"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// features is a Dockerfile for each thing that the upstream image can do; each
// is built with upstream's image and with pullsafe, under good credentials.
var features = []struct {
	name  string
	files map[string]string
	opts  map[string]string
	local map[string]string // named folders
	// spare is set where the target does not need all stages: pullsafe then asks
	// for more than upstream, unless it is told not to.
	spare bool
}{
	{name: "several stages", files: world.Dockerfile("FROM alpine:3.23 AS a\nRUN echo a > /a\nFROM ghcr.io/acme/base:1 AS b\nRUN echo b > /b\n" +
		"FROM scratch\nCOPY --from=a /a /\nCOPY --from=b /b /\nCOPY --from=ghcr.io/acme/tools:2 /etc/passwd /c\n")},
	{
		name:  "mount, heredoc, arguments",
		files: world.Dockerfile("ARG V=none\nFROM ghcr.io/acme/base:${V}\nARG X=1\nCOPY <<EOF /a\nhello $X\nEOF\nRUN --mount=from=ghcr.io/astral-sh/uv:0.7.1,target=/uv <<EOF\ncat /a /uv/uv > /b\nEOF\n"),
		opts:  map[string]string{"build-arg:V": "2", "build-arg:X": "3"},
	},
	{name: "target", files: world.Dockerfile("FROM alpine:3.23 AS one\nRUN echo 1 > /a\nFROM ghcr.io/acme/base:1\nRUN echo 2 > /a\n"), opts: map[string]string{"target": "one"}, spare: true},
	{name: "a stage that is not needed and cannot be had", files: world.Dockerfile("FROM ghcr.io/acme/nothing:1 AS other\nFROM alpine:3.23\nRUN echo a > /a\n"), spare: true},
	{name: "platforms", files: world.Dockerfile("FROM --platform=$BUILDPLATFORM alpine:3.23 AS b\nARG TARGETARCH\nRUN echo $TARGETARCH > /a\nFROM ghcr.io/acme/base:1\nCOPY --from=b /a /a\n"), opts: map[string]string{"platform": "linux/amd64,linux/arm64"}},
	{name: "named context, image", files: world.Dockerfile("FROM base\nRUN echo a > /a\n"), opts: map[string]string{"context:base": "docker-image://ghcr.io/acme/base:1"}},
	{name: "named context, folder", files: world.Dockerfile("FROM alpine:3.23\nCOPY --from=extra f /a\n"), opts: map[string]string{"context:extra": "local:extra"}, local: map[string]string{"f": "extra"}},
	{name: "onbuild", files: world.Dockerfile("FROM docker.io/library/onbuild:1\nRUN uv > /a\n")},
	{
		name:  "another name, .dockerignore",
		files: map[string]string{"x/My.Dockerfile": "FROM alpine:3.23\nCOPY . /c/\nRUN echo a > /a\n", ".dockerignore": "secret\n", "secret": "s", "a": "a"},
		opts:  map[string]string{"filename": "x/My.Dockerfile"},
	},
}

// TestSameResultAsUpstream: with nothing wrong, the result and the requests that
// each registry sees are upstream's.
func TestSameResultAsUpstream(t *testing.T) {
	for _, tc := range features {
		t.Run(tc.name, func(t *testing.T) {
			want, wantSeen := buildFeature(t, harness.Frontend{Image: shared.Upstream}, tc.files, tc.opts, tc.local)
			world.Image(t, func(t *testing.T, fe harness.Frontend) {
				got, seen := buildFeature(t, fe, tc.files, tc.opts, tc.local)
				require.Equal(t, want, got)
				if tc.spare {
					opts := maps.Clone(tc.opts)
					if opts == nil {
						opts = map[string]string{}
					}
					opts["build-arg:PULLSAFE_SCOPE"] = "target"
					got, seen = buildFeature(t, fe, tc.files, opts, tc.local)
					require.Equal(t, want, got)
				}
				if strings.Contains(tc.opts["platform"], ",") {
					// Upstream's own requests for the platforms race: each may or may not
					// have to learn that a token is needed.
					seen, wantSeen = slices.Compact(seen), slices.Compact(wantSeen)
				}
				require.Equal(t, wantSeen, seen)
			})
		})
	}
}

// buildFeature returns the files of the result and how often the registries were
// asked for what.
func buildFeature(t *testing.T, fe harness.Frontend, files, opts, local map[string]string) (map[string]string, []string) {
	t.Helper()
	e, c := world.Fresh(t)
	out := t.TempDir()
	in := harness.SolveInput{
		Frontend: fe, Files: files, Opts: opts, DockerConfig: world.GoodLogin(t, e, "ghcr.io", harness.HubAuthKey),
		Exports: []client.ExportEntry{{Type: client.ExporterLocal, OutputDir: out}},
	}
	if local != nil {
		dir, err := e.WriteFiles(local)
		require.NoError(t, err)
		in.Locals = map[string]string{"extra": dir}
	}
	res := world.Solve(t, e, c, in)
	require.NoError(t, res.Err)
	require.Empty(t, world.RefusedWarnings(res))
	return tree(t, out), asked(shared.GHCR, shared.Hub)
}

// tree is the content of a folder; the root file system of the base is left out.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.HasSuffix(path, "/bin/busybox") {
			return err
		}
		b, err := os.ReadFile(path)
		out[strings.TrimPrefix(path, dir)] = string(b)
		return err
	}))
	return out
}

// asked lists what registries were asked for, sorted, without the order in which
// concurrent requests arrived.
func asked(regs ...*harness.Registry) []string {
	var out []string
	for _, reg := range regs {
		for _, r := range reg.Requests() {
			out = append(out, strings.Join([]string{r.Host, r.Method, r.Path, string(r.Auth)}, " "))
		}
	}
	slices.Sort(out)
	return out
}

// TestAnotherFrontend: a Dockerfile that names another frontend is handed on to
// it, as upstream does when it is started without a syntax line of its own.
func TestAnotherFrontend(t *testing.T) {
	world.Both(t, func(t *testing.T, fe harness.Frontend) {
		e, c := world.Fresh(t)
		res := world.Solve(t, e, c, harness.SolveInput{
			Frontend:     fe,
			Files:        world.Dockerfile("# syntax=" + shared.Upstream + "\nFROM ghcr.io/acme/base:1\n"),
			DockerConfig: world.StaleLogin(t, e, "ghcr.io"),
		})
		require.ErrorContains(t, res.Err, "failed to fetch oauth token", "the other frontend is not pullsafe")
	})
}
