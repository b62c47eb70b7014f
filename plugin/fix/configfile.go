package fix

import (
	"bytes"
	stderrors "errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pkg/errors"
	"github.com/tailscale/hujson"

	"github.com/org/pullsafe/plugin/output"
)

// writes bounds how often an edit begins again because another program has written
// the file in the meantime.
const writes = 5

// removeAuths deletes keys below "auths" of a config.json, whose path has no
// symbolic link, and leaves all else in it as it is: docker/cli's Save drops what it
// does not know. The file is replaced at once, or not at all.
func removeAuths(name string, keys []string) error {
	for range writes {
		before, text, err := read(name)
		if err != nil {
			return err
		}
		edited, err := withoutAuths(text, keys)
		if err != nil {
			return errors.Wrap(err, output.FixUnreadable)
		}
		if bytes.Equal(edited, text) {
			return nil
		}
		if done, err := replace(name, before, edited); done || err != nil {
			return err
		}
	}
	return errors.New(output.FixBusy)
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

// withoutAuths is the text without the keys. As for docker, "auths" may be there
// several times and in any letter case.
func withoutAuths(text []byte, keys []string) ([]byte, error) {
	root, err := hujson.Parse(text)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	object, ok := root.Value.(*hujson.Object)
	if !ok || !root.IsStandard() {
		return nil, errors.New("it is no JSON object")
	}
	for i := range object.Members {
		auths, ok := object.Members[i].Value.Value.(*hujson.Object)
		if !ok || !strings.EqualFold(memberName(object.Members[i]), "auths") {
			continue
		}
		auths.Members = slices.DeleteFunc(auths.Members, func(m hujson.ObjectMember) bool {
			return slices.Contains(keys, memberName(m))
		})
		if last := len(auths.Members) - 1; last >= 0 {
			auths.Members[last].Value.AfterExtra = nil // white space before a comma, which would keep the comma
		} else {
			auths.AfterExtra = nil
		}
	}
	return root.Pack(), nil
}

func memberName(m hujson.ObjectMember) string {
	name, _ := m.Name.Value.(hujson.Literal)
	return name.String()
}

// replace puts a file with the same mode and owner in the place of another, unless
// that is no longer the one that was read: done is false then.
func replace(name string, before os.FileInfo, text []byte) (done bool, err error) {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return false, errors.WithStack(err)
	}
	defer func() {
		if !done {
			err = stderrors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(text)
	err = stderrors.Join(err, f.Chmod(before.Mode().Perm()), keepOwner(f, before), f.Sync(), f.Close())
	if err != nil {
		return false, errors.WithStack(err)
	}
	now, err := os.Stat(name)
	if err != nil {
		return false, errors.WithStack(err)
	}
	if !os.SameFile(before, now) || !now.ModTime().Equal(before.ModTime()) || now.Size() != before.Size() {
		return false, nil
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return false, errors.WithStack(err)
	}
	return true, nil
}
