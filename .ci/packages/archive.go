package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"

	"github.com/pkg/errors"
)

// archiveName has no version, so that .../releases/latest/download/NAME is an
// address that stays.
func archiveName(goos, platform string) string {
	if goos == "windows" {
		return name + "-" + platform + ".zip"
	}
	return name + "-" + platform + ".tar.gz"
}

// packed is a file of an archive.
type packed struct {
	name, source string
	mode         int64
}

// archive writes the archive of a platform: the program and the licences.
func (opt options) archive(p program) (err error) {
	contents := []packed{
		{p.file(), p.path, 0o755},
		{"LICENSE", filepath.Join(opt.source, "LICENSE"), 0o644},
		{"LICENSES.txt", filepath.Join(opt.source, "cmd", name, "LICENSES.txt"), 0o644},
	}
	out, err := os.Create(filepath.Join(opt.output, archiveName(p.os, p.platform())))
	if err != nil {
		return errors.WithStack(err)
	}
	defer closing(out, &err)
	if p.os == "windows" {
		return opt.zip(out, contents)
	}
	return opt.tar(out, contents)
}

func (opt options) tar(out io.Writer, contents []packed) error {
	compressed, err := gzip.NewWriterLevel(out, gzip.BestCompression)
	if err != nil {
		return errors.WithStack(err)
	}
	archive := tar.NewWriter(compressed)
	for _, f := range contents {
		data, err := os.ReadFile(f.source)
		if err != nil {
			return errors.WithStack(err)
		}
		header := tar.Header{
			Typeflag: tar.TypeReg, Name: f.name, Mode: f.mode, Size: int64(len(data)), ModTime: opt.epoch, Uname: "root", Gname: "root",
		}
		if err := archive.WriteHeader(&header); err != nil {
			return errors.WithStack(err)
		}
		if _, err := archive.Write(data); err != nil {
			return errors.WithStack(err)
		}
	}
	if err := archive.Close(); err != nil {
		return errors.WithStack(err)
	}
	return errors.WithStack(compressed.Close())
}

func (opt options) zip(out io.Writer, contents []packed) error {
	archive := zip.NewWriter(out)
	for _, f := range contents {
		data, err := os.ReadFile(f.source)
		if err != nil {
			return errors.WithStack(err)
		}
		header := zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: opt.epoch}
		header.SetMode(os.FileMode(f.mode)) //nolint:gosec // G115: a constant
		w, err := archive.CreateHeader(&header)
		if err != nil {
			return errors.WithStack(err)
		}
		if _, err := w.Write(data); err != nil {
			return errors.WithStack(err)
		}
	}
	return errors.WithStack(archive.Close())
}
