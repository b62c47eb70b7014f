package harness

import (
	"archive/tar"
	"bytes"
	"context"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/containerd/platforms"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/pkg/errors"
)

// Image is an image to push. The same value gives the same digest.
type Image struct {
	// Busybox adds a root file system with a shell.
	Busybox bool
	// Files are added, executable if they are scripts or programs.
	Files map[string]string
	// Config is the image's configuration, with OnBuild and Labels too.
	Config v1.Config
	// Platforms make an index of the same content for each; none makes an image
	// for this machine. The content is not adapted.
	Platforms []string
}

// applets are the links to busybox in the root file system.
var applets = []string{
	"sh", "ash", "cat", "chmod", "cp", "echo", "env", "false", "grep", "head", "id", "ln", "ls", "mkdir",
	"mv", "printf", "pwd", "rm", "sed", "sleep", "sort", "tail", "test", "touch", "tr", "true", "uname", "wc",
}

// Push puts an image into the registry, past its proxy, as REPOSITORY:TAG. It
// returns the digest of the manifest or index.
func (r *Registry) Push(ctx context.Context, repositoryTag string, img Image) (string, error) {
	ref, err := name.ParseReference(r.backend+"/"+repositoryTag, name.Insecure)
	if err != nil {
		return "", errors.WithStack(err)
	}
	opts := []remote.Option{remote.WithContext(ctx), remote.WithTransport(directTransport)}
	if len(img.Platforms) == 0 {
		one, err := r.env.build(img, platforms.Format(platforms.DefaultSpec()))
		if err != nil {
			return "", err
		}
		if err := remote.Write(ref, one, opts...); err != nil {
			return "", errors.Wrapf(err, "pushing %s", repositoryTag)
		}
		d, err := one.Digest()
		return d.String(), errors.WithStack(err)
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, p := range img.Platforms {
		one, err := r.env.build(img, p)
		if err != nil {
			return "", err
		}
		platform, err := v1.ParsePlatform(p)
		if err != nil {
			return "", errors.WithStack(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: one, Descriptor: v1.Descriptor{Platform: platform}})
	}
	if err := remote.WriteIndex(ref, index, opts...); err != nil {
		return "", errors.Wrapf(err, "pushing %s", repositoryTag)
	}
	d, err := index.Digest()
	return d.String(), errors.WithStack(err)
}

func (e *Env) build(img Image, platform string) (v1.Image, error) {
	p, err := v1.ParsePlatform(platform)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	out := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	out, err = mutate.ConfigFile(out, &v1.ConfigFile{
		OS: p.OS, Architecture: p.Architecture, Variant: p.Variant,
		Config: withPath(img.Config), RootFS: v1.RootFS{Type: "layers"},
	})
	if err != nil {
		return nil, errors.WithStack(err)
	}
	// One layer: an image whose files are its own then shares no layer with
	// another, and BuildKit fetches it from no repository but its own.
	var entries []tarEntry
	if img.Busybox {
		if entries, err = e.rootfs(); err != nil {
			return nil, err
		}
	}
	if entries = append(entries, fileEntries(img.Files)...); len(entries) == 0 {
		return out, nil
	}
	return appendLayer(out, entries)
}

func withPath(c v1.Config) v1.Config {
	if len(c.Env) == 0 {
		c.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	}
	return c
}

// tarEntry is a file of a layer; a link if target is set, a folder if the name
// ends in a slash.
type tarEntry struct {
	name, target string
	mode         os.FileMode
	data         []byte
}

func appendLayer(img v1.Image, entries []tarEntry) (v1.Image, error) {
	b, err := writeTar(entries)
	if err != nil {
		return nil, err
	}
	// Not compressed: a daemon unpacks it much faster, and there are many.
	layer := static.NewLayer(b, types.OCIUncompressedLayer)
	out, err := mutate.AppendLayers(img, layer)
	return out, errors.WithStack(err)
}

// rootfs is a small Linux: busybox under the names of its applets.
func (e *Env) rootfs() ([]tarEntry, error) {
	busybox, err := os.ReadFile(e.Tools.Path(ToolBusybox))
	if err != nil {
		return nil, errors.WithStack(err)
	}
	list := []tarEntry{
		{name: "bin/", mode: 0o755},
		{name: "bin/busybox", mode: 0o755, data: busybox},
		{name: "etc/", mode: 0o755},
		{name: "etc/passwd", mode: 0o644, data: []byte("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")},
		{name: "etc/group", mode: 0o644, data: []byte("root:x:0:\nnogroup:x:65534:\n")},
		{name: "root/", mode: 0o700},
		{name: "tmp/", mode: 0o777 | os.ModeSticky},
	}
	for _, applet := range applets {
		list = append(list, tarEntry{name: "bin/" + applet, target: "busybox"})
	}
	return list, nil
}

// fileEntries are the files of a map in the order of their names.
func fileEntries(files map[string]string) []tarEntry {
	var list []tarEntry
	for _, file := range slices.Sorted(maps.Keys(files)) {
		data := []byte(files[file])
		list = append(list, tarEntry{name: strings.TrimPrefix(path.Clean("/"+file), "/"), mode: fileMode(data), data: data})
	}
	return list
}

// fileMode is that of a program for a script or an ELF file.
func fileMode(data []byte) os.FileMode {
	if bytes.HasPrefix(data, []byte("#!")) || bytes.HasPrefix(data, []byte("\x7fELF")) {
		return 0o755
	}
	return 0o644
}

// writeTar leaves out all that differs from run to run.
func writeTar(entries []tarEntry) ([]byte, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, entry := range entries {
		h := &tar.Header{Name: entry.name, Mode: int64(entry.mode.Perm()), Size: int64(len(entry.data)), Typeflag: tar.TypeReg, ModTime: time.Unix(0, 0)}
		switch {
		case entry.target != "":
			h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, entry.target, 0o777
		case strings.HasSuffix(entry.name, "/"):
			h.Typeflag = tar.TypeDir
			if entry.mode&os.ModeSticky != 0 {
				h.Mode |= 0o1000
			}
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, errors.WithStack(err)
		}
		if _, err := w.Write(entry.data); err != nil {
			return nil, errors.WithStack(err)
		}
	}
	return buf.Bytes(), errors.WithStack(w.Close())
}
