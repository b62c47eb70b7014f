package configfile

import (
	"bytes"
	stderrors "errors"
	"io"
	"os"
	"path/filepath"

	"github.com/pkg/errors"
)

// writes bounds how often an edit begins again because another program has written
// the file in the meantime.
const writes = 5

// ErrBusy is the error of an edit when other programs kept writing the file.
var ErrBusy = errors.New("other programs keep writing the file, so it is not changed")

// Edit replaces the text of a file, whose path has no symbolic link, by what edit
// makes of it; edit is called again if the file has changed. A text that stays as it
// is is not written.
func Edit(name string, edit func(text []byte) ([]byte, error)) error {
	for range writes {
		before, text, err := read(name)
		if err != nil {
			return err
		}
		edited, err := edit(bytes.Clone(text))
		if err != nil {
			return err
		}
		if bytes.Equal(edited, text) {
			return nil
		}
		if done, err := replace(name, before, text, edited); done || err != nil {
			return err
		}
	}
	return errors.WithStack(ErrBusy)
}

func read(name string) (os.FileInfo, []byte, error) {
	f, err := os.Open(name) //nolint:gosec // G304: a configuration of docker's
	if err != nil {
		return nil, nil, errors.WithStack(err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, errors.WithStack(err)
	}
	text, err := io.ReadAll(f)
	return info, text, errors.WithStack(err)
}

// replace puts a file with the same mode and owner in the place of another, unless
// that is no longer the one that was read, or no longer has that text: done is false
// then.
func replace(name string, before os.FileInfo, text, edited []byte) (done bool, err error) {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return false, errors.WithStack(err)
	}
	defer func() {
		if !done {
			err = stderrors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(edited)
	err = stderrors.Join(err, f.Chmod(before.Mode().Perm()), keepOwner(f, before), f.Sync(), f.Close())
	if err != nil {
		return false, errors.WithStack(err)
	}
	now, is, err := read(name)
	if err != nil {
		return false, err
	}
	if !os.SameFile(before, now) || !bytes.Equal(is, text) {
		return false, nil
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return false, errors.WithStack(err)
	}
	return true, nil
}
