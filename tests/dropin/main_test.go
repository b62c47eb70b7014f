// Package dropin compares pullsafe with upstream's frontend image where nothing
// is wrong, or where upstream has the right words already.
package dropin

import (
	"os"
	"testing"

	"github.com/org/pullsafe/tests/world"
)

var shared = world.Get()

func TestMain(m *testing.M) {
	os.Exit(world.Main(m))
}
