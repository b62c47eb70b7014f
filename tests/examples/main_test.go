// Package examples builds every folder of examples/ with its real files, by the
// real buildx, under logins that registries refuse: the names of the images lead
// to registries on loopback with small stand-ins in them, and a script stands in
// for each program that a step runs. What a README shows as output must be there.
package examples

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

var shared = world.Get()

func TestMain(m *testing.M) {
	os.Exit(world.Main(m))
}

// examples are the builds of each folder.
var examples = map[string]func(*testing.T, *stage){
	"uv":                 buildUV,
	"multi-registry":     buildMultiRegistry,
	"private-and-public": buildPrivateAndPublic,
	"bake-ci":            buildBakeCI,
	"coolify":            buildCoolify,
	"compose":            buildCompose,
	"named-context":      buildNamedContext,
}

// TestExamples builds them on one daemon: no two name the same image under
// different logins.
func TestExamples(t *testing.T) {
	s := newStage(t)
	for _, name := range folders(t) {
		t.Run(name, func(t *testing.T) {
			build, ok := examples[name]
			require.True(t, ok, "examples/%s has no test here", name)
			s.begin(t, name)
			build(t, s)
			require.Empty(t, harness.T(t).Network.Refused(), "something tried to leave the host")
			s.requireShown(t)
		})
	}
}

// TestEveryExample: each folder says what it is for, how to build it and what
// one sees, and each test has a folder.
func TestEveryExample(t *testing.T) {
	names := folders(t)
	for name := range examples {
		require.Contains(t, names, name)
	}
	index, err := os.ReadFile(filepath.Join(root(t), "README.md"))
	require.NoError(t, err)
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(root(t), name, "README.md"))
		require.NoError(t, err, "examples/%s has no README.md", name)
		require.Regexp(t, `(?m)^    docker (buildx|compose) b`, string(text), "examples/%s/README.md does not say how to build it", name)
		require.NotEmpty(t, outputLines(string(text)), "examples/%s/README.md shows no output", name)
		require.Contains(t, string(index), "]("+name+"/README.md)", "examples/README.md does not name %s", name)
	}
}

// root is the folder examples/ of the checkout.
func root(t *testing.T) string {
	t.Helper()
	checkout, err := harness.Checkout()
	require.NoError(t, err)
	return filepath.Join(checkout, "examples")
}

func folders(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(root(t))
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	require.NotEmpty(t, names)
	return names
}
