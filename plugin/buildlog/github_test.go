package buildlog

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestGitHub: whatever a log says, each cause is one command to the runner, at the line of
// the Dockerfile, and nothing else begins a line.
func TestGitHub(t *testing.T) {
	for _, tc := range []struct {
		name, log string
		want      []string // what the lines begin with
	}{
		{
			"a failure", `#3 [internal] load metadata for ghcr.io/acme/base:1
#3 ERROR: failed to authorize: failed to fetch oauth token: denied: denied%0A::set-output name=x::y
------
Dockerfile:7
--------------------
   7 | >>> FROM ghcr.io/acme/base:1
--------------------
ERROR: failed to solve: failed to fetch oauth token: denied: denied`,
			[]string{"::error file=Dockerfile,line=7,title=Registry failure::ghcr.io rejected the stored credentials"},
		},
		{"no place", "failed to fetch oauth token: denied: 100%\r\n::error::forged", []string{"::error title=Registry failure::"}},
		{"none", "E: Unable to locate package x\n::error::forged\n", []string{"No registry failure", "The last error"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var b strings.Builder
			require.NoError(t, explain(t, tc.log, "").WriteGitHub(&b))
			var lines []string
			for line := range strings.SplitSeq(strings.TrimSuffix(b.String(), "\n"), "\n") {
				if line != "" {
					lines = append(lines, line)
				}
			}
			require.GreaterOrEqual(t, len(lines), len(tc.want), b.String())
			for i, line := range lines {
				if i < len(tc.want) {
					require.True(t, strings.HasPrefix(line, tc.want[i]), line)
				} else {
					require.False(t, strings.HasPrefix(strings.TrimSpace(line), "::"), line)
				}
			}
		})
	}
}
