package main

import (
	"context"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/pkg/errors"
	"golang.org/x/mod/semver"
)

const buildkit = "github.com/moby/buildkit"

var releaseVersion = regexp.MustCompile(`^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$`)

// choose sets the versions that the run goes from and to. wanted is empty for
// BuildKit's newest release; a pre-release is never chosen.
func (b *bump) choose(ctx context.Context, wanted string) error {
	f, err := readModFile(filepath.Join(b.root, "go.mod"))
	if err != nil {
		return err
	}
	b.goLine, b.present = goLine(f), required(f, buildkit)
	if wanted != "" && !releaseVersion.MatchString(wanted) {
		return errors.Errorf("VERSION=%s is not a release of BuildKit: it has the form v0.35.0 (pre-releases are not followed)", wanted)
	}
	if wanted != "" && semver.Compare(wanted, b.present) < 0 {
		return errors.Errorf("VERSION=%s is older than %s, the version in go.mod: a bump only goes forward", wanted, b.present)
	}
	versions, err := b.tool.versions(ctx, b.root, buildkit)
	if err != nil {
		return errors.Wrap(err, "cannot list the releases of BuildKit")
	}
	newest := newestRelease(versions)
	if wanted == "" {
		// A release that go.mod has may have been retracted since.
		if wanted = newest; semver.Compare(newest, b.present) < 0 {
			wanted = b.present
		}
	}
	// A list may be older than what resolves.
	if _, err := b.tool.query(ctx, b.root, buildkit, wanted); err != nil {
		return errors.Wrapf(err, "there is no BuildKit %s, or it cannot be fetched (newest release: %s)", wanted, newest)
	}
	b.target = wanted
	return nil
}

// newestRelease leaves pre-releases out.
func newestRelease(versions []string) string {
	newest := ""
	for _, v := range versions {
		if releaseVersion.MatchString(v) && semver.Compare(v, newest) > 0 {
			newest = v
		}
	}
	return newest
}

// minor is the minor version that names a line of releases: 0.35 of v0.35.1.
func minor(version string) string {
	return strings.TrimPrefix(semver.MajorMinor(version), "v")
}
