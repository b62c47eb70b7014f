package selfbuild

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	digest "github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

// TestPin runs `make pin` on files, with buildx and a registry.
func TestPin(t *testing.T) {
	e, s := get(t)
	var err error
	digests := map[string]string{}
	for _, image := range []string{"acme/golang:1.26", "acme/golang:1.26-alpine", "golang:1.26"} {
		digests[image], err = s.registry.Push(t.Context(), image, harness.Image{Files: map[string]string{"/name": image}})
		require.NoError(t, err)
	}
	old := digest.FromString("old").String()
	const text = "# syntax=HOST/acme/golang:1.26@sha256:\nFROM --platform=$X HOST/acme/golang:1.26-alpine@OLD AS a\nFROM HOST/golang:1.26@sha256:\nFROM HOST/golang:1.26\n" +
		"      image: HOST/acme/golang:1.26@OLD\n      sbom: generator=HOST/golang:1.26@OLD\n"
	host := strings.NewReplacer("HOST", s.registry.Addr, "OLD", old)
	file := filepath.Join(t.TempDir(), "Dockerfile")
	require.NoError(t, os.WriteFile(file, []byte(host.Replace(text)), 0o644))
	pin := func() *harness.Output {
		out, err := e.Run(t.Context(), filepath.Join(checkout(t), ".ci", "pin-images"), harness.CommandOpt{
			Args: []string{file}, Env: []string{"BUILDX=" + e.Tools.Path(harness.ToolBuildx)},
		})
		require.NoError(t, err)
		return out
	}
	out := pin()
	require.Zero(t, out.Code, out.Stderr)
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	want := "# syntax=HOST/acme/golang:1.26@A\nFROM --platform=$X HOST/acme/golang:1.26-alpine@B AS a\nFROM HOST/golang:1.26@C\nFROM HOST/golang:1.26\n" +
		"      image: HOST/acme/golang:1.26@A\n      sbom: generator=HOST/golang:1.26@C\n"
	want = strings.NewReplacer("@A", "@"+digests["acme/golang:1.26"], "@B", "@"+digests["acme/golang:1.26-alpine"], "@C", "@"+digests["golang:1.26"]).Replace(want)
	require.Equal(t, host.Replace(want), string(got))
	entries, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, entries, 1)

	require.NoError(t, os.WriteFile(file, []byte(host.Replace("FROM HOST/none:1@sha256:\n")), 0o644))
	out = pin()
	require.NotZero(t, out.Code)
	require.Contains(t, out.Stderr, "cannot ask for "+s.registry.Addr+"/none:1")
}
