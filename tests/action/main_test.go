// Package action runs action.yml as GitHub's runner does, by nektos/act, which
// evaluates its expressions and keeps its files: in a repository of its own, whose
// workflow uses the action, against the test registries. What the action downloads
// comes from a folder, by a curl that records what it is asked for.
package action

import (
	"os"
	"testing"

	"github.com/org/pullsafe/tests/world"
)

var shared = world.Get()

func TestMain(m *testing.M) {
	os.Exit(world.Main(m))
}
