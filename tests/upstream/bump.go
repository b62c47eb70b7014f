package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/pkg/errors"
	"golang.org/x/mod/modfile"
)

// bump is one run.
type bump struct {
	root string
	tool goTool

	// present is BuildKit's version in go.mod before the run, target the one after
	// it; goLine is the version of Go that go.mod names.
	present, target, goLine string

	upstream *modfile.File // BuildKit's go.mod at target
	source   string        // the folder of its source
	backup   backup
	skipped  []skip
}

// run changes the checkout and returns the summary. After an error every file is
// what it was before.
func (b *bump) run(ctx context.Context, since string) (string, error) {
	if b.present == b.target {
		say("go.mod has BuildKit %s already; bringing the rest to it", b.target)
	} else {
		say("BuildKit %s -> %s", b.present, b.target)
	}
	old, err := readBaseline(ctx, b.root, since)
	if err != nil {
		return "", err
	}
	if err := b.fetchTarget(ctx); err != nil {
		return "", err
	}
	b.backup = backup{root: b.root}
	text, err := b.change(ctx, old)
	if err == nil {
		return text, nil
	}
	if failed := b.backup.restore(); failed != nil {
		say("could not put back every file: %v", failed)
		say("git status shows them; git checkout -- FILE takes the committed state")
		return "", err
	}
	say("the run did not end; every file is as it was before")
	return "", err
}

// fetchTarget fetches the source of BuildKit and looks whether this Go can build it.
func (b *bump) fetchTarget(ctx context.Context) error {
	m, err := b.tool.query(ctx, b.root, buildkit, b.target)
	if err != nil {
		return err
	}
	if b.upstream, err = readModFile(m.GoMod); err != nil {
		return err
	}
	if line := goLine(b.upstream); newerGo(line, b.goLine) {
		return errors.Errorf("BuildKit %s requires Go %s, and the checkout has %s: raise Go first, in the go line of each go.mod, "+
			"in the image golang of the Dockerfile and in the containers of .github/workflows", b.target, line, b.goLine)
	}
	m, err = b.tool.download(ctx, b.root, buildkit, b.target)
	if err != nil {
		return err
	}
	b.source = m.Dir
	return nil
}

// change does all that the backup can undo.
func (b *bump) change(ctx context.Context, old *baseline) (string, error) {
	if err := b.keepOlder(ctx); err != nil {
		return "", err
	}
	dirs, err := moduleDirs(b.root)
	if err != nil {
		return "", err
	}
	for _, dir := range dirs {
		say("%s", gomod(dir))
		if err := b.bumpModule(ctx, dir); err != nil {
			return "", err
		}
	}
	if err := b.copyTags(); err != nil {
		return "", err
	}
	if err := b.bumpTexts(ctx); err != nil {
		return "", err
	}
	return b.summarize(ctx, old)
}

// bumpTexts brings the files that are no go.mod files to what those say now.
func (b *bump) bumpTexts(ctx context.Context) error {
	if err := b.edit(versionFile, nextVersion); err != nil {
		return err
	}
	if err := b.edit("Makefile", func(text string) (string, error) { return b.bumpMakefile(ctx, text) }); err != nil {
		return err
	}
	dockerfile, err := dockerfileVersion(b.source)
	if err != nil {
		return err
	}
	versions, err := readNamed(b.root, dockerfile)
	if err != nil {
		return err
	}
	for _, file := range mentionFiles() {
		if err := b.edit(file, func(text string) (string, error) { return versions.rewrite(file, text) }); err != nil {
			return err
		}
	}
	return nil
}

// edit replaces the text of a file, if it changes.
func (b *bump) edit(file string, change func(string) (string, error)) error {
	old, err := os.ReadFile(filepath.Join(b.root, file))
	if err != nil {
		return errors.WithStack(err)
	}
	text, err := change(string(old))
	if err != nil || text == string(old) {
		return err
	}
	say("%s", file)
	return b.backup.write(file, []byte(text))
}

// copyTags copies the build tags of the channels that both have: pullsafe's images
// are built with upstream's.
func (b *bump) copyTags() error {
	theirs, err := readTags(filepath.Join(b.source, upstreamTags))
	if err != nil {
		return err
	}
	ours, err := readTags(filepath.Join(b.root, ourTags))
	if err != nil {
		return err
	}
	for channel, tags := range theirs {
		if _, ok := ours[channel]; !ok || ours[channel] == tags {
			continue
		}
		if err := b.backup.write(filepath.Join(ourTags, channel, "tags"), []byte(tags)); err != nil {
			return err
		}
	}
	return nil
}
