package main

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/tests/harness"
)

// file is a file of a layer; a link if target is set, a folder if the name ends
// in a slash.
type file struct {
	name, target string
	mode         int64
	data         []byte
}

// standIn is an image in place of a published one.
type standIn struct {
	files           []file
	cmd, entrypoint []string
	labels          map[string]string
	workingDir      string
}

// created is a time that no test expects to be its own.
var created = v1.Time{Time: time.Date(2024, time.January, 2, 3, 4, 5, 0, time.UTC)}

// build makes an image of one layer with the history that BuildKit's tests know
// of base images: the files, and the command.
func (s standIn) build() (v1.Image, error) {
	out := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	platform, err := v1.ParsePlatform(hostPlatform)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	out, err = mutate.ConfigFile(out, &v1.ConfigFile{
		OS: platform.OS, Architecture: platform.Architecture, Created: created, RootFS: v1.RootFS{Type: "layers"},
		Config: v1.Config{
			Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
			Cmd: s.cmd, Entrypoint: s.entrypoint, Labels: s.labels, WorkingDir: s.workingDir,
		},
	})
	if err != nil {
		return nil, errors.WithStack(err)
	}
	content, err := s.layer()
	if err != nil {
		return nil, err
	}
	// Compressed, as published images are: the tests read some layers themselves.
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	}, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, errors.WithStack(err)
	}
	out, err = mutate.Append(out, mutate.Addendum{
		Layer: layer, History: v1.History{Created: created, CreatedBy: "ADD files in /"},
	}, mutate.Addendum{
		History: v1.History{Created: created, CreatedBy: "CMD " + strings.Join(s.cmd, " "), EmptyLayer: true},
	})
	return out, errors.WithStack(err)
}

func (s standIn) layer() ([]byte, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range s.files {
		h := &tar.Header{
			Name: strings.TrimPrefix(f.name, "/"), Linkname: f.target, Mode: f.mode, Size: int64(len(f.data)),
			ModTime: created.Time, Format: tar.FormatPAX, Typeflag: tar.TypeReg,
		}
		switch {
		case f.target != "":
			h.Typeflag = tar.TypeSymlink
		case strings.HasSuffix(f.name, "/"):
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, errors.WithStack(err)
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, errors.WithStack(err)
		}
	}
	return buf.Bytes(), errors.WithStack(w.Close())
}

// fillMirror puts the images that the suite mirrors where it looks before it
// would pull them: into the folder of its mirror's registry.
func (s *suite) fillMirror(ctx context.Context) error {
	reg, err := s.env.StartRegistry(ctx, harness.RegistryOpt{Mode: harness.ModeOpen})
	if err != nil {
		return err
	}
	root, err := s.rootfs(ctx)
	if err != nil {
		return err
	}
	ssh, err := s.ssh(ctx)
	if err != nil {
		return err
	}
	alpine := with(with(root, alpineFiles...), ssh)
	shell := []string{"sh"}
	for repositoryTag, img := range map[string]standIn{
		"library/busybox:latest":              {files: root, cmd: shell},
		"library/busybox:stable-musl":         {files: with(root, file{name: "etc/musl", mode: 0o644}), cmd: shell},
		"library/alpine:latest":               {files: alpine, cmd: []string{"/bin/sh"}, workingDir: "/"},
		"amd64/debian:bullseye-20230109-slim": {files: with(root, file{name: "etc/debian_version", mode: 0o644, data: []byte("11.6\n")}), cmd: []string{"bash"}},
		"tonistiigi/hellofs:latest":           {files: []file{{name: "hellofs", mode: 0o755, data: []byte(hellofs)}}},
	} {
		if err := push(ctx, reg.Addr+"/"+repositoryTag, img); err != nil {
			return err
		}
	}
	// The suite writes such a file for its mirror, unless there is one.
	config := "version: 0.1\nlog:\n  level: debug\nstorage:\n  filesystem:\n    rootdirectory: " + reg.DataDir() + "\nhttp:\n  addr: 127.0.0.1:0\n"
	return errors.WithStack(os.WriteFile(filepath.Join(s.mirror, "config.yaml"), []byte(config), 0o644))
}

func push(ctx context.Context, ref string, img standIn) error {
	r, err := name.ParseReference(ref, name.Insecure)
	if err != nil {
		return errors.WithStack(err)
	}
	built, err := img.build()
	if err != nil {
		return err
	}
	return errors.Wrapf(remote.Write(r, built, remote.WithContext(ctx)), "pushing %s", ref)
}

func with(files []file, more ...file) []file {
	return append(append([]file{}, files...), more...)
}

// ssh is the program that the tests take for an SSH client.
func (s *suite) ssh(ctx context.Context) (file, error) {
	path := filepath.Join(s.env.Dir, "ssh")
	if err := s.env.Go(ctx, filepath.Dir(s.module), "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "./ssh"); err != nil {
		return file{}, err
	}
	b, err := os.ReadFile(path)
	return file{name: "bin/ssh", mode: 0o755, data: b}, errors.WithStack(err)
}

// rootfs is a small Linux: busybox under the names of its applets.
func (s *suite) rootfs(ctx context.Context) ([]file, error) {
	path := s.env.Tools.Path(harness.ToolBusybox)
	busybox, err := os.ReadFile(path)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	applets, err := exec.CommandContext(ctx, path, "--list").Output()
	if err != nil {
		return nil, errors.Wrap(err, "busybox --list")
	}
	var list []file
	for _, dir := range []string{"bin", "dev", "etc", "home", "lib", "usr", "usr/bin", "usr/sbin", "var"} {
		list = append(list, file{name: dir + "/", mode: 0o755})
	}
	list = append(list,
		file{name: "root/", mode: 0o700},
		file{name: "tmp/", mode: 0o1777},
		file{name: "etc/passwd", mode: 0o644, data: []byte(passwd)},
		file{name: "etc/group", mode: 0o644, data: []byte(group)},
		file{name: "etc/shadow", mode: 0o600, data: []byte("root:*::0:::::\n")},
		file{name: "bin/busybox", mode: 0o755, data: busybox},
		file{name: "bin/adduser", mode: 0o755, data: []byte(adduser)},
		file{name: "bin/addgroup", mode: 0o755, data: []byte(addgroup)},
	)
	for applet := range strings.FieldsSeq(string(applets)) {
		if applet != "busybox" {
			list = append(list, file{name: "bin/" + applet, target: "busybox"})
		}
	}
	return list, nil
}
