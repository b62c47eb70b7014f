package clients

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// pushImage gives the registry an image whose layers are no other's.
func pushImage(t *testing.T, reg *harness.Registry, name string) string {
	t.Helper()
	dgst, err := reg.Push(t.Context(), name, world.Base(t.Name()+name))
	require.NoError(t, err)
	return dgst
}

// TestPushLazyLayers: an image of nothing but metadata on its base is pushed to
// another registry. The layers of the base are never unpacked: they go from
// registry to registry at the end of the build, long after the second try.
func TestPushLazyLayers(t *testing.T) {
	harness.T(t)
	pushImage(t, shared.GHCR, "acme/lazy:1")
	tr := trial{
		client: "buildx, remote", tried: "`--push` to another registry with its own login; the base's layers are copied from registry to registry",
		repositories: []string{"acme/lazy"},
		destinations: []string{"push.test"},
		run: func(t *testing.T, tr *trial, s side) facts {
			d := daemon(t, harness.BuildkitdOpt{})
			file := filepath.Join(t.TempDir(), "metadata.json")
			out := build(t, d, s, harness.CommandOpt{
				Files: world.Dockerfile("FROM ghcr.io/acme/lazy:1\nLABEL a=b\n"), DockerConfig: s.login(t, harness.T(t), "push.test"),
			}, "--provenance=false", "--push", "-t", "push.test/out/lazy:1", "--metadata-file="+file)
			requireWarned(t, s, out)
			_, afterFrontend, _ := strings.Cut(out.Stderr, "[internal] load build definition")
			require.NotContains(t, afterFrontend, "extracting", "the base was unpacked")
			require.NotEmpty(t, tr.started["push.test"].Requests().Blobs("out/lazy").WithCredentials())
			return facts{"digest": metadata(t, file)["containerimage.digest"].(string)}
		},
	}
	tr.compare(t)
}
