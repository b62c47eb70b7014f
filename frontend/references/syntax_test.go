package references_test

import (
	"testing"

	"github.com/containerd/platforms"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/references"
)

func TestSyntax(t *testing.T) {
	for _, tc := range []struct {
		name, dockerfile string
		args             map[string]string
		contexts         references.Contexts
		want             string // empty: none
		line             int
	}{
		{name: "none", dockerfile: "FROM scratch\n"},
		{name: "upstream", dockerfile: "# syntax=docker/dockerfile:1\nFROM scratch\n", want: "docker.io/docker/dockerfile:1", line: 1},
		{name: "with words", dockerfile: "# check=skip=all\n# syntax=org/pullsafe:1 strict\nFROM scratch\n", want: "docker.io/org/pullsafe:1", line: 2},
		{name: "argument wins", dockerfile: "# syntax=docker/dockerfile:1\nFROM scratch\n", args: map[string]string{"BUILDKIT_SYNTAX": "ghcr.io/a/b strict"}, want: "ghcr.io/a/b:latest"},
		{name: "built in", dockerfile: "FROM scratch\n", args: map[string]string{"BUILDKIT_SYNTAX": "dockerfile.v0"}},
		{name: "empty argument", dockerfile: "# syntax=docker/dockerfile:1\nFROM scratch\n", args: map[string]string{"BUILDKIT_SYNTAX": ""}},
		{name: "no reference", dockerfile: "# syntax=UPPER/Case\nFROM scratch\n"},
		{
			name: "named context", dockerfile: "# syntax=org/pullsafe:1\nFROM scratch\n", line: 1,
			contexts: references.Contexts{"org/pullsafe:1": "docker-image://mirror.test/pullsafe:1"}, want: "mirror.test/pullsafe:1",
		},
		{
			name: "context of another kind", dockerfile: "# syntax=org/pullsafe:1\nFROM scratch\n",
			contexts: references.Contexts{"org/pullsafe:1": "oci-layout://layout"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ref, ok := references.Syntax([]byte(tc.dockerfile), references.Options{
				Filename: "Dockerfile", BuildArgs: tc.args, Contexts: tc.contexts, BuildPlatform: platforms.DefaultSpec(),
			})
			require.Equal(t, tc.want != "", ok)
			require.Equal(t, tc.want, ref.Name)
			if tc.line == 0 {
				require.Empty(t, ref.Positions)
				return
			}
			require.Equal(t, tc.line, ref.Positions[0].Line)
			require.Equal(t, "Dockerfile", ref.Positions[0].File)
		})
	}
}
