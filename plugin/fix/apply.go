package fix

import (
	"context"
	stderrors "errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/registry"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/plugin/credentials"
	"github.com/org/pullsafe/plugin/finding"
	"github.com/org/pullsafe/plugin/output"
	"github.com/org/pullsafe/plugin/probe"
)

// Apply makes the change and looks the credentials up again, in a store that reopen
// has read anew. It is an error if they are still found; files that turned out to
// have no effect are removed again. A helper program gets no more than limit.
func (a *Action) Apply(ctx context.Context, limit time.Duration, reopen func() (*credentials.Store, error)) error {
	switch a.Mode {
	case KeepForPush:
		if err := a.write(); err != nil {
			return err
		}
		if err := a.verify(ctx, reopen); err != nil {
			return stderrors.Join(err, remove(a.Write))
		}
		return nil
	case anonymous:
		return a.silence(ctx, reopen)
	case Off, Remove:
	}
	err := a.erase(ctx, limit)
	if err == nil {
		err = a.verify(ctx, reopen)
	}
	if err != nil && a.Source.Helped() {
		return errors.New(err.Error() + "; " + output.Instead(&a.Entry))
	}
	return err
}

// Anonymous tells that the change is one to the host aliases alone.
func (a *Action) Anonymous() bool { return a.Mode == anonymous }

// Fixed marks the findings that an applied change has helped.
func (a *Action) Fixed() {
	if a.Mode == anonymous {
		for _, f := range a.Findings {
			if f.Free != nil {
				f.Outcome = report.OKWithoutCredentials
			}
		}
		return
	}
	for _, f := range a.Public() {
		f.Outcome = report.OK
	}
}

// silence has docker ask no helper for the aliases, and looks up what it finds for them
// then. A change that has no effect is taken back.
func (a *Action) silence(ctx context.Context, reopen func() (*credentials.Store, error)) error {
	file := a.File
	if resolved, err := filepath.EvalSymlinks(file); err == nil {
		file = resolved
	}
	if err := edit(file, func(text []byte) ([]byte, error) { return withoutHelper(text, a.Aliases) }); err != nil {
		return err
	}
	err := a.silenced(ctx, reopen)
	if err == nil {
		return nil
	}
	return stderrors.Join(err, edit(file, func(text []byte) ([]byte, error) { return without(text, credHelpers, a.Aliases) }))
}

func (a *Action) silenced(ctx context.Context, reopen func() (*credentials.Store, error)) error {
	store, err := reopen()
	if err != nil {
		return errors.Wrap(err, output.FixUnverified)
	}
	for _, f := range a.Findings {
		if f.Free == nil {
			continue
		}
		switch left, err := store.Lookup(ctx, f.Free.Host, credentials.PullScopes(finding.Repository(f.Ref))); {
		case err != nil:
			return errors.Wrap(err, output.FixUnverified)
		case !left.Empty():
			return errors.New(output.StillStored(left.Source))
		}
	}
	return nil
}

// erase removes the entry, and then what goes with it. It does not go by docker/cli's
// Erase, which takes a key that is not there for a success: of several spellings one
// always is, whatever became of the file.
func (a *Action) erase(ctx context.Context, limit time.Duration) error {
	var errs []error
	edited := map[string]bool{}
	for i, e := range a.Erase {
		var err error
		if e.Helper != "" {
			err = credentials.Erase(ctx, e, limit)
		} else if !edited[e.File] {
			edited[e.File] = true
			err = edit(e.File, func(text []byte) ([]byte, error) { return without(text, auths, a.keys(e.File)) })
		}
		if err != nil {
			errs = append(errs, errors.Wrap(err, output.Entry(e)))
		}
		if err != nil && i == 0 {
			break
		}
	}
	return stderrors.Join(errs...)
}

// keys are those that are removed from a file.
func (a *Action) keys(file string) []string {
	var out []string
	for _, e := range a.Erase {
		if e.File == file {
			out = append(out, e.Key)
		}
	}
	return out
}

// verify looks up what is sent now to each registry that rejected the entry.
func (a *Action) verify(ctx context.Context, reopen func() (*credentials.Store, error)) error {
	store, err := reopen()
	if err != nil {
		return errors.Wrap(err, output.FixUnverified)
	}
	for _, f := range a.Findings {
		if a.Mode == KeepForPush && f.Outcome != report.OKWithoutCredentials {
			continue // no file is for it
		}
		var scopes []string
		if f.Scheme != probe.Basic {
			scopes = credentials.PullScopes(finding.Repository(f.Ref))
		}
		left, err := store.Lookup(ctx, f.Host, scopes)
		switch {
		case err != nil:
			return errors.Wrap(err, output.FixUnverified)
		case left.Empty():
		case left.Source.Entry() == a.Source.Entry():
			return errors.New(output.StillStored(left.Source))
		default:
			return errors.New(output.NowSent(f, left.Source))
		}
	}
	return nil
}

// write makes all files or none.
func (a *Action) write() error {
	for i, file := range a.Write {
		if err := writeNew(file); err != nil {
			return stderrors.Join(err, remove(a.Write[:i]))
		}
	}
	return nil
}

// writeNew makes a file. One that is there is left: it is somebody's.
func writeNew(file File) error {
	if err := os.MkdirAll(filepath.Dir(file.Name), 0o700); err != nil {
		return errors.WithStack(err)
	}
	f, err := os.OpenFile(file.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return errors.Wrap(err, "not written")
	}
	_, err = f.WriteString(file.Content)
	if err = stderrors.Join(err, f.Close()); err != nil {
		return errors.WithStack(stderrors.Join(err, os.Remove(file.Name)))
	}
	return nil
}

func remove(files []File) error {
	var errs []error
	for _, f := range files {
		errs = append(errs, os.Remove(f.Name))
	}
	return errors.WithStack(stderrors.Join(errs...))
}

// Undo is the command that takes the change back.
func (a *Action) Undo() string {
	if a.Mode == anonymous {
		return output.UndoAliases(a.Aliases, a.File)
	}
	if a.Mode != KeepForPush {
		return registry.LoginCommand(a.Source.Entry().Host())
	}
	var names []string
	for _, f := range a.Write {
		names = append(names, quote(f.Name))
	}
	return "rm -- " + strings.Join(names, " ")
}
