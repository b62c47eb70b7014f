// Package version tells what is running. The frontend and the plugin are built
// from the same source, so they share it.
package version

import (
	"fmt"
	"runtime/debug"
	"strings"

	dockerfile "github.com/moby/buildkit/frontend/dockerfile/version"
)

// Version, Revision and Channel are set when a release is linked. The channel
// names the build tags of the frontend inside, which upstream chooses: mainline,
// or labs for what is not yet stable.
var (
	Version  = "v1.0.0-dev"
	Revision = ""
	Channel  = mainline
)

const mainline = "mainline"

// buildkitModule is the module whose Dockerfile frontend is linked in.
const buildkitModule = "github.com/moby/buildkit"

// Line is the version of program: the version and revision of pullsafe, and the
// version of the Dockerfile frontend inside, which is the one of upstream's
// docker/dockerfile image.
func Line(program string) string {
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
	if Channel != mainline {
		syntax += "-" + Channel // as upstream tags it
	}
	return fmt.Sprintf("%s %s %s (docker/dockerfile %s, BuildKit %s)", program, Version, revision, syntax, buildkit)
}
