package selfbuild

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
	"github.com/org/pullsafe/version"
)

// compiled is what a step that compiled the frontend has printed; one that was
// taken from the cache prints nothing.
const compiled = "+ xx-verify --static /out/bin/pullsafe-frontend"

// rebuild builds the published image of a checkout for this machine.
func (s *site) rebuild(t *testing.T, tag string, opt bakeOpt) (v1.Image, *harness.Output) {
	t.Helper()
	opt.args = append(s.published("frontend-cross", tag), opt.args...)
	out := s.bake(t, opt)
	return s.image(t, tag), out
}

// releaseFile is the bake file of a release, which has the annotations.
func releaseFile(t *testing.T, dir string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, ".ci", "release-bake"), version.Version, "org/pullsafe")
	out, err := cmd.Output()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "release.json")
	require.NoError(t, os.WriteFile(file, out, 0o644))
	return file
}

// TestReproducible: the image of a release, built from its tag as the workflow
// does, comes out the same from another clone, in another folder, at another
// time, as docs/releases.md says. Without the commit's time it does not, so the
// comparison can fail.
func TestReproducible(t *testing.T) {
	_, s := get(t)
	first := commitAll(t, "one")
	git(t, first, "tag", version.Version)
	release := []string{releaseFile(t, first)}
	second := clone(t, first, "another")
	epoch := commitTime(t, first)
	want, _ := s.rebuild(t, "org/pullsafe:one", bakeOpt{dir: first, epoch: epoch, files: release})
	binary := filepath.Join(t.TempDir(), "pullsafe-frontend")
	require.NoError(t, os.WriteFile(binary, layerFiles(t, want)[frontendBinary].data, 0o755))
	requireVersion(t, first, binary, "pullsafe-frontend", "-version")
	manifest, err := want.Manifest()
	require.NoError(t, err)
	require.Equal(t, git(t, first, "rev-parse", "HEAD"), manifest.Annotations["org.opencontainers.image.revision"])

	dest := filepath.Join(t.TempDir(), "pullsafe")
	out := s.bake(t, bakeOpt{dir: second, epoch: epoch, files: release, args: []string{
		"frontend-cross", "--provenance=true", "--set=*.platform=" + local, "--set=*.output=type=oci,dest=" + dest + ",tar=false,rewrite-timestamp=true",
	}})
	require.Contains(t, out.Stderr, compiled, "nothing was built a second time")
	requireSame(t, want, layoutImage(t, dest))

	for name, other := range map[string]string{"now": "", "then": "1"} {
		got, _ := s.rebuild(t, "org/pullsafe:"+name, bakeOpt{dir: second, epoch: other, files: release})
		require.NotEqual(t, digestOf(t, want), digestOf(t, got), "SOURCE_DATE_EPOCH=%q", other)
	}
}

// TestReproducibleCold does it once more on a daemon that has never built
// anything: all is compiled anew.
func TestReproducibleCold(t *testing.T) {
	e, s := get(t)
	needFull(t)
	first := commitAll(t, "one")
	epoch := commitTime(t, first)
	want, _ := s.rebuild(t, "org/pullsafe:warm", bakeOpt{dir: first, epoch: epoch})

	cold, err := startDaemon(t.Context(), e, "")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cold.Stop(context.WithoutCancel(t.Context()))) })
	harness.LogOnFailure(t, cold.Process)
	got, out := s.rebuild(t, "org/pullsafe:cold", bakeOpt{
		dir: clone(t, first, "another"), epoch: epoch, daemon: cold, args: []string{"--no-cache"},
	})
	require.Contains(t, out.Stderr, "go: downloading github.com/moby/buildkit ")
	require.Contains(t, out.Stderr, compiled)
	requireSame(t, want, got)
}

// needFull skips what takes minutes: `make release-check` runs it.
func needFull(t *testing.T) {
	t.Helper()
	if !world.Full() {
		t.Skip("takes minutes: make release-check")
	}
}
