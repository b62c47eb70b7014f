package clients

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// TestMaterials: what provenance says of images that were pulled without
// credentials: the purl has the other spelling of the host, all the rest of it
// and the digest are the same, by tag and by digest, also for the scanner.
func TestMaterials(t *testing.T) {
	slow(t)
	e := harness.T(t)
	pinned := pushImage(t, shared.GHCR, "acme/pinned:1")
	both := pushImage(t, shared.GHCR, "acme/both:1")
	pushScanner(t)
	text := "FROM ghcr.io/astral-sh/uv:0.7.1 AS tag\nFROM ghcr.io/acme/pinned@" + pinned + " AS pinned\nFROM ghcr.io/acme/both:1@" + both + " AS both\n" +
		"FROM alpine:3.23\nCOPY --from=tag /uv /uv\nCOPY --from=pinned /etc/image /1\nCOPY --from=both /etc/image /2\nRUN true\n"
	for _, tc := range []struct{ name, flag string }{
		{"SLSA 1.0", "mode=max,version=v1"},
		{"SLSA 0.2", "mode=max,version=v0.2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tr := trial{
				client: remote, tried: "`--provenance=" + tc.flag + "` and `--sbom`: images by tag, by digest and by both",
				repositories: []string{"astral-sh/uv", "acme/pinned", "acme/both", "acme/scanner"},
				destinations: []string{"attest.test"}, concurrent: true, unique: true,
				differs: map[string]difference{"materials": {
					"the host in the purl of an image that was pulled without credentials is `GHCR.IO`; the rest of the purl and the digest are the same",
					func(upstream string) string {
						return sortLines(strings.ReplaceAll(upstream, "pkg:docker/ghcr.io/", "pkg:docker/GHCR.IO/"))
					},
				}},
				run: func(t *testing.T, _ *trial, s side) facts {
					d := daemon(t, harness.BuildkitdOpt{})
					cfg := s.login(t, e, "attest.test")
					opt := harness.CommandOpt{Files: world.Dockerfile(text), DockerConfig: cfg}
					requireWarned(t, s, build(t, d, s, opt, "--provenance="+tc.flag, "--sbom=generator=ghcr.io/acme/scanner:1", "--push", "-t", "attest.test/a:1"))
					inspect := func(format string) string {
						opt := opt
						opt.Args = []string{"imagetools", "inspect", "--format", format, "attest.test/a:1"}
						out, err := d.Buildx(t.Context(), opt)
						require.NoError(t, err)
						require.Zero(t, out.Code, out.Stderr)
						return out.Stdout
					}
					provenance := inspect("{{json .Provenance}}")
					return facts{"materials": materials(t, provenance), "SBOM": inspect("{{json .SBOM}}")}
				},
			}
			tr.compare(t)
		})
	}
}

// pushScanner gives ghcr.io an SBOM scanner.
func pushScanner(t *testing.T) {
	t.Helper()
	scan := "#!/bin/sh\nmkdir -p $BUILDKIT_SCAN_DESTINATION\n" +
		`echo '{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://spdx.dev/Document","predicate":{}}'` +
		" > $BUILDKIT_SCAN_DESTINATION/scan.spdx.json\n"
	img := harness.Image{Busybox: true, Files: map[string]string{"/scan": scan}}
	img.Config.Cmd = []string{"/scan"}
	_, err := shared.GHCR.Push(t.Context(), "acme/scanner:1", img)
	require.NoError(t, err)
}

// materials are the sources in a provenance, "uri digest" a line, without the
// frontend's image, which is different in any case.
func materials(t *testing.T, provenance string) string {
	t.Helper()
	var doc struct {
		SLSA struct {
			Materials       []material
			BuildDefinition struct{ ResolvedDependencies []material }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(provenance), &doc))
	var lines []string
	for _, m := range slices.Concat(doc.SLSA.Materials, doc.SLSA.BuildDefinition.ResolvedDependencies) {
		if !strings.Contains(m.URI, "127.0.0.1") {
			lines = append(lines, m.URI+" "+m.Digest["sha256"])
		}
	}
	require.NotEmpty(t, lines)
	return sortLines(strings.Join(lines, "\n"))
}

func sortLines(text string) string {
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

type material struct {
	URI    string
	Digest map[string]string
}
