package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/pkg/errors"
	"golang.org/x/mod/module"
)

// markdown is the text of the summary, what is to be done first.
func (s *summary) markdown() string {
	var b strings.Builder
	if s.before == s.after {
		fmt.Fprintf(&b, "# BuildKit %s\n\nBuildKit and `docker/dockerfile` %s stay.\n", s.after, s.dockerfile)
	} else {
		fmt.Fprintf(&b, "# BuildKit %s → %s\n\n`docker/dockerfile` %s → %s. BuildKit's [release notes](https://%s/releases/tag/%s) and [changes](https://%[5]s/compare/%[1]s...%[2]s).\n",
			s.before, s.after, s.oldDockerfile, s.dockerfile, buildkit, s.after)
	}
	b.WriteString("\n## To do\n\n")
	for _, t := range s.todo {
		fmt.Fprintf(&b, "- [ ] %s\n", capital(t))
	}
	if s.before != s.after {
		s.writeNames(&b)
	}
	s.writeSources(&b)
	s.writeVersions(&b)
	return b.String()
}

func (s *summary) writeNames(b *strings.Builder) {
	b.WriteString("\n## What a frontend sees of it\n\n")
	var same, rows []string
	for _, n := range s.names {
		if len(n.added)+len(n.gone) == 0 {
			same = append(same, n.name)
			continue
		}
		rows = append(rows, fmt.Sprintf("| %s | %s | %s |\n", capital(n.name), cell(n.added), cell(n.gone)))
	}
	if len(rows) > 0 {
		b.WriteString("| | New | Gone |\n|---|---|---|\n" + strings.Join(rows, ""))
	}
	if len(same) > 0 {
		if len(rows) > 0 {
			b.WriteString("\n")
		}
		b.WriteString("The same in both: " + strings.Join(same, ", ") + ".\n")
	}
}

// capital begins a text with a capital letter.
func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

func cell(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return quoted(names)
}

func (s *summary) writeSources(b *strings.Builder) {
	b.WriteString("\n## Sources that pullsafe relies on\n\n")
	if len(s.changed) == 0 {
		fmt.Fprintf(b, "None of the %d has changed.\n", len(s.unchanged))
		return
	}
	b.WriteString("Lines added and removed, without tests and generated code. The links below, under Versions, show the changes.\n\n")
	b.WriteString("| Source | Why it matters | Changed |\n|---|---|---|\n")
	for _, c := range s.changed {
		counts := "is gone"
		if !c.gone {
			counts = c.counts()
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", c.source, c.why, counts)
	}
	if len(s.unchanged) > 0 {
		var list []string
		for _, u := range s.unchanged {
			list = append(list, u.String())
		}
		b.WriteString("\nUnchanged: " + strings.Join(list, ", ") + ".\n")
	}
}

// String names a source; those of BuildKit by their path alone.
func (s source) String() string {
	if s.module == buildkit {
		return "`" + s.path + "`"
	}
	return "`" + strings.TrimPrefix(s.module, "github.com/") + "/" + s.path + "`"
}

func (s *summary) writeVersions(b *strings.Builder) {
	b.WriteString("\n## Versions\n\n")
	if len(s.versions) == 0 {
		b.WriteString("None has changed.\n")
		return
	}
	b.WriteString("| Module | In | Before | Now |\n|---|---|---|---|\n")
	for _, v := range s.versions {
		before := v.before
		if before == "" {
			before = "new"
		}
		fmt.Fprintf(b, "| %s | `%s` | %s | %s |\n", v.path, v.where, before, v.now())
	}
}

// repository is a module whose tags on GitHub are its versions.
var repository = regexp.MustCompile(`^(github\.com/[^/]+/[^/]+)(/v\d+)?$`)

// now is the new version, with a link to what has changed where one can be made.
func (v versionChange) now() string {
	m := repository.FindStringSubmatch(v.path)
	tag := func(version string) string { return strings.TrimSuffix(version, "+incompatible") }
	if m == nil || v.before == "" || module.IsPseudoVersion(v.before) || module.IsPseudoVersion(v.after) {
		return v.after
	}
	return fmt.Sprintf("[%s](https://%s/compare/%s...%s)", v.after, m[1], tag(v.before), tag(v.after))
}

func readText(root, file string) (string, error) {
	data, err := os.ReadFile(filepath.Join(root, file))
	return string(data), errors.WithStack(err)
}
