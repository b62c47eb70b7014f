package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRow(t *testing.T) {
	const table = "| pullsafe | d | B |\n|---|---|---|\n| v1.1.0-dev | 1.2.0 | v0.2.0 |\n| v1.0.0 | 1.1.0 | v0.1.0 |\n"
	v := named{pullsafe: "v1.1.0-dev", dockerfile: "1.3.0", buildkit: "v0.3.0"}
	text, err := v.row("README.md", table)
	require.NoError(t, err)
	require.Equal(t, "| pullsafe | d | B |\n|---|---|---|\n| v1.1.0-dev | 1.3.0 | v0.3.0 |\n| v1.0.0 | 1.1.0 | v0.1.0 |\n", text)
	v.pullsafe = "v1.2.0-dev"
	text, err = v.row("README.md", table)
	require.NoError(t, err)
	require.Equal(t, "| pullsafe | d | B |\n|---|---|---|\n| v1.2.0-dev | 1.3.0 | v0.3.0 |\n| v1.1.0-dev | 1.2.0 | v0.2.0 |\n| v1.0.0 | 1.1.0 | v0.1.0 |\n", text)
	_, err = v.row("README.md", "no table")
	require.ErrorContains(t, err, "README.md has no table of versions")
}

func TestRewrite(t *testing.T) {
	v := named{pullsafe: "v1.0.0-dev", dockerfile: "1.3.0", buildkit: "v0.35.0", older: []string{"0.12", "0.34"}}
	text, err := v.rewrite("Dockerfile", "FROM scratch\nARG DOCKERFILE_VERSION=1.2.0-${CHANNEL}\n")
	require.NoError(t, err)
	require.Equal(t, "FROM scratch\nARG DOCKERFILE_VERSION=1.3.0-${CHANNEL}\n", text)
	text, err = v.rewrite("docs/clients.md", "Tested with the real programs: BuildKit 0.12 and 0.33, Engine 20.10 and 29; x")
	require.NoError(t, err)
	require.Equal(t, "Tested with the real programs: BuildKit 0.12, 0.34 and 0.35, Engine 20.10 and 29; x", text)
	_, err = v.rewrite("docs/clients.md", "Tried with BuildKit 0.12")
	require.ErrorContains(t, err, "docs/clients.md has 0 places like")
	_, err = v.rewrite("Dockerfile", "ARG DOCKERFILE_VERSION=1.2.0-a\nARG DOCKERFILE_VERSION=1.2.0-b\n")
	require.ErrorContains(t, err, "Dockerfile has 2 places like")
}

func TestNextVersion(t *testing.T) {
	source := func(v string) string { return "package version\n\nvar (\n\tVersion  = \"" + v + "\"\n)\n" }
	for present, want := range map[string]string{
		"v0.1.0-dev":  "v0.1.0-dev",
		"v1.2.0-rc.1": "v1.2.0-rc.1",
		"v1.2.3":      "v1.3.0-dev", // released: the row of v1.2.3 stays as it is
	} {
		got, err := nextVersion(source(present))
		require.NoError(t, err)
		require.Equal(t, source(want), got)
	}
	_, err := nextVersion("package version\n")
	require.ErrorContains(t, err, "has no Version")
}
