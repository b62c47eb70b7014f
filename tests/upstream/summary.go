package main

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

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

// listTodo is what the run left to a person.
func (b *bump) listTodo(s *summary, older []string) ([]string, error) {
	todo, err := b.compareOwn()
	if err != nil {
		return nil, err
	}
	for _, n := range s.names {
		if n.todo != "" && len(n.added) > 0 {
			todo = append(todo, n.todo+": "+quoted(n.added))
		}
	}
	for _, name := range s.unread {
		todo = append(todo, fmt.Sprintf("%s: not found in BuildKit's source any more; see what became of it, and correct `aspects` in `tests/upstream/facts.go`", name))
	}
	for _, c := range s.changed {
		if c.gone {
			todo = append(todo, fmt.Sprintf("`%s` is not in %s any more: see what became of it, and correct `relied` in `tests/upstream/relied.go`", c.path, c.module))
		}
	}
	if len(s.changed) > 0 {
		todo = append(todo, "read the changes of the sources that pullsafe relies on (below)")
	}
	for _, r := range b.upstream.Replace {
		todo = append(todo, fmt.Sprintf("BuildKit replaces %s by %s, which a module that requires BuildKit does not inherit", r.Old.Path, r.New))
	}
	for _, version := range older {
		todo = append(todo, fmt.Sprintf("`%s/%s%s` is a new row of `make compat`; remove the module of an older version if the rows are too many", toolsDir, olderPrefix, version))
	}
	for _, k := range s.skipped {
		todo = append(todo, fmt.Sprintf("`%s`: %s %s was not taken: %s", k.where, k.path, k.version, k.reason))
	}
	return append(todo,
		"`make test` and `make conformance`; words of errors that changed fail there: add the new ones to `matchers` in `frontend/diagnosis`, keep the old",
		"`make compat`, `make faults`, `make bench` and `make picture`; commit the tables and pictures that they write"), nil
}

// compareOwn compares what this checkout repeats of BuildKit's source.
func (b *bump) compareOwn() ([]string, error) {
	var todo []string
	ours, err := labelCaps(filepath.Join(b.root, "Dockerfile"))
	if err != nil {
		return nil, err
	}
	theirs, err := labelCaps(filepath.Join(b.source, upstreamImage))
	if err != nil {
		theirs = ours // listed among the aspects that cannot be read
	}
	if list := missing(ours, theirs); len(list) > 0 {
		todo = append(todo, "add to the label in `Dockerfile`, and to `upstreamCaps` in `tests/dropin/image_test.go`: "+quoted(list))
	}
	if list := missing(theirs, ours); len(list) > 0 {
		todo = append(todo, "upstream's image does not list any more what the label in `Dockerfile` has: "+quoted(list))
	}
	upstream, err := readTags(filepath.Join(b.source, upstreamTags))
	if err != nil {
		return nil, err
	}
	own, err := readTags(filepath.Join(b.root, ourTags))
	if err != nil {
		return nil, err
	}
	if list := missing(slices.Collect(maps.Keys(own)), slices.Collect(maps.Keys(upstream))); len(list) > 0 {
		todo = append(todo, "upstream has a new channel, which needs a folder in `"+ourTags+"`, targets in `docker-bake.hcl` and tags in `.ci/release-bake`: "+quoted(list))
	}
	if list := missing(slices.Collect(maps.Keys(upstream)), slices.Collect(maps.Keys(own))); len(list) > 0 {
		todo = append(todo, "upstream has no such channel any more: "+quoted(list))
	}
	return todo, nil
}

func quoted(names []string) string {
	return "`" + strings.Join(names, "`, `") + "`"
}
