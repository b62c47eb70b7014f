// Package selfbuild builds the project by its own Dockerfile and docker-bake.hcl,
// unchanged, with the frontend of this checkout.
//
// The images of the Dockerfile's FROM lines come from no registry: stand-ins are
// made of the machine's Go toolchain and a root file system of Debian packages,
// lie in a folder as an OCI layout, and take the images' places as named contexts.
// Go modules come from the machine's module cache, which a server on loopback
// offers as a module proxy; whatever else a step asks for is refused and recorded.
//
// A cold build compiles BuildKit's client for minutes. So daemon and stand-ins
// have a folder in the cache of the tools that outlives the run, and with it Go's
// build cache, which the Dockerfile keeps in a cache mount. The daemon bounds its
// size. One run at a time has it; another takes a temporary folder.
package selfbuild

import (
	"os"
	"testing"

	"github.com/org/pullsafe/tests/harness"
)

// shared is what the tests build on: one daemon, one registry.
var shared site

func TestMain(m *testing.M) {
	os.Exit(harness.Main(m, shared.start))
}
