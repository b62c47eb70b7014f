package clients

import (
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// TestTwoNodes: a builder of two daemons, one a platform. Each gets the login
// refused by itself and pulls its platform's image without it.
func TestTwoNodes(t *testing.T) {
	slow(t)
	e := harness.T(t)
	text := "FROM ghcr.io/acme/base:1 AS b\nARG TARGETARCH\nRUN echo $TARGETARCH > /a\n" +
		"FROM ghcr.io/acme/base:2\nCOPY --from=b /a /a\nCOPY --from=ghcr.io/astral-sh/uv:0.7.1 /uv /uv\n"
	serial := 0
	tr := trial{
		client: "buildx, remote, two nodes", tried: "`--platform=linux/amd64,linux/arm64 --push` on two daemons, one a platform; buildx shows the warning of both once", concurrent: true,
		repositories: []string{"acme/base", "astral-sh/uv"}, destinations: []string{"nodes.test"},
		run: func(t *testing.T, _ *trial, s side) facts {
			serial++
			one, two := daemon(t, harness.BuildkitdOpt{}), daemon(t, harness.BuildkitdOpt{})
			builder := "nodes-" + string(rune('a'+serial))
			run := func(opt harness.CommandOpt, args ...string) *harness.Output {
				opt.Args = args
				opt.Env = append(opt.Env, "NO_COLOR=1", epoch)
				out, err := e.Run(t.Context(), e.Tools.Path(harness.ToolBuildx), opt)
				require.NoError(t, err)
				require.Zero(t, out.Code, "%s: %v:\n%s", s.name, args, out.Stderr)
				return out
			}
			create := []string{"create", "--name=" + builder, "--driver=remote"}
			run(harness.CommandOpt{}, append(create, "--platform=linux/amd64", one.Addr)...)
			run(harness.CommandOpt{}, append(create, "--append", "--platform=linux/arm64", two.Addr)...)
			file := filepath.Join(t.TempDir(), "metadata.json")
			out := run(harness.CommandOpt{
				Files: world.Dockerfile(text), DockerConfig: s.login(t, e, "nodes.test"), Env: []string{"BUILDX_METADATA_WARNINGS=1"},
			}, "build", "--builder="+builder, "--progress=plain", "--build-arg=BUILDKIT_SYNTAX="+s.image, "--provenance=false",
				"--platform=linux/amd64,linux/arm64", "--output=type=image,push=true,rewrite-timestamp=true,name=nodes.test/a:1", "--metadata-file="+file, ".")
			requireWarned(t, s, out)
			doc := metadata(t, file)
			warnings, _ := doc["buildx.build.warnings"].([]any)
			if s.refused {
				require.Len(t, warnings, 1, "buildx shows once what both nodes say")
				told := regexp.MustCompile(`#\d+ \[pullsafe\] .* Resolved ghcr\.io/acme/base:1 without them\n`).FindAllString(out.Stderr, -1)
				require.Len(t, told, 2, "the step of each node")
			} else {
				require.Empty(t, warnings)
			}
			return facts{"digest": doc["containerimage.digest"].(string)}
		},
	}
	tr.compare(t)
}
