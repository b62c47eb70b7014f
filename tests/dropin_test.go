package tests

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/client"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend"
	"github.com/org/pullsafe/tests/harness"
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
	{name: "one stage", files: dockerfile("FROM alpine:3.23\nRUN echo a > /a\n")},
	{name: "several stages", files: dockerfile("FROM alpine:3.23 AS a\nRUN echo a > /a\nFROM ghcr.io/acme/base:1 AS b\nRUN echo b > /b\n" +
		"FROM scratch\nCOPY --from=a /a /\nCOPY --from=b /b /\nCOPY --from=ghcr.io/acme/tools:2 /etc/passwd /c\n")},
	{name: "mount", files: dockerfile("FROM alpine:3.23\nRUN --mount=from=ghcr.io/astral-sh/uv:0.7.1,target=/uv cat /uv/uv > /a\n")},
	{name: "heredoc", files: dockerfile("FROM alpine:3.23\nCOPY <<EOF /a\nhello\nEOF\nRUN <<EOF\ncat /a > /b\nEOF\n")},
	{name: "arguments", files: dockerfile("ARG V=none\nFROM ghcr.io/acme/base:${V}\nARG X=1\nRUN echo $X > /a\n"), opts: map[string]string{"build-arg:V": "2", "build-arg:X": "3"}},
	{name: "target", files: dockerfile("FROM alpine:3.23 AS one\nRUN echo 1 > /a\nFROM ghcr.io/acme/base:1\nRUN echo 2 > /a\n"), opts: map[string]string{"target": "one"}, spare: true},
	{name: "a stage that is not needed and cannot be had", files: dockerfile("FROM ghcr.io/acme/nothing:1 AS other\nFROM alpine:3.23\nRUN echo a > /a\n"), spare: true},
	{name: "platforms", files: dockerfile("FROM --platform=$BUILDPLATFORM alpine:3.23 AS b\nARG TARGETARCH\nRUN echo $TARGETARCH > /a\nFROM ghcr.io/acme/base:1\nCOPY --from=b /a /a\n"), opts: map[string]string{"platform": "linux/amd64,linux/arm64"}},
	{name: "named context, image", files: dockerfile("FROM base\nRUN echo a > /a\n"), opts: map[string]string{"context:base": "docker-image://ghcr.io/acme/base:1"}},
	{name: "named context, folder", files: dockerfile("FROM alpine:3.23\nCOPY --from=extra f /a\n"), opts: map[string]string{"context:extra": "local:extra"}, local: map[string]string{"f": "extra"}},
	{name: "onbuild", files: dockerfile("FROM docker.io/library/onbuild:1\nRUN uv > /a\n")},
	{name: "dockerignore", files: map[string]string{"Dockerfile": "FROM scratch\nCOPY . /\n", ".dockerignore": "secret\n", "secret": "s", "a": "a"}},
	{name: "another name", files: map[string]string{"x/My.Dockerfile": "FROM alpine:3.23\nRUN echo a > /a\n"}, opts: map[string]string{"filename": "x/My.Dockerfile"}},
}

// TestSameResultAsUpstream: with nothing wrong, the result and the requests that
// each registry sees are upstream's.
func TestSameResultAsUpstream(t *testing.T) {
	for _, tc := range features {
		t.Run(tc.name, func(t *testing.T) {
			want, wantSeen := buildFeature(t, harness.Frontend{Image: shared.upstream}, tc.files, tc.opts, tc.local)
			both(t, func(t *testing.T, fe harness.Frontend) {
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
	e, c := fresh(t)
	out := t.TempDir()
	in := harness.SolveInput{
		Frontend: fe, Files: files, Opts: opts, DockerConfig: goodLogin(t, e, "ghcr.io", harness.HubAuthKey),
		Exports: []client.ExportEntry{{Type: client.ExporterLocal, OutputDir: out}},
	}
	if local != nil {
		dir, err := e.WriteFiles(local)
		require.NoError(t, err)
		in.Locals = map[string]string{"extra": dir}
	}
	res := solve(t, e, c, in)
	require.NoError(t, res.Err)
	require.Empty(t, refusedWarnings(res))
	return tree(t, out), asked(shared.ghcr, shared.hub)
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
	both(t, func(t *testing.T, fe harness.Frontend) {
		e, c := fresh(t)
		res := solve(t, e, c, harness.SolveInput{
			Frontend:     fe,
			Files:        dockerfile("# syntax=" + shared.upstream + "\nFROM ghcr.io/acme/base:1\n"),
			DockerConfig: staleLogin(t, e, "ghcr.io"),
		})
		require.ErrorContains(t, res.Err, rawToken, "the other frontend is not pullsafe")
	})
}

// TestRefusedEverywhere: the ways in which an image can be named all lead
// through the retry.
func TestRefusedEverywhere(t *testing.T) {
	for _, tc := range []struct {
		name string
		df   string
		opts map[string]string
	}{
		{name: "from", df: "FROM ghcr.io/acme/base:1\nRUN true\n"},
		{name: "copy", df: "FROM scratch\nCOPY --from=ghcr.io/acme/base:1 /etc/passwd /\n"},
		{name: "mount", df: "FROM alpine:3.23\nRUN --mount=from=ghcr.io/acme/base:1,target=/x cat /x/etc/passwd > /a\n"},
		{name: "named context", df: "FROM base\nRUN true\n", opts: map[string]string{"context:base": "docker-image://ghcr.io/acme/base:1"}},
		{name: "argument", df: "ARG B\nFROM $B\nRUN true\n", opts: map[string]string{"build-arg:B": "ghcr.io/acme/base:1"}},
		{name: "platforms", df: "FROM ghcr.io/acme/base:1\nCOPY --from=ghcr.io/acme/base:1 /etc/passwd /x\n", opts: map[string]string{"platform": "linux/amd64,linux/arm64"}},
		{name: "onbuild", df: "FROM docker.io/library/onbuild:1\nRUN uv\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			both(t, func(t *testing.T, fe harness.Frontend) {
				e, c := fresh(t)
				res := solve(t, e, c, harness.SolveInput{
					Frontend: fe, Files: dockerfile(tc.df), Opts: tc.opts,
					DockerConfig: staleLogin(t, e, "ghcr.io"),
				})
				require.NoError(t, res.Err)
				require.Len(t, refusedWarnings(res), 1)
				repo := "acme/base"
				if tc.name == "onbuild" {
					repo = "astral-sh/uv"
				}
				requireAnonymousPull(t, shared.ghcr, repo, "GHCR.IO")
			})
		})
	}
}

// refusedWarnings leaves out what upstream's linter has to say.
func refusedWarnings(res *harness.Result) []string {
	var out []string
	for _, w := range res.Warnings {
		if strings.HasPrefix(string(w.Short), frontend.RuleCredentialsRefused) {
			out = append(out, string(w.Short))
		}
	}
	return out
}
