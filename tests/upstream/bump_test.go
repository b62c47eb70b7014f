package main

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func newBump(t *testing.T, root string, tool goTool, wanted string) *bump {
	t.Helper()
	b := &bump{root: root, tool: tool}
	require.NoError(t, b.choose(t.Context(), wanted))
	return b
}

// TestBump is a whole run against a small module proxy.
func TestBump(t *testing.T) {
	tool := serve(t, releases())
	root := newCheckout(t, tool)
	before := tree(t, root)
	b := newBump(t, root, tool, "v0.2.0")
	text, err := b.run(t.Context(), "HEAD")
	require.NoError(t, err)
	after := tree(t, root)
	changed := changes(before, after)
	require.ElementsMatch(t, []string{
		"Dockerfile", "Makefile", "README.md", "README.zh-CN.md", ourTags + "/labs/tags", "docs/clients.md", "go.mod", "go.sum",
		"tests/go.mod", "tests/go.sum",
		"tests/conformance/suite/go.mod", "tests/conformance/suite/go.sum", "tests/tools/go.mod", "tests/tools/go.sum",
		"tests/tools/buildkit-0.1/go.mod", "tests/tools/buildkit-0.1/go.sum",
	}, slices.Collect(maps.Keys(changed)))

	t.Run("modules", func(t *testing.T) {
		requireVersions(t, root, ".", map[string]string{buildkit: "v0.2.0", "example.com/lib": "v1.1.0"})
		requireVersions(t, root, "tests", map[string]string{buildkit: "v0.2.0", "example.com/lib": "v1.1.0", projectModule: "v0.0.0"})
		requireVersions(t, root, "tests/conformance/suite", map[string]string{buildkit: "v0.2.0"})
		// buildx v0.3.0 requires a newer BuildKit, the linter's last two a newer Go.
		requireVersions(t, root, "tests/tools", map[string]string{buildkit: "v0.2.0", buildx: "v0.2.0", "github.com/golangci/golangci-lint/v2": "v2.2.0"})
		for _, file := range []string{"go.mod", "tests/go.mod", "tests/conformance/suite/go.mod", "tests/tools/go.mod"} {
			require.Contains(t, changed[file], "\nexclude example.com/worse v1.0.0\n", file)
			require.NotContains(t, changed[file], "example.com/bad", file)
			require.Contains(t, changed[file], "\ngo "+fixtureGo+"\n", file)
		}
	})
	t.Run("the previous minor version", func(t *testing.T) {
		requireVersions(t, root, "tests/tools/buildkit-0.1", map[string]string{buildkit: "v0.1.0"})
		require.Contains(t, changed["tests/tools/buildkit-0.1/go.mod"], "\nexclude example.com/bad v1.0.0\n")
		require.Contains(t, changed["tests/tools/buildkit-0.1/go.mod"], "\ntool "+buildkit+"/cmd/buildkitd\n")
	})
	t.Run("texts", func(t *testing.T) {
		require.Equal(t, "LINT = $(GO) run example.com/lint/cmd/x@v1.1.0\n", changed["Makefile"])
		require.Equal(t, "ARG DOCKERFILE_VERSION=1.2.0-${CHANNEL}\nLABEL moby.buildkit.frontend.caps=\"inputs\"\n", changed["Dockerfile"])
		require.Contains(t, changed["README.md"], "[BuildKit 0.0 to 0.2, and more]")
		require.Contains(t, changed["README.md"], "\n| v1.0.0-dev | 1.2.0 | v0.2.0 |\n")
		require.Contains(t, changed["README.zh-CN.md"], "[BuildKit 0.0 到 0.2、]")
		require.Equal(t, "Tested with the real programs: BuildKit 0.0, 0.1 and 0.2, Docker\n", changed["docs/clients.md"])
		require.Equal(t, "new\n", changed[ourTags+"/labs/tags"])
	})
	t.Run("summary", func(t *testing.T) {
		for _, want := range []string{
			"# BuildKit v0.1.0 → v0.2.0\n\n`docker/dockerfile` 1.1.0 → 1.2.0.",
			"Add to the label in `Dockerfile`, and to `upstreamCaps` in `tests/dropin/image_test.go`: `contexts`",
			"Name `docker/dockerfile:1.2.0@sha256:` in the first line of `Dockerfile` once it is published, and run `make pin`",
			"`tests/tools/buildkit-0.1` is a new row of `make compat`",
			"`tests/tools/go.mod`: " + buildx + " v0.3.0 was not taken: it requires BuildKit v0.3.0-rc1\n",
			"`tests/tools/go.mod`: github.com/golangci/golangci-lint/v2 v2.4.0 was not taken: it requires go >= 1.999.0\n",
			"`Makefile`: example.com/lint v1.2.0 was not taken: it requires go >= 1.999.0\n",
			"| Capabilities in the label of the image | `contexts` | none |\n",
			"| Channels and their build tags | `labs: new` | `labs: old` |\n",
			"| Fields of gateway messages | `Other.metadata` | none |\n",
			"| `client/llb/marshal.go` | how definitions are written (`llb/rewrite.go`) | +2 −0 |\n",
			"| example.com/lib | `go.mod` | v1.0.0 | v1.1.0 |\n",
			"| example.com/lint | `Makefile` | v1.0.0 | v1.1.0 |\n",
			"`frontend/dockerfile/parser` is not in " + buildkit + " any more",
		} {
			require.Contains(t, text, want)
		}
	})
	t.Run("again", func(t *testing.T) {
		b := newBump(t, root, tool, "v0.2.0")
		require.Equal(t, "v0.2.0", b.present)
		again, err := b.run(t.Context(), "HEAD")
		require.NoError(t, err)
		require.Empty(t, changes(after, tree(t, root)))
		require.Contains(t, again, "# BuildKit v0.1.0 → v0.2.0", "it compares with what is committed")
	})
}

// requireVersions asserts what a module requires.
func requireVersions(t *testing.T, root, dir string, want map[string]string) {
	t.Helper()
	f, err := readModFile(filepath.Join(root, dir, "go.mod"))
	require.NoError(t, err)
	got := map[string]string{}
	for path := range want {
		got[path] = required(f, path)
	}
	require.Equal(t, want, got, dir)
}

// TestPatchRelease adds no daemon: the minor version stays.
func TestPatchRelease(t *testing.T) {
	tool := serve(t, releases())
	root := newCheckout(t, tool)
	_, err := newBump(t, root, tool, "v0.2.0").run(t.Context(), "HEAD")
	require.NoError(t, err)
	before := tree(t, root)
	b := newBump(t, root, tool, "")
	require.Equal(t, "v0.2.1", b.target, "the newest that is no pre-release")
	_, err = b.run(t.Context(), "HEAD")
	require.NoError(t, err)
	for name := range changes(before, tree(t, root)) {
		require.NotContains(t, name, olderPrefix)
	}
	requireVersions(t, root, ".", map[string]string{buildkit: "v0.2.1"})
}

// TestFailedRun: after an error or a signal every file is what it was, a user's
// uncommitted change too, and the new folder is gone.
func TestFailedRun(t *testing.T) {
	tool := serve(t, releases())
	for name, prepare := range map[string]func(root string, cancel context.CancelCauseFunc){
		"a text that is not as expected": func(root string, _ context.CancelCauseFunc) {
			require.NoError(t, os.WriteFile(filepath.Join(root, "docs/clients.md"), []byte("Tried.\n"), 0o644))
		},
		"interrupted": func(root string, cancel context.CancelCauseFunc) {
			go func() { // as soon as the first module has been changed
				for {
					text, err := os.ReadFile(filepath.Join(root, "tests/tools/go.mod"))
					if err != nil || strings.Contains(string(text), buildkit+" v0.2.0") {
						cancel(nil)
						return
					}
					time.Sleep(time.Millisecond)
				}
			}()
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := newCheckout(t, tool)
			require.NoError(t, os.WriteFile(filepath.Join(root, "README.md"), []byte("mine\n"+checkoutFiles()["README.md"]), 0o644))
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			prepare(root, cancel)
			before := tree(t, root)
			_, err := newBump(t, root, tool, "v0.2.0").run(ctx, "HEAD")
			require.Error(t, err)
			require.Empty(t, changes(before, tree(t, root)))
			require.NoDirExists(t, filepath.Join(root, "tests/tools/buildkit-0.1"))
		})
	}
}

// TestNewerGo: a BuildKit that this Go cannot build changes nothing.
func TestNewerGo(t *testing.T) {
	list := releases()
	next := release{buildkit, "v0.4.0", maps.Clone(list[1].files)}
	next.files["go.mod"] = "module " + buildkit + "\n\ngo 1.26.1\n"
	tool := serve(t, append(list, next))
	root := newCheckout(t, tool)
	before := tree(t, root)
	_, err := newBump(t, root, tool, "v0.4.0").run(t.Context(), "HEAD")
	require.ErrorContains(t, err, "BuildKit v0.4.0 requires Go 1.26.1, and the checkout has "+fixtureGo+": raise Go first")
	require.Empty(t, changes(before, tree(t, root)))
}

func TestChoose(t *testing.T) {
	tool := serve(t, releases())
	root := newCheckout(t, tool)
	for wanted, message := range map[string]string{
		"garbage":    "VERSION=garbage is not a release of BuildKit: it has the form v0.35.0",
		"0.2.0":      "VERSION=0.2.0 is not a release",
		"v0.3.0-rc1": "pre-releases are not followed",
		"v0.2.0; id": "is not a release",
		"v0.0.9":     "VERSION=v0.0.9 is older than v0.1.0",
		"v0.99.0":    "there is no BuildKit v0.99.0, or it cannot be fetched (newest release: v0.2.1)",
	} {
		b := &bump{root: root, tool: tool}
		require.ErrorContains(t, b.choose(t.Context(), wanted), message)
	}
	require.Equal(t, "v0.2.1", newBump(t, root, tool, "").target)
	require.Equal(t, "v0.1.0", newBump(t, root, tool, "v0.1.0").target)
}
