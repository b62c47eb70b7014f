package main

import (
	"context"
	"maps"
	"path/filepath"
	"slices"

	"github.com/pkg/errors"
	"golang.org/x/mod/modfile"
)

// baseline is what the summary compares with: the go.mod files and the Makefile of
// a Git revision.
type baseline struct {
	revision string
	buildkit string
	modules  map[string]*modfile.File // by folder
	programs map[string]string        // of the Makefile, by module
}

func readBaseline(ctx context.Context, root, revision string) (*baseline, error) {
	if _, err := git(ctx, root, "rev-parse", "--quiet", "--verify", revision+"^{commit}"); err != nil {
		return nil, errors.Wrapf(err, "%q is not a Git revision", revision)
	}
	dirs, err := moduleDirs(root)
	if err != nil {
		return nil, err
	}
	base := &baseline{modules: map[string]*modfile.File{}}
	for _, dir := range dirs {
		name := gomod(dir)
		text, err := git(ctx, root, "show", revision+":"+name)
		if err != nil && dir != "." {
			continue // a module that the revision does not have
		}
		if err != nil {
			return nil, err
		}
		if base.modules[dir], err = modfile.Parse(name, text, nil); err != nil {
			return nil, errors.Wrap(err, revision)
		}
	}
	base.buildkit = required(base.modules["."], buildkit)
	makefile, err := git(ctx, root, "show", revision+":Makefile")
	base.revision, base.programs = revision, programs(string(makefile))
	return base, err
}

// newOlder are the older versions of BuildKit that have a module now, but not in the
// revision.
func (base *baseline) newOlder(ctx context.Context, root string) ([]string, error) {
	all, err := olderVersions(root)
	return slices.DeleteFunc(all, func(version string) bool {
		_, err := git(ctx, root, "cat-file", "-e", base.revision+":"+gomod(toolsDir+"/"+olderPrefix+version))
		return err == nil
	}), err
}

// programs are the modules that a Makefile runs, with their versions.
func programs(makefile string) map[string]string {
	list := map[string]string{}
	for _, m := range pinnedTools.FindAllStringSubmatch(makefile, -1) {
		list[m[1]] = m[2]
	}
	return list
}

// names is an aspect of the two versions of BuildKit.
type names struct {
	aspect
	added, gone []string
}

// summary is what the text is made of.
type summary struct {
	before, after             string // versions of BuildKit
	dockerfile, oldDockerfile string
	names                     []names
	unread                    []string // aspects that are not where they were
	changed                   []*changedSource
	unchanged                 []source
	versions                  []versionChange
	skipped                   []skip
	todo                      []string
}

// versionChange is a module whose version is another one than before.
type versionChange struct {
	path, where, before, after string
}

// summarize compares the checkout with the baseline.
func (b *bump) summarize(ctx context.Context, old *baseline) (string, error) {
	say("comparing with BuildKit %s", old.buildkit)
	s := &summary{before: old.buildkit, after: b.target, skipped: b.skipped}
	m, err := b.tool.download(ctx, b.root, buildkit, old.buildkit)
	if err != nil {
		return "", err
	}
	if err := s.compareFacts(m.Dir, b.source); err != nil {
		return "", err
	}
	now, err := b.currentModules()
	if err != nil {
		return "", err
	}
	if err := s.compareVersions(b.root, old, now); err != nil {
		return "", err
	}
	if err := s.compareRelied(ctx, b, old, now); err != nil {
		return "", err
	}
	older, err := old.newOlder(ctx, b.root)
	if err != nil {
		return "", err
	}
	s.todo, err = b.listTodo(s, older)
	return s.markdown(), err
}

func (b *bump) currentModules() (map[string]*modfile.File, error) {
	dirs, err := moduleDirs(b.root)
	if err != nil {
		return nil, err
	}
	now := map[string]*modfile.File{}
	for _, dir := range dirs {
		if now[dir], err = readModFile(filepath.Join(b.root, dir, "go.mod")); err != nil {
			return nil, err
		}
	}
	return now, nil
}

func (s *summary) compareFacts(before, after string) (err error) {
	if s.oldDockerfile, err = dockerfileVersion(before); err != nil {
		return err
	}
	if s.dockerfile, err = dockerfileVersion(after); err != nil {
		return err
	}
	for _, a := range aspects {
		old, errOld := a.read(before)
		now, errNow := a.read(after)
		if len(old) == 0 || len(now) == 0 || errOld != nil || errNow != nil {
			s.unread = append(s.unread, a.name)
			continue
		}
		s.names = append(s.names, names{a, missing(old, now), missing(now, old)})
	}
	return nil
}

// missing are the names of the second list that the first has not, in order.
func missing(from, list []string) []string {
	known := map[string]bool{}
	for _, name := range from {
		known[name] = true
	}
	found := map[string]bool{}
	for _, name := range list {
		if !known[name] {
			found[name] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func (s *summary) compareVersions(root string, old *baseline, now map[string]*modfile.File) error {
	dirs, err := moduleDirs(root)
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		for _, p := range followed(now[dir]) {
			before := ""
			if f := old.modules[dir]; f != nil {
				before = required(f, p)
			}
			if after := required(now[dir], p); after != before {
				s.versions = append(s.versions, versionChange{p, gomod(dir), before, after})
			}
		}
	}
	makefile, err := readText(root, "Makefile")
	if err != nil {
		return err
	}
	after := programs(makefile)
	for _, p := range slices.Sorted(maps.Keys(after)) {
		if before := old.programs[p]; before != after[p] {
			s.versions = append(s.versions, versionChange{p, "Makefile", before, after[p]})
		}
	}
	return nil
}

// compareRelied looks at each source in the versions of its module before and now.
func (s *summary) compareRelied(ctx context.Context, b *bump, old *baseline, now map[string]*modfile.File) error {
	for _, r := range relied {
		dir := "."
		if required(now[dir], r.module) == "" {
			dir = toolsDir
		}
		after, before := required(now[dir], r.module), ""
		if f := old.modules[dir]; f != nil {
			before = required(f, r.module)
		}
		if before == "" || before == after {
			s.unchanged = append(s.unchanged, r)
			continue
		}
		folders := [2]string{}
		for i, version := range []string{before, after} {
			m, err := b.tool.download(ctx, b.root, r.module, version)
			if err != nil {
				return err
			}
			folders[i] = m.Dir
		}
		c, err := diffSource(ctx, r, folders[0], folders[1])
		if err != nil {
			return err
		}
		if c.gone || len(c.files) > 0 {
			s.changed = append(s.changed, c)
		} else {
			s.unchanged = append(s.unchanged, r)
		}
	}
	return nil
}
