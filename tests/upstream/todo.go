package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

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
	if s.dockerfile != s.oldDockerfile {
		todo = append(todo, fmt.Sprintf("name `docker/dockerfile:%s@sha256:` in the first line of `Dockerfile` once it is published, and run `make pin`", s.dockerfile))
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
