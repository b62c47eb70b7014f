package selfbuild

import (
	"archive/tar"
	"bytes"
	"debug/buildinfo"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

// attestation is the platform of an entry that is no image.
const attestation = "unknown"

// images are those of an index in the registry, by platform.
func (s *site) images(t *testing.T, repositoryTag string) map[string]v1.Image {
	t.Helper()
	ref, err := name.ParseReference(s.registry.Addr+"/"+repositoryTag, name.Insecure)
	require.NoError(t, err)
	index, err := remote.Index(ref, remote.WithContext(t.Context()))
	require.NoError(t, err)
	return imagesOf(t, index)
}

// imagesOf leaves out the entries that hold provenance: they tell of the build,
// and so differ from one to the next.
func imagesOf(t *testing.T, index v1.ImageIndex) map[string]v1.Image {
	t.Helper()
	m, err := index.IndexManifest()
	require.NoError(t, err)
	list := map[string]v1.Image{}
	for _, d := range m.Manifests {
		if d.Platform.OS != attestation {
			list[d.Platform.String()], err = index.Image(d.Digest)
			require.NoError(t, err)
		}
	}
	return list
}

// layoutImage is the image for this machine in a folder.
func layoutImage(t *testing.T, dir string) v1.Image {
	t.Helper()
	index, err := layout.ImageIndexFromPath(dir)
	require.NoError(t, err)
	m, err := index.IndexManifest()
	require.NoError(t, err)
	require.NotEmpty(t, m.Manifests) // one a tag, all the same
	if m.Manifests[0].MediaType.IsIndex() {
		index, err = index.ImageIndex(m.Manifests[0].Digest)
		require.NoError(t, err)
	}
	img := imagesOf(t, index)[local]
	require.NotNil(t, img, dir)
	return img
}

// image is the one for this machine.
func (s *site) image(t *testing.T, repositoryTag string) v1.Image {
	t.Helper()
	img := s.images(t, repositoryTag)[local]
	require.NotNil(t, img, repositoryTag)
	return img
}

func digestOf(t *testing.T, img v1.Image) string {
	t.Helper()
	d, err := img.Digest()
	require.NoError(t, err)
	return d.String()
}

// layerFile is an entry of a layer.
type layerFile struct {
	header *tar.Header
	data   []byte
}

// layerFiles are the entries of the image's only layer.
func layerFiles(t *testing.T, img v1.Image) map[string]layerFile {
	t.Helper()
	layers, err := img.Layers()
	require.NoError(t, err)
	require.Len(t, layers, 1)
	r, err := layers[0].Uncompressed()
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	files := map[string]layerFile{}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		require.NoError(t, err)
		data, err := io.ReadAll(tr)
		require.NoError(t, err)
		files["/"+strings.TrimPrefix(h.Name, "/")] = layerFile{h, data}
	}
}

// requireTime asserts that nothing in the image is younger than its commit.
func requireTime(t *testing.T, img v1.Image, epoch time.Time) {
	t.Helper()
	config, err := img.ConfigFile()
	require.NoError(t, err)
	require.Equal(t, epoch, config.Created.UTC())
	for _, h := range config.History {
		require.Equal(t, epoch, h.Created.UTC())
	}
	for name, f := range layerFiles(t, img) {
		require.False(t, f.header.ModTime.After(epoch), "%s is of %s", name, f.header.ModTime)
	}
}

// requireSame asserts that two images have the same digest. If not, it first
// names the part that differs.
func requireSame(t *testing.T, want, got v1.Image) {
	t.Helper()
	if digestOf(t, want) == digestOf(t, got) {
		return
	}
	wantFiles, gotFiles := layerFiles(t, want), layerFiles(t, got)
	for name, w := range wantFiles {
		g := gotFiles[name]
		require.Equal(t, w.header, g.header, name)
		require.Equal(t, buildInfo(w.data), buildInfo(g.data), name)
		require.True(t, bytes.Equal(w.data, g.data), "%s differs, with the same build information", name)
	}
	wantConfig, err := want.RawConfigFile()
	require.NoError(t, err)
	gotConfig, err := got.RawConfigFile()
	require.NoError(t, err)
	require.JSONEq(t, string(wantConfig), string(gotConfig))
	require.Equal(t, digestOf(t, want), digestOf(t, got))
}

// buildInfo is what the Go toolchain has written into a program.
func buildInfo(program []byte) string {
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		return err.Error()
	}
	return info.String()
}
