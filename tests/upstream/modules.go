package main

import (
	"cmp"
	"context"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pkg/errors"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

const (
	toolsDir = "tests/tools"
	// testsDir is the module of the integration tests, which requires the checkout's.
	testsDir = "tests"
	// olderPrefix begins the names of the folders below toolsDir whose module is an
	// older BuildKit. They keep their versions.
	olderPrefix = "buildkit-"
)

// moduleDirs are the folders of the modules that follow upstream, below root.
func moduleDirs(root string) ([]string, error) {
	dirs := []string{".", testsDir, "tests/conformance/suite", toolsDir}
	files, err := filepath.Glob(filepath.Join(root, toolsDir, "*", "go.mod"))
	if err != nil {
		return nil, errors.WithStack(err)
	}
	for _, file := range files {
		if name := filepath.Base(filepath.Dir(file)); !strings.HasPrefix(name, olderPrefix) {
			dirs = append(dirs, path.Join(toolsDir, name))
		}
	}
	return dirs, nil
}

// gomod and gosum are the files of a module's folder.
func gomod(dir string) string { return path.Join(dir, "go.mod") }
func gosum(dir string) string { return path.Join(dir, "go.sum") }

// followed are the modules that a go.mod file follows: those it requires itself
// and those of its tools, but for the checkout's own.
func followed(f *modfile.File) []string {
	var paths []string
	for _, r := range f.Require {
		if !r.Indirect && r.Mod.Path != projectModule {
			paths = append(paths, r.Mod.Path)
		}
	}
	for _, t := range f.Tool {
		longest := ""
		for _, r := range f.Require {
			inside := t.Path == r.Mod.Path || strings.HasPrefix(t.Path, r.Mod.Path+"/")
			if inside && len(r.Mod.Path) > len(longest) {
				longest = r.Mod.Path
			}
		}
		if longest != "" {
			paths = append(paths, longest)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// bumpModule brings one module to the target and to the newest of what it follows.
// Where nothing is newer, its files stay as they are.
func (b *bump) bumpModule(ctx context.Context, dir string) error {
	modFile := filepath.Join(b.root, gomod(dir))
	before := backup{root: b.root}
	for _, files := range []*backup{&b.backup, &before} {
		if err := files.keep(gomod(dir), gosum(dir)); err != nil {
			return err
		}
	}
	f, err := readModFile(modFile)
	if err != nil {
		return err
	}
	paths := followed(f)
	// A module that only comes by BuildKit through others has the version that
	// they require.
	pin, outdated := "", false
	if slices.Contains(paths, buildkit) {
		pin = b.target
		outdated = required(f, buildkit) != pin
	}
	// The exclude lines of both versions, until it is known which one comes out.
	if err := editExcludes(modFile, append(excludes(b.upstream), excludes(f)...)); err != nil {
		return err
	}
	// The tests need at least what the checkout's module requires by now, or the go
	// command does nothing in them.
	moved := outdated || required(f, projectModule) != ""
	if required(f, projectModule) != "" {
		if _, err := b.tool.run(ctx, filepath.Join(b.root, dir), "mod", "tidy"); err != nil {
			return err
		}
	}
	if outdated {
		if _, err := b.tool.run(ctx, filepath.Join(b.root, dir), "get", buildkit+"@"+pin); err != nil {
			return err
		}
	}
	for _, p := range paths {
		if p == buildkit {
			continue
		}
		upgraded, err := b.upgrade(ctx, dir, p, pin)
		if err != nil {
			return err
		}
		moved = moved || upgraded
	}
	if !moved {
		return before.restore()
	}
	return b.finish(ctx, dir)
}

// finish gives a module the exclude lines of the BuildKit that it has come to, and
// tidies it.
func (b *bump) finish(ctx context.Context, dir string) error {
	modFile := filepath.Join(b.root, gomod(dir))
	f, err := readModFile(modFile)
	if err != nil {
		return err
	}
	if version := required(f, buildkit); version != "" {
		m, err := b.tool.query(ctx, b.root, buildkit, version)
		if err != nil {
			return err
		}
		theirs, err := readModFile(m.GoMod)
		if err != nil {
			return err
		}
		if err := editExcludes(modFile, excludes(theirs)); err != nil {
			return err
		}
	}
	_, err = b.tool.run(ctx, filepath.Join(b.root, dir), "mod", "tidy")
	return err
}

// skip is the newest version of a module, which was not taken.
type skip struct {
	where, path, version, reason string
}

// tooNew is how the go command refuses a version, or one that it requires.
var tooNew = regexp.MustCompile(`requires (go >= \S+)`)

// upgrade takes the newest version of a module that the go line allows, and that
// does not require another BuildKit than pin, if there is one. It tells whether
// there was any.
func (b *bump) upgrade(ctx context.Context, dir, path, pin string) (bool, error) {
	f, err := readModFile(filepath.Join(b.root, gomod(dir)))
	if err != nil {
		return false, err
	}
	present := required(f, path)
	newest, err := b.tool.query(ctx, filepath.Join(b.root, dir), path, "upgrade")
	if err != nil || newest.Version == present {
		return false, err
	}
	candidates, err := b.candidates(ctx, dir, present, newest)
	if err != nil {
		return false, err
	}
	for i, version := range candidates {
		reason, err := b.try(ctx, dir, path, version, pin)
		if err != nil {
			return false, err
		}
		if reason == "" {
			say("%s: %s %s -> %s", dir, path, present, version)
			return true, nil
		}
		say("%s: %s %s: %s", dir, path, version, reason)
		if i == 0 { // the newest tells enough
			b.skipped = append(b.skipped, skip{gomod(dir), path, version, reason})
		}
	}
	return false, nil
}

// candidates are the versions above the present one, the newest first. Where that
// is a release, pre-releases are none.
func (b *bump) candidates(ctx context.Context, dir, present string, newest *moduleVersion) ([]string, error) {
	versions, err := b.tool.versions(ctx, filepath.Join(b.root, dir), newest.Path)
	if err != nil {
		return nil, err
	}
	list := []string{newest.Version}
	for _, v := range versions {
		between := semver.Compare(v, present) > 0 && semver.Compare(v, newest.Version) < 0
		if between && (semver.Prerelease(v) == "" || semver.Prerelease(newest.Version) != "") {
			list = append(list, v)
		}
	}
	slices.SortStableFunc(list, func(x, y string) int { return semver.Compare(y, x) })
	return list, nil
}

// try requires a version, or puts the module's files back and tells why that
// version cannot be taken.
func (b *bump) try(ctx context.Context, dir, path, version, pin string) (reason string, err error) {
	before := backup{root: b.root}
	if err := before.keep(gomod(dir), gosum(dir)); err != nil {
		return "", err
	}
	reason, err = b.get(ctx, dir, path, version, pin)
	if err != nil || reason == "" {
		return "", err
	}
	return reason, before.restore()
}

func (b *bump) get(ctx context.Context, dir, path, version, pin string) (reason string, err error) {
	if _, err := b.tool.run(ctx, filepath.Join(b.root, dir), "get", path+"@"+version); err != nil {
		if m := tooNew.FindStringSubmatch(err.Error()); m != nil {
			return "it requires " + m[1], nil
		}
		return "", err
	}
	f, err := readModFile(filepath.Join(b.root, gomod(dir)))
	if err != nil {
		return "", err
	}
	if goLine(f) != b.goLine {
		return "it requires go >= " + goLine(f), nil
	}
	if got := required(f, buildkit); pin != "" && got != pin {
		return "it requires BuildKit " + got, nil
	}
	return "", nil
}

func excludes(f *modfile.File) []module.Version {
	var list []module.Version
	for _, e := range f.Exclude {
		list = append(list, e.Mod)
	}
	return list
}

// editExcludes gives a go.mod file exactly these exclude lines.
func editExcludes(modFile string, want []module.Version) error {
	f, err := readModFile(modFile)
	if err != nil {
		return err
	}
	for _, e := range excludes(f) {
		if !slices.Contains(want, e) {
			if err := f.DropExclude(e.Path, e.Version); err != nil {
				return errors.WithStack(err)
			}
		}
	}
	slices.SortFunc(want, func(x, y module.Version) int {
		return cmp.Or(strings.Compare(x.Path, y.Path), semver.Compare(x.Version, y.Version))
	})
	for _, e := range want {
		if err := f.AddExclude(e.Path, e.Version); err != nil {
			return errors.WithStack(err)
		}
	}
	f.Cleanup()
	data, err := f.Format()
	if err != nil {
		return errors.WithStack(err)
	}
	return errors.WithStack(os.WriteFile(modFile, data, 0o644))
}
