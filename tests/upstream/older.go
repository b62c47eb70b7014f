package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pkg/errors"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// keepOlder gives the previous minor version a module of its own, which makes it a
// daemon of the compatibility tests: build.sh and tests/compat list the folders.
func (b *bump) keepOlder(ctx context.Context) error {
	if minor(b.present) == minor(b.target) {
		return nil
	}
	dir := path.Join(toolsDir, olderPrefix+minor(b.present))
	if _, err := os.Stat(filepath.Join(b.root, dir)); err == nil {
		return nil
	}
	say("%s: BuildKit %s stays for the compatibility tests", dir, b.present)
	m, err := b.tool.query(ctx, b.root, buildkit, b.present)
	if err != nil {
		return err
	}
	theirs, err := readModFile(m.GoMod)
	if err != nil {
		return err
	}
	if err := b.backup.mkdir(dir); err != nil {
		return err
	}
	text := olderModule(projectModule+"/"+dir, b.goLine, excludes(theirs))
	if err := b.backup.write(gomod(dir), []byte(text)); err != nil {
		return err
	}
	if _, err := b.tool.run(ctx, filepath.Join(b.root, dir), "get", buildkit+"@"+b.present); err != nil {
		return err
	}
	return b.finish(ctx, dir)
}

// olderModule is the go.mod file of an older daemon.
func olderModule(name, goLine string, exclude []module.Version) string {
	var text strings.Builder
	text.WriteString("// An older daemon. Its module cannot share dependencies with the newer ones.\n")
	fmt.Fprintf(&text, "module %s\n\ngo %s\n\n", name, goLine)
	if len(exclude) > 0 {
		text.WriteString("// BuildKit excludes these versions for itself; a module that requires BuildKit\n" +
			"// has to repeat it, or its dependencies do not resolve.\nexclude (\n")
		for _, e := range exclude {
			fmt.Fprintf(&text, "\t%s %s\n", e.Path, e.Version)
		}
		text.WriteString(")\n\n")
	}
	text.WriteString("tool github.com/moby/buildkit/cmd/buildkitd\n")
	return text.String()
}

// olderVersions are the minor versions that have a module of their own, the oldest
// first.
func olderVersions(root string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(root, toolsDir, olderPrefix+"*", "go.mod"))
	if err != nil {
		return nil, errors.WithStack(err)
	}
	var list []string
	for _, file := range files {
		list = append(list, strings.TrimPrefix(filepath.Base(filepath.Dir(file)), olderPrefix))
	}
	slices.SortFunc(list, func(x, y string) int { return cmp.Or(semver.Compare("v"+x, "v"+y), strings.Compare(x, y)) })
	return list, nil
}
