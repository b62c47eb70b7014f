// Package clients builds through every client, driver and feature that users
// reach BuildKit by, and compares with upstream's frontend image.
//
// Each feature is built three times on daemons that have seen nothing: with
// upstream's image and no login, which is the result that the user expects; with
// pullsafe and no login, which must be the same to the last request; and with
// pullsafe and a refused login, which must be the same result, with the images
// pulled without credentials. What is compared are the facts of a build: exit
// code, files, digests, what was cached.
//
// One feature, the push of layers that were never unpacked, is built always; the
// rest, and the table in tests/README.md, with -full.
package clients

import (
	"os"
	"testing"

	"github.com/org/pullsafe/tests/world"
)

var shared = world.Get()

func TestMain(m *testing.M) {
	code := world.Main(m)
	if code == 0 {
		code = results.write()
	}
	os.Exit(code)
}

// slow skips what only -full wants.
func slow(t *testing.T) {
	t.Helper()
	if !world.Full() {
		t.Skip("slow: make compat")
	}
}
