package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/version"
)

func TestVersion(t *testing.T) {
	out, _, code := runCommand(t, "", "version")
	require.Zero(t, code)
	require.Equal(t, version.Line("docker-pullsafe")+"\n", out)

	out, _, code = runCommand(t, "", "version", "--licenses")
	require.Zero(t, code)
	require.Contains(t, out, "\ngithub.com/spf13/cobra v")
	require.Contains(t, out, "\nGo, its standard library and runtime\n")
	require.Equal(t, 1, strings.Count(out, "docker-pullsafe contains what is listed here."))

	_, errOut, code := runCommand(t, "", "version", "all")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errOut, "docker-pullsafe version [OPTIONS]")
}
