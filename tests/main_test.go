// Package tests runs pullsafe against the real thing: buildkitd, registries that
// ask for credentials, buildx and Docker Engine. It holds what pullsafe does that
// upstream does not; package dropin holds what must be as upstream does it.
package tests

import (
	"os"
	"testing"

	"github.com/org/pullsafe/tests/world"
)

var shared = world.Get()

func TestMain(m *testing.M) {
	os.Exit(world.Main(m))
}
