package selfbuild

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/version"
)

// The files of the image.
const (
	frontendBinary = "/bin/pullsafe-frontend"
	licenses       = "/licenses/LICENSES.txt.gz"
)

// local is the platform of this machine.
const local = "linux/" + runtime.GOARCH

// published are the arguments that build the published image for this machine
// only, and push it.
func (s *site) published(target, repositoryTag string) []string {
	return []string{
		target, "--provenance=mode=max", "--set=" + target + ".push=true",
		"--set=" + target + ".platform=" + local, "--set=" + target + ".tags=" + s.registry.Addr + "/" + repositoryTag,
	}
}

// TestBuild builds frontend and plugin from the checkout as it is, modified or
// not, and uses both.
func TestBuild(t *testing.T) {
	e, s := get(t)
	dir, dest := checkout(t), t.TempDir()
	epoch := commitTime(t, dir)
	const tag = "org/pullsafe:built"
	s.bake(t, bakeOpt{
		dir: dir, epoch: epoch, env: []string{"DESTDIR=" + dest},
		args: append(s.published("frontend-cross", tag), "plugin", "validate-dockerfile"),
	})
	img := s.image(t, tag)
	files := layerFiles(t, img)

	t.Run("image", func(t *testing.T) {
		requirePublished(t, img, files, harness.ChannelMainline)
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		require.NoError(t, err)
		requireTime(t, img, time.Unix(seconds, 0).UTC())
	})
	t.Run("versions", func(t *testing.T) {
		binary := filepath.Join(t.TempDir(), "pullsafe-frontend")
		require.NoError(t, os.WriteFile(binary, files[frontendBinary].data, 0o755))
		requireVersion(t, dir, binary, "pullsafe-frontend", "-version")
		requireVersion(t, dir, filepath.Join(dest, "build", "docker-pullsafe"), "docker-pullsafe", "version")
	})
	t.Run("builds", func(t *testing.T) { buildsWith(t, e, s, tag) })
}

// requirePublished: the image is the one that the other tests make by themselves.
func requirePublished(t *testing.T, img v1.Image, files map[string]layerFile, channel string) {
	t.Helper()
	want, err := harness.CheckoutTarget(channel)
	require.NoError(t, err)
	config, err := img.ConfigFile()
	require.NoError(t, err)
	require.Equal(t, want.Labels, config.Config.Labels)
	require.Equal(t, want.Entrypoint, config.Config.Entrypoint)
	require.Equal(t, []string{frontendBinary}, want.Entrypoint)
	require.Empty(t, config.Config.Cmd)
	require.Empty(t, config.Config.User)
	var regular []string
	for name, f := range files {
		if !f.header.FileInfo().IsDir() {
			regular = append(regular, name)
		}
	}
	require.ElementsMatch(t, []string{frontendBinary, licenses}, regular)
	r, err := gzip.NewReader(bytes.NewReader(files[licenses].data))
	require.NoError(t, err)
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	committed, err := os.ReadFile(filepath.Join(checkout(t), "cmd", "pullsafe-frontend", "LICENSES.txt"))
	require.NoError(t, err)
	require.Equal(t, string(committed), string(text))
}

// requireVersion asserts what a program says of itself: the tag of the checkout,
// or without one the version of the source; the commit; what is linked in.
func requireVersion(t *testing.T, dir, binary, program string, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), binary, args...).Output()
	require.NoError(t, err)
	want := version.Version
	if git(t, dir, "tag", "--list", "v[0-9]*", "--merged") != "" {
		want = git(t, dir, "describe", "--tags", "--match", "v[0-9]*")
	}
	head := git(t, dir, "rev-parse", "HEAD")
	// As it is said by another program that links it, but for the versions of
	// modules, which a test does not know.
	linked := regexp.MustCompile(`docker/dockerfile [\d.]+`).FindString(version.Line(program))
	require.NotEmpty(t, linked)
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	require.NoError(t, err)
	m := regexp.MustCompile(`(?m)^\tgithub.com/moby/buildkit (v\S+)$`).FindStringSubmatch(string(mod))
	require.NotNil(t, m)
	require.Regexp(t, `^`+program+` `+regexp.QuoteMeta(want)+`(\.m)? `+head+`(\.m)? \(`+regexp.QuoteMeta(linked+", BuildKit "+m[1])+`\)\n$`, string(out))
}

// buildsWith builds with an image that the Dockerfile has made.
func buildsWith(t *testing.T, e *harness.Env, s *site, tag string) {
	t.Helper()
	_, err := s.registry.Push(t.Context(), "acme/base:1", harness.Image{Busybox: true, Files: map[string]string{"/etc/image": t.Name()}})
	require.NoError(t, err)
	dest := t.TempDir()
	out, err := s.daemon.Buildx(t.Context(), harness.CommandOpt{
		Files: map[string]string{"Dockerfile": "FROM " + s.registry.Addr + "/acme/base:1\nRUN echo built >/result\n"},
		Args:  []string{"build", "--progress=plain", "--build-arg=BUILDKIT_SYNTAX=" + s.registry.Addr + "/" + tag, "--output=" + dest, "."},
	})
	require.NoError(t, err)
	require.Zero(t, out.Code, out.Stderr)
	require.FileExists(t, filepath.Join(dest, "result"))
	// Only pullsafe's frontend prints this.
	out, err = s.daemon.Buildx(t.Context(), harness.CommandOpt{
		Files: map[string]string{"Dockerfile": "FROM " + s.registry.Addr + "/acme/base:1\n"},
		Args:  []string{"build", "--call=preflight", "--build-arg=BUILDKIT_SYNTAX=" + s.registry.Addr + "/" + tag, "."},
	})
	require.NoError(t, err)
	require.Zero(t, out.Code, out.Stderr)
	require.Contains(t, out.Stdout, "1 image: 1 ok")
	require.Empty(t, e.Network.Refused())
}

// TestValidate: a Dockerfile with a finding fails, so that the one of the
// checkout, which TestBuild checks, has none.
func TestValidate(t *testing.T) {
	_, s := get(t)
	file := filepath.Join(t.TempDir(), "Dockerfile")
	require.NoError(t, os.WriteFile(file, []byte("FROM scratch as lower\nCOPY . /\n"), 0o644))
	out := s.tryBake(t, bakeOpt{dir: checkout(t), args: []string{"validate-dockerfile", "--set=validate-dockerfile.dockerfile=" + file}})
	require.NotZero(t, out.Code)
	require.Contains(t, out.Stdout+out.Stderr, "FromAsCasing")
}

// TestVersionOfGo: the Dockerfile compiles with the Go of go.mod.
func TestVersionOfGo(t *testing.T) {
	root := checkout(t)
	images, err := externalImages(filepath.Join(root, "Dockerfile"))
	require.NoError(t, err)
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	m := regexp.MustCompile(`(?m)^go (\S+)$`).FindSubmatch(mod)
	require.NotNil(t, m)
	require.True(t, slices.ContainsFunc(images, func(image string) bool { return strings.HasPrefix(image, "golang:"+string(m[1])+"-alpine") }), images)
}
