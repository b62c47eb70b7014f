package main

import (
	"fmt"
	"runtime/debug"
	"strings"

	dockerfile "github.com/moby/buildkit/frontend/dockerfile/version"
)

// Version and Revision are set when a release is linked.
var (
	Version  = "v0.1.0-dev"
	Revision = ""
)

// buildkitModule is the module whose Dockerfile frontend is linked in.
const buildkitModule = "github.com/moby/buildkit"

// versionLine tells what is running: the version and revision of pullsafe, and
// the version of the Dockerfile frontend inside, which is the one of upstream's
// docker/dockerfile image.
func versionLine() string {
	revision := Revision
	buildkit := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == buildkitModule {
				buildkit = m.Version
			}
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && revision == "" {
				revision = s.Value
			}
		}
	}
	if revision == "" {
		revision = "unknown"
	}
	// Upstream derives a suffix from the version of a BuildKit release build,
	// which a linked library has not.
	syntax, _, _ := strings.Cut(dockerfile.Version(), "-")
	return fmt.Sprintf("pullsafe-frontend %s %s (docker/dockerfile %s, BuildKit %s)", Version, revision, syntax, buildkit)
}
