package main

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pkg/errors"
)

var (
	// legal is the name of a file that has to go with a program; one with the terms
	// themselves is a licence.
	legal   = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying|notice|patents|copyright)s?([-._].*)?$`)
	licence = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying)`)
	// source is code, not terms: license.go.
	source = regexp.MustCompile(`(?i)\.(go|s|c|h|py|sh|tmpl|ya?ml|json)$`)
)

// texts are the legal files of a module by their path in it: of its root, and of each
// folder on the way to a package that is linked. Each package must have terms.
func (m *module) texts() (map[string]string, error) {
	found := map[string]string{}
	for _, dir := range slices.Sorted(maps.Keys(m.dirs)) {
		terms := false
		for folder := dir; len(folder) >= len(m.root); folder = filepath.Dir(folder) {
			names, err := legalFiles(folder)
			if err != nil {
				return nil, err
			}
			rel, err := filepath.Rel(m.root, folder)
			if err != nil {
				return nil, errors.WithStack(err)
			}
			for _, name := range names {
				b, err := os.ReadFile(filepath.Join(folder, name))
				if err != nil {
					return nil, errors.WithStack(err)
				}
				found[path.Join(filepath.ToSlash(rel), name)] = clean(string(b))
				terms = terms || licence.MatchString(name)
			}
		}
		if !terms {
			return nil, errors.Errorf("%s has no licence file for %s", m.name, dir)
		}
	}
	return found, nil
}

func legalFiles(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	var names []string
	for _, entry := range entries {
		name := entry.Name()
		if entry.Type().IsRegular() && legal.MatchString(name) && !source.MatchString(name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// clean removes what has no meaning and differs: line ends, spaces at the end.
func clean(text string) string {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \t\f")
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n") + "\n"
}

const ruler = "--------------------------------------------------------------------------------\n"

// render prints each text once, below all that has it. Similar texts are neighbours,
// which makes the file small when it is compressed.
func render(program string, modules map[string]*module) (string, error) {
	owners := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		texts, err := modules[name].texts()
		if err != nil {
			return "", err
		}
		for _, file := range slices.Sorted(maps.Keys(texts)) {
			owner := name
			if strings.Contains(file, "/") {
				owner += ": " + file
			}
			if text := texts[file]; !slices.Contains(owners[text], owner) {
				owners[text] = append(owners[text], owner)
			}
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s contains what is listed here. Below each list are the terms of all in it.\n", program)
	for _, text := range slices.Sorted(maps.Keys(owners)) {
		b.WriteString("\n" + ruler + strings.Join(owners[text], "\n") + "\n\n" + text)
	}
	return b.String(), nil
}
