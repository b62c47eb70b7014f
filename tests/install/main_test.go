// Package install runs `docker pullsafe install` and what comes after it on real
// machines: Docker Engine 20.10 with Debian's client, and Docker Engine 29 with
// docker/cli's.
package install

import (
	"os"
	"testing"

	"github.com/org/pullsafe/tests/world"
)

var shared = world.Get()

func TestMain(m *testing.M) {
	os.Exit(world.Main(m))
}
