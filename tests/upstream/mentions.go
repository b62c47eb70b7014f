package main

import (
	"context"
	"fmt"
	"go/version"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pkg/errors"
	"golang.org/x/mod/semver"
)

// named are the versions that files outside of go.mod files name.
type named struct {
	pullsafe   string   // of version/version.go
	buildkit   string   // v0.34.2
	dockerfile string   // of the frontend in that BuildKit: 1.28.0
	older      []string // older minor versions of BuildKit that are tested: 0.12, 0.17
}

// mention is a place that names a version: what the only group of where matches is
// replaced. Texts that tell which version of a source was read are none: they
// are true of that version.
type mention struct {
	file  string
	where *regexp.Regexp
	text  func(named) string
}

var mentions = []mention{
	// The label of the image, which has the channel behind it.
	{"Dockerfile", regexp.MustCompile(`(?m)^ARG DOCKERFILE_VERSION=([\d.]+)-`), func(v named) string { return v.dockerfile }},
	{"README.md", regexp.MustCompile(`\[BuildKit (\d\S* to \d[\d.]*),`), func(v named) string { return v.older[0] + " to " + minor(v.buildkit) }},
	{"README.zh-CN.md", regexp.MustCompile(`\[BuildKit (\d\S* 到 \d[\d.]*)、`), func(v named) string { return v.older[0] + " 到 " + minor(v.buildkit) }},
	{"docs/clients.md", regexp.MustCompile(`(?m)^Tested with the real programs: BuildKit (\d.*? and \d[\d.]*),`), func(v named) string {
		return strings.Join(v.older, ", ") + " and " + minor(v.buildkit)
	}},
}

// readNamed reads the versions from the files that they come from; the Dockerfile
// frontend's is BuildKit's own business.
func readNamed(root, dockerfile string) (named, error) {
	v := named{dockerfile: dockerfile}
	product, err := readModFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return v, err
	}
	v.buildkit = required(product, buildkit)
	if v.older, err = olderVersions(root); err != nil {
		return v, err
	}
	if len(v.older) == 0 {
		return v, errors.Errorf("no module of an older BuildKit in %s", toolsDir)
	}
	source, err := os.ReadFile(filepath.Join(root, versionFile))
	if err != nil {
		return v, errors.WithStack(err)
	}
	m := versionLine.FindSubmatch(source)
	if m == nil {
		return v, errors.Errorf("%s has no Version", versionFile)
	}
	v.pullsafe = string(m[2])
	return v, nil
}

// rewrite returns the text of a file with the versions that it shall name.
func (v named) rewrite(file, text string) (string, error) {
	for _, m := range mentions {
		if m.file != file {
			continue
		}
		at := m.where.FindAllStringSubmatchIndex(text, -1)
		if len(at) != 1 {
			return "", errors.Errorf("%s has %d places like %s, not one: correct the text, or mentions in tests/upstream", file, len(at), m.where)
		}
		text = text[:at[0][2]] + m.text(v) + text[at[0][3]:]
	}
	if isReadme(file) {
		return v.row(file, text)
	}
	return text, nil
}

func isReadme(file string) bool { return file == "README.md" || file == "README.zh-CN.md" }

// versionRow is a row of the table of versions in the READMEs.
var versionRow = regexp.MustCompile(`(?m)^\| (v\S+) \| \S+ \| v\S+ \|\n`)

// row sets the row of this version of pullsafe in the table, or puts one above the
// others.
func (v named) row(file, text string) (string, error) {
	rows := versionRow.FindAllStringSubmatchIndex(text, -1)
	if len(rows) == 0 {
		return "", errors.Errorf("%s has no table of versions", file)
	}
	begin, end := rows[0][0], rows[0][0]
	for _, r := range rows {
		if text[r[2]:r[3]] == v.pullsafe {
			begin, end = r[0], r[1]
		}
	}
	return text[:begin] + fmt.Sprintf("| %s | %s | %s |\n", v.pullsafe, v.dockerfile, v.buildkit) + text[end:], nil
}

// files are all that name versions.
func mentionFiles() []string {
	var list []string
	seen := map[string]bool{}
	for _, m := range mentions {
		if !seen[m.file] {
			seen[m.file] = true
			list = append(list, m.file)
		}
	}
	return list
}

const versionFile = "version/version.go"

var versionLine = regexp.MustCompile(`(?m)^(\s*Version\s*= ")(v[^"]+)"$`)

// nextVersion gives a checkout whose version is a release the one that comes next:
// what a release has inside does not change any more, and the table of versions
// keeps its row.
func nextVersion(source string) (string, error) {
	m := versionLine.FindStringSubmatchIndex(source)
	if m == nil {
		return "", errors.Errorf("%s has no Version", versionFile)
	}
	present := source[m[4]:m[5]]
	if semver.Prerelease(present) != "" {
		return source, nil
	}
	var major, minor, patch int
	if _, err := fmt.Sscanf(present, "v%d.%d.%d", &major, &minor, &patch); err != nil {
		return "", errors.Wrapf(err, "%s: Version %s", versionFile, present)
	}
	return fmt.Sprintf("%sv%d.%d.0-dev%s", source[:m[4]], major, minor+1, source[m[5]:]), nil
}

// pinnedTools are the programs that the Makefile runs by their module's version.
var pinnedTools = regexp.MustCompile(`\$\(GO\) run ([\w./-]+?)/cmd/[\w-]+@(v[\d.]+)`)

// bumpMakefile brings those to the newest that the go line allows.
func (b *bump) bumpMakefile(ctx context.Context, text string) (string, error) {
	var result strings.Builder
	last := 0
	for _, m := range pinnedTools.FindAllStringSubmatchIndex(text, -1) {
		path, present := text[m[2]:m[3]], text[m[4]:m[5]]
		newest, err := b.newestTool(ctx, path, present)
		if err != nil {
			return "", err
		}
		result.WriteString(text[last:m[4]] + newest)
		last = m[5]
	}
	return result.String() + text[last:], nil
}

// newestTool is the newest release of a module that is required by nothing.
func (b *bump) newestTool(ctx context.Context, path, present string) (string, error) {
	versions, err := b.tool.versions(ctx, b.root, path)
	if err != nil {
		return "", err
	}
	newer := slices.DeleteFunc(versions, func(v string) bool {
		return !releaseVersion.MatchString(v) || semver.Compare(v, present) <= 0
	})
	slices.SortFunc(newer, func(x, y string) int { return semver.Compare(y, x) })
	for i, v := range newer {
		m, err := b.tool.query(ctx, b.root, path, v)
		if err != nil {
			return "", err
		}
		f, err := readModFile(m.GoMod)
		if err != nil {
			return "", err
		}
		if !newerGo(goLine(f), b.goLine) {
			return v, nil
		}
		if i == 0 {
			b.skipped = append(b.skipped, skip{"Makefile", path, v, "it requires go >= " + goLine(f)})
		}
	}
	return present, nil
}

// newerGo tells whether a go line demands a newer Go than another.
func newerGo(line, than string) bool { return version.Compare("go"+line, "go"+than) > 0 }
