package selfbuild

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pkg/errors"
)

// goRootInImage is where the official image has Go.
const goRootInImage = "usr/local/go"

// notNeeded are folders of GOROOT that no build reads.
var notNeeded = []string{"api", "doc", "misc", "test"}

// tarGoRoot is a layer with the Go toolchain, without its own tests.
func tarGoRoot(goroot string) ([]byte, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	err := filepath.WalkDir(goroot, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(goroot, file)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && (slices.Contains(notNeeded, name) || d.Name() == "testdata"):
			return fs.SkipDir
		case !d.Type().IsRegular() || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		return addFile(w, path.Join(goRootInImage, filepath.ToSlash(name)), file)
	})
	if err != nil {
		return nil, errors.Wrap(err, goroot)
	}
	return buf.Bytes(), errors.WithStack(w.Close())
}

// tarFiles is a layer of scripts and of files of the machine.
func tarFiles(texts, copies map[string]string) ([]byte, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range sortedPairs(texts) {
		if err := addBytes(w, f[0], []byte(f[1]), 0o755); err != nil {
			return nil, err
		}
	}
	for _, f := range sortedPairs(copies) {
		if err := addFile(w, f[0], f[1]); err != nil {
			return nil, err
		}
	}
	return buf.Bytes(), errors.WithStack(w.Close())
}

func addFile(w *tar.Writer, name, file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return errors.WithStack(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return errors.WithStack(err)
	}
	return addBytes(w, name, b, info.Mode().Perm())
}

// addBytes leaves out times and owners, so that the same files are the same layer.
func addBytes(w *tar.Writer, name string, b []byte, mode fs.FileMode) error {
	h := &tar.Header{Name: name, Typeflag: tar.TypeReg, Size: int64(len(b)), Mode: int64(mode | 0o644), ModTime: time.Unix(0, 0)}
	if err := w.WriteHeader(h); err != nil {
		return errors.WithStack(err)
	}
	_, err := w.Write(b)
	return errors.WithStack(err)
}

func sortedPairs(m map[string]string) [][2]string {
	var pairs [][2]string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		pairs = append(pairs, [2]string{k, m[k]})
	}
	return pairs
}
