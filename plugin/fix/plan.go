package fix

import (
	"context"
	"slices"

	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/registry"
	"github.com/org/pullsafe/plugin/credentials"
	"github.com/org/pullsafe/plugin/finding"
	"github.com/org/pullsafe/plugin/output"
	"github.com/org/pullsafe/plugin/probe"
)

// Mode is the value of --fix.
type Mode string

// The modes. Off is none.
const (
	Off         Mode = ""
	Remove      Mode = "remove"
	KeepForPush Mode = "keep-for-push"

	// anonymous is what Remove does where the credentials have to stay and nothing but a
	// helper that answers, or fails, for the host aliases too keeps builds from the
	// anonymous fallback.
	anonymous Mode = "anonymous"
)

// ParseMode reads the value of --fix.
func ParseMode(value string) (Mode, error) {
	switch m := Mode(value); m {
	case Off, Remove, KeepForPush:
		return m, nil
	case anonymous:
		fallthrough // no value of the option
	default:
		return Off, errors.Errorf("--fix=%s: must be --fix=%s (the same as --fix) or --fix=%s", value, Remove, KeepForPush)
	}
}

// Action is one change, to one entry.
type Action struct {
	finding.Entry

	Mode Mode
	// Erase are the entries that are removed: first the one that was rejected, then
	// those that `docker logout` removes with it.
	Erase []credentials.Entry
	// Write are the files that are made.
	Write []File
	// Aliases are the host aliases for which File is to name no helper.
	Aliases []string
	File    string
}

// File is one of buildx's own folder.
type File struct{ Name, Content string }

// Skipped is an entry that was rejected and is left as it is.
type Skipped struct {
	Source credentials.Source
	Why    string
	// Failed: it should have been changed, and cannot be.
	Failed bool
}

// Store is what is asked about entries; [credentials.Store] is one.
type Store interface {
	BuildxDir() string
	Siblings(ctx context.Context, of credentials.Source) []credentials.Entry
}

// Plan says what is to be done, and what was rejected and is not touched.
func Plan(ctx context.Context, findings []finding.Finding, mode Mode, store Store) (actions []Action, skipped []Skipped) {
	entries := finding.Entries(findings)
	for i := range entries {
		e := &entries[i]
		s := e.Sparing()
		if !e.Rejected() && (s == nil || s.Verdict != finding.HelperFailed) {
			continue
		}
		if free := e.Free(); mode == Remove && len(free) > 0 && (s != nil || e.Source.CannotErase()) {
			actions = append(actions, aliasAction(e, free))
			continue
		}
		if why := untouchable(e, mode); why != "" {
			skipped = append(skipped, Skipped{e.Source, why, mode == Remove && e.Source.CannotErase() && s == nil})
			continue
		}
		actions = append(actions, change(ctx, entries, e, mode, store))
	}
	return actions, skipped
}

// change is the one to an entry, in the mode that was asked for.
func change(ctx context.Context, entries []finding.Entry, e *finding.Entry, mode Mode, store Store) Action {
	a := Action{Entry: *e, Mode: mode}
	if mode == KeepForPush {
		a.Write = files(e, store.BuildxDir())
		return a
	}
	a.Erase = append(a.Erase, e.Source.Entry())
	for _, sibling := range store.Siblings(ctx, e.Source) {
		if !spared(entries, sibling) {
			a.Erase = append(a.Erase, sibling)
		}
	}
	return a
}

// aliasAction has the helper not be asked for aliases.
func aliasAction(e *finding.Entry, free []finding.Alias) Action {
	a := Action{Entry: *e, Mode: anonymous, File: free[0].Source.File}
	for _, alias := range free {
		a.Aliases = append(a.Aliases, alias.Host)
	}
	return a
}

// spared tells whether an answer keeps a sibling of an entry from being removed.
func spared(entries []finding.Entry, sibling credentials.Entry) bool {
	return slices.ContainsFunc(entries, func(e finding.Entry) bool {
		return e.Source.Entry() == sibling && e.Sparing() != nil
	})
}

// untouchable is why an entry must stay, or "".
func untouchable(e *finding.Entry, mode Mode) string {
	switch s := e.Sparing(); {
	case s != nil:
		return output.Spared(s)
	case len(e.Public()) == 0:
		return output.FixNotPublic
	case e.Source.Kind == credentials.Environment:
		return output.FixEnvironment
	case mode == KeepForPush:
		return unkeepable(e)
	case e.Source.CannotErase():
		return output.CannotErase(e.Source)
	case !e.AskedAtHome():
		return output.NotAtHome(e)
	}
	return ""
}

// unkeepable is why an entry cannot be kept for pushes alone, or "".
func unkeepable(e *finding.Entry) string {
	basic := slices.ContainsFunc(e.Public(), func(f *finding.Finding) bool { return f.Scheme == probe.Basic })
	switch {
	case e.Source.Scoped:
		return output.FixScoped
	case basic:
		return output.FixNoTokens
	}
	return ""
}

// files are those with which buildx pulls the public images without credentials.
func files(e *finding.Entry, buildxDir string) []File {
	var out []File
	for _, f := range e.Public() {
		file := File{credentials.ScopedFile(buildxDir, f.Host, finding.Repository(f.Ref)), registry.AnonymousConfig(f.Host) + "\n"}
		if !slices.Contains(out, file) {
			out = append(out, file)
		}
	}
	return out
}
