package install

import (
	"bytes"
	stderrors "errors"
	"os"
	"path/filepath"

	"github.com/pkg/errors"

	"github.com/org/pullsafe/plugin/configfile"
)

// empty is a configuration with nothing in it, laid out as docker does it.
const empty = "{\n}"

// File is a config.json of Docker's.
type File struct {
	// Name has no symbolic link in it.
	Name string
	// Missing: there is no such file yet.
	Missing bool
}

// Find resolves the name of a config.json.
func Find(name string) (File, error) {
	resolved, err := filepath.EvalSymlinks(name)
	if err == nil {
		return File{Name: resolved}, nil
	}
	if _, linked := os.Readlink(name); !errors.Is(err, os.ErrNotExist) || linked == nil {
		return File{}, errors.Wrap(err, "it cannot be read") // a link that leads nowhere, or a loop
	}
	return File{Name: name, Missing: true}, nil
}

// Read says what of the settings is on.
func (f File) Read(withHooks bool) ([]Setting, error) {
	text := []byte(empty)
	if !f.Missing {
		var err error
		if text, err = os.ReadFile(f.Name); err != nil {
			return nil, errors.WithStack(err)
		}
	}
	return Read(text, withHooks)
}

// Back says what Off would change.
func (f File) Back() ([]Setting, error) {
	if f.Missing {
		return nil, nil
	}
	text, err := os.ReadFile(f.Name)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	return Back(text)
}

// On writes the settings.
func (f File) On(withHooks bool) error {
	if f.Missing {
		return f.create(withHooks)
	}
	return configfile.Edit(f.Name, func(text []byte) ([]byte, error) { return On(text, withHooks, false) })
}

func (f File) create(withHooks bool) error {
	text, err := On([]byte(empty), withHooks, true)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(f.Name), 0o700); err != nil {
		return errors.WithStack(err)
	}
	file, err := os.OpenFile(f.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return File{Name: f.Name}.On(withHooks)
	}
	if err != nil {
		return errors.WithStack(err)
	}
	_, err = file.Write(text)
	return errors.WithStack(stderrors.Join(err, file.Close()))
}

// Off takes the settings back.
func (f File) Off() error {
	if f.Missing {
		return nil
	}
	remove := false
	var last []byte
	err := configfile.Edit(f.Name, func(text []byte) ([]byte, error) {
		var err error
		last, remove, err = Off(text)
		return last, err
	})
	if err != nil || !remove {
		return err
	}
	if now, err := os.ReadFile(f.Name); err != nil || !bytes.Equal(now, last) {
		return errors.WithStack(err) // somebody has written it, and it is his now
	}
	return errors.WithStack(os.Remove(f.Name))
}
