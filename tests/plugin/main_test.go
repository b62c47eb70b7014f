// Package plugin runs the Docker CLI plugin against real registries and daemons,
// by its own name and through the Docker CLI.
package plugin

import (
	"os"
	"testing"

	"github.com/org/pullsafe/tests/world"
)

var shared = world.Get()

func TestMain(m *testing.M) {
	os.Exit(world.Main(m))
}
