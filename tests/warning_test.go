package tests

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// TestMetadataFile: the report and the warning reach the metadata file of buildx,
// in the form that CI turns into annotations.
func TestMetadataFile(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	file := filepath.Join(t.TempDir(), "metadata.json")
	out := world.Buildx(t, d, shared.Pullsafe, harness.CommandOpt{
		Files: world.Dockerfile(world.UVDockerfile), DockerConfig: world.Stale(t, e), Env: []string{"BUILDX_METADATA_WARNINGS=1"},
	}, "--metadata-file="+file)
	require.Zero(t, out.Code, out.Stderr)
	dt, err := os.ReadFile(file)
	require.NoError(t, err)
	var doc struct {
		Report   report.Report `json:"frontend.pullsafe.report"`
		Warnings []struct {
			Short      []byte
			Detail     [][]byte
			URL        string
			SourceInfo struct {
				Filename string
				Data     []byte
			}
			Range []struct{ Start struct{ Line int } }
		} `json:"buildx.build.warnings"`
	}
	require.NoError(t, json.Unmarshal(dt, &doc), string(dt))
	require.Equal(t, report.Summary{References: 2, OK: 1, OKWithoutCredentials: 1}, doc.Report.Summary)
	require.Len(t, doc.Warnings, 1, string(dt))
	w := doc.Warnings[0]
	require.Contains(t, string(w.Short), "RegistryCredentialsRejected: ghcr.io rejected the stored credentials")
	require.NotEmpty(t, w.Detail)
	require.NotEmpty(t, w.URL)
	require.Equal(t, "Dockerfile", w.SourceInfo.Filename)
	require.Equal(t, world.UVDockerfile, string(w.SourceInfo.Data))
	require.Equal(t, 2, w.Range[0].Start.Line)
}

func TestWarningInRawJSON(t *testing.T) {
	e, _, d := world.FreshDaemon(t)
	out := world.Buildx(t, d, shared.Pullsafe, harness.CommandOpt{Files: world.Dockerfile(world.UVDockerfile), DockerConfig: world.Stale(t, e)}, "--progress=rawjson")
	require.Zero(t, out.Code, out.Stderr)
	found := 0
	for line := range strings.Lines(out.Stderr) {
		var status struct {
			Warnings []struct{ Short []byte }
		}
		if json.Unmarshal([]byte(line), &status) == nil {
			for _, w := range status.Warnings {
				require.Contains(t, string(w.Short), "RegistryCredentialsRejected: ")
				found++
			}
		}
	}
	require.Equal(t, 1, found)
}

// TestCheckDirective: the linter's directive silences the warning or makes it an
// error, in the Dockerfile or as a build argument.
func TestCheckDirective(t *testing.T) {
	e, c := world.Fresh(t)
	for _, tc := range []struct {
		name, directive string
		opts            map[string]string
		warnings        int
		fails           bool
	}{
		{name: "none", warnings: 1},
		{name: "skip", directive: "# check=skip=RegistryCredentialsRejected\n"},
		{name: "skip all", directive: "# check=skip=all\n"},
		{name: "skip another", directive: "# check=skip=StageNameCasing\n", warnings: 1},
		{name: "error", directive: "# check=error=true\n", warnings: 1, fails: true},
		{name: "skip and error", directive: "# check=skip=RegistryCredentialsRejected;error=true\n"},
		{name: "build argument", directive: "# check=error=true\n", opts: map[string]string{"build-arg:BUILDKIT_DOCKERFILE_CHECK": "skip=RegistryCredentialsRejected"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			world.Both(t, func(t *testing.T, fe harness.Frontend) {
				res := world.Solve(t, e, c, harness.SolveInput{
					Frontend: fe, Files: world.Dockerfile(tc.directive + "FROM ghcr.io/acme/base:1\n"), Opts: tc.opts, DockerConfig: world.Stale(t, e),
				})
				if tc.fails {
					require.ErrorContains(t, res.Err, "lint violation found for rules: RegistryCredentialsRejected")
				} else {
					require.NoError(t, res.Err)
				}
				require.Len(t, world.RefusedWarnings(res), tc.warnings)
			})
		})
	}
}
