package main

import (
	stderrors "errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pkg/errors"
)

// backup knows what files were before the run changed them, uncommitted changes of
// a user included.
type backup struct {
	root    string
	files   map[string][]byte // by path below root; nil for a file that was not there
	folders []string          // made by the run
}

// keep remembers a file that is about to be changed. Only the first call for a
// path counts.
func (b *backup) keep(paths ...string) error {
	for _, path := range paths {
		if _, ok := b.files[path]; ok {
			continue
		}
		data, err := os.ReadFile(filepath.Join(b.root, path))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return errors.WithStack(err)
		}
		if b.files == nil {
			b.files = map[string][]byte{}
		}
		b.files[path] = data
	}
	return nil
}

// write replaces a file, and remembers what it was.
func (b *backup) write(path string, data []byte) error {
	if err := b.keep(path); err != nil {
		return err
	}
	return errors.WithStack(os.WriteFile(filepath.Join(b.root, path), data, 0o644))
}

// mkdir makes a folder that was not there.
func (b *backup) mkdir(path string) error {
	if err := os.Mkdir(filepath.Join(b.root, path), 0o755); err != nil {
		return errors.WithStack(err)
	}
	b.folders = append(b.folders, path)
	return nil
}

// restore makes all of it as it was.
func (b *backup) restore() error {
	var failed []error
	for path, data := range b.files {
		file := filepath.Join(b.root, path)
		var err error
		if data == nil {
			if err = os.Remove(file); errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
		} else {
			err = os.WriteFile(file, data, 0o644)
		}
		failed = append(failed, err)
	}
	for _, path := range b.folders {
		failed = append(failed, os.RemoveAll(filepath.Join(b.root, path)))
	}
	return stderrors.Join(failed...)
}
