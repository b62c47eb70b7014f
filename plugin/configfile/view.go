package configfile

import (
	"encoding/json"
	stderrors "errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/pkg/errors"
)

const fileName = "config.json"

// View makes a temporary folder that is the configuration of dir but for what change
// makes of its config.json: contexts, TLS material, plugins and buildx's state are
// those of dir. The caller calls remove.
func View(dir string, change func(map[string]json.RawMessage) error) (view string, remove func() error, err error) {
	view, err = os.MkdirTemp("", "pullsafe-config-")
	if err != nil {
		return "", nil, errors.WithStack(err)
	}
	remove = func() error { return errors.WithStack(os.RemoveAll(view)) } // links are removed, not what they lead to
	if err := fill(view, dir, change); err != nil {
		return "", nil, stderrors.Join(err, remove())
	}
	return view, remove, nil
}

func fill(view, dir string, change func(map[string]json.RawMessage) error) error {
	doc := map[string]json.RawMessage{}
	text, err := os.ReadFile(filepath.Join(dir, fileName)) //nolint:gosec // G304: Docker's configuration
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return errors.WithStack(err)
	}
	if err == nil {
		if err := json.Unmarshal(text, &doc); err != nil {
			return errors.Wrap(err, "Docker's configuration")
		}
	}
	if err := change(doc); err != nil {
		return err
	}
	if text, err = json.Marshal(doc); err != nil {
		return errors.WithStack(err)
	}
	if err := os.WriteFile(filepath.Join(view, fileName), text, 0o600); err != nil {
		return errors.WithStack(err)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return errors.WithStack(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return errors.WithStack(err)
	}
	for _, e := range entries {
		if e.Name() == fileName {
			continue
		}
		if err := link(filepath.Join(dir, e.Name()), filepath.Join(view, e.Name()), e.IsDir()); err != nil {
			return err
		}
	}
	return nil
}

// link is a symbolic link, or a copy where the system allows none (Windows).
func link(from, to string, isDir bool) error {
	err := os.Symlink(from, to)
	if err == nil {
		return nil
	}
	if isDir {
		return errors.WithStack(os.CopyFS(to, os.DirFS(from)))
	}
	text, err := os.ReadFile(from) //nolint:gosec // G304: Docker's configuration
	if err != nil {
		return errors.WithStack(err)
	}
	return errors.WithStack(os.WriteFile(to, text, 0o600)) //nolint:gosec // G703: in our own folder
}

// WithoutCredentials removes all that a client could send to a registry. An entry that
// is nobody's keeps the Docker CLI from the system's credential store, which it takes
// where there is none.
func WithoutCredentials(doc map[string]json.RawMessage) error {
	Delete(doc, "auths", "credsStore", "credHelpers")
	doc["auths"] = json.RawMessage(`{"pullsafe.invalid": {}}`)
	return nil
}

// Delete removes keys, in whatever letter case, as Docker reads them.
func Delete(doc map[string]json.RawMessage, keys ...string) {
	for name := range doc {
		for _, key := range keys {
			if strings.EqualFold(name, key) {
				delete(doc, name)
			}
		}
	}
}
