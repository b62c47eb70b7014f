package fix

import (
	stderrors "errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker/cli/cli/config"
	dockercredentials "github.com/docker/cli/cli/config/credentials"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/plugin/finding"
)

// Apply makes the change. It reads the configuration anew, so that what another
// program has written in the meantime stays, and does not touch one that it
// cannot read.
func (a *Action) Apply() error {
	if a.Mode == KeepForPush {
		return a.write()
	}
	return a.erase()
}

// write makes all files or none.
func (a *Action) write() error {
	for i, name := range a.Write {
		if err := writeEmpty(name); err != nil {
			for _, made := range a.Write[:i] {
				err = stderrors.Join(err, os.Remove(made))
			}
			return err
		}
	}
	return nil
}

func (a *Action) erase() error {
	dir := filepath.Dir(a.Registry.Source.File)
	file, err := config.Load(dir)
	if err != nil {
		return errors.Wrap(err, "the configuration cannot be read, so it is not changed")
	}
	if !file.ContainsAuth() && !a.Registry.Source.Scoped {
		// Without a helper in the file, the Docker CLI takes the system's.
		file.CredentialsStore = dockercredentials.DetectDefaultStore(file.CredentialsStore)
	}
	var errs []error
	for _, key := range a.Erase {
		if err := file.GetCredentialsStore(key).Erase(key); err != nil {
			errs = append(errs, err)
		}
	}
	// A helper may not know the other forms of the name. docker logout is content
	// when one of them worked; here it is looked up again.
	if len(errs) == len(a.Erase) {
		return errors.Wrap(errs[0], "the login could not be removed")
	}
	return nil
}

// writeEmpty makes a file that says: no credentials. One that is there is left:
// it is somebody's.
func writeEmpty(name string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return errors.WithStack(err)
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // G304: below buildx's folder
	if err != nil {
		return errors.Wrap(err, "not written")
	}
	_, err = f.WriteString("{}\n")
	return errors.WithStack(stderrors.Join(err, f.Close()))
}

// Undo is the command that takes the change back.
func (a *Action) Undo() string {
	switch {
	case a.Mode == KeepForPush:
		var dirs []string
		for _, name := range a.Write {
			dirs = append(dirs, "'"+filepath.Dir(name)+"'")
		}
		return "rm -r " + strings.Join(dirs, " ")
	case slices.Contains(a.Erase, a.Registry.Host):
		return "docker login " + a.Registry.Domain
	default:
		return "docker login"
	}
}

// Scope is the scope of a token for the image that was refused.
func (a *Action) Scope() string {
	return "repository:" + finding.Repository(a.Registry.Example) + ":pull"
}
