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
					"the host in the purl of an image that was pulled without credentials is `GHCR.IO:443`; the rest of the purl and the digest are the same",
					func(upstream string) string {
						return sortLines(strings.ReplaceAll(upstream, "pkg:docker/ghcr.io/", "pkg:docker/GHCR.IO:443/"))
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

// TestMaterialsOfWhatIsUsed: provenance names what the target was made of, with the
// digests that it was made of, and nothing else.
func TestMaterialsOfWhatIsUsed(t *testing.T) {
	slow(t)
	e := harness.T(t)
	old := pushImage(t, shared.GHCR, "acme/moved:1")
	_, err := shared.GHCR.Push(t.Context(), "acme/moved:1", world.Base("acme/moved-now"))
	require.NoError(t, err)
	alias := map[string]difference{"materials": {
		"the host in the purl of an image that was resolved anonymously is `GHCR.IO:443`; the rest of the purl and the digest are the same",
		func(upstream string) string {
			return sortLines(strings.ReplaceAll(upstream, "pkg:docker/ghcr.io/", "pkg:docker/GHCR.IO:443/"))
		},
	}}
	for _, tc := range []struct {
		name, tried  string
		text         string
		bake         string
		args         []string
		repositories []string
	}{
		{
			name: "a stage that is not used", tried: "an image of a stage that the target does not need",
			text: "FROM ghcr.io/acme/tools:2 AS unused\nRUN true\nFROM ghcr.io/acme/base:1\nRUN true\n", repositories: []string{"acme/base"},
		},
		{
			name: "a tag that has moved", tried: "a tag in a stage that is not used, the digest that it had before in the target",
			text: "FROM ghcr.io/acme/moved:1 AS unused\nRUN true\nFROM ghcr.io/acme/moved:1@" + old + "\nRUN true\n", repositories: []string{"acme/moved"},
		},
		{
			name: "named context, two platforms", tried: "a named context, two platforms",
			text: "FROM base AS x\nFROM base\nCOPY --from=x /etc/image /x\n", repositories: []string{"acme/base"},
			args: []string{"--build-context=base=docker-image://ghcr.io/acme/base:1", "--platform=linux/amd64,linux/arm64"},
		},
		{
			name: "linked targets", tried: "a linked target from a digest whose tag has moved",
			bake: "target \"a\" {\n  dockerfile-inline = \"FROM ghcr.io/acme/moved:1@" + old + "\\nRUN true\"\n}\n" +
				"target \"default\" {\n  contexts = { a = \"target:a\" }\n  dockerfile-inline = \"FROM a\\nRUN true\"\n}\n",
			repositories: []string{"acme/moved"},
		},
	} {
		for _, mode := range []string{"mode=max,version=v1", "mode=min,version=v0.2"} {
			t.Run(tc.name+", "+mode, func(t *testing.T) {
				tr := trial{
					client: remote, tried: "`--provenance=" + mode + "`: " + tc.tried, repositories: tc.repositories,
					destinations: []string{"attest.test"}, concurrent: true, unique: true, differs: alias,
					run: func(t *testing.T, _ *trial, s side) facts {
						d := daemon(t, harness.BuildkitdOpt{})
						opt := harness.CommandOpt{Files: world.Dockerfile(tc.text), DockerConfig: s.login(t, e, "attest.test"), Env: []string{"NO_COLOR=1"}}
						var out *harness.Output
						if tc.bake == "" {
							out = build(t, d, s, opt, append(tc.args, "--provenance="+mode, "--push", "-t", "attest.test/a:1")...)
						} else {
							opt.Files = map[string]string{"docker-bake.hcl": tc.bake}
							opt.Args = []string{
								"bake", "--progress=plain", "--set=*.args.BUILDKIT_SYNTAX=" + s.image, "--set=default.attest=type=provenance," + mode,
								"--set=default.output=type=registry", "--set=default.tags=attest.test/a:1",
							}
							var err error
							out, err = d.Buildx(t.Context(), opt)
							require.NoError(t, err)
							require.Zero(t, out.Code, out.Stderr)
						}
						requireWarned(t, s, out)
						opt = harness.CommandOpt{DockerConfig: opt.DockerConfig, Args: []string{"imagetools", "inspect", "--format", "{{json .Provenance}}", "attest.test/a:1"}}
						seen, err := d.Buildx(t.Context(), opt)
						require.NoError(t, err)
						require.Zero(t, seen.Code, seen.Stderr)
						return facts{"materials": materials(t, seen.Stdout)}
					},
				}
				tr.compare(t)
			})
		}
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
// frontend's image, which is different in any case; of several platforms, of each.
func materials(t *testing.T, provenance string) string {
	t.Helper()
	type document struct {
		SLSA struct {
			Materials       []material
			BuildDefinition struct{ ResolvedDependencies []material }
		}
	}
	var single document
	require.NoError(t, json.Unmarshal([]byte(provenance), &single))
	docs := map[string]document{"": single}
	if !strings.Contains(provenance[:min(len(provenance), 20)], "SLSA") {
		docs = nil
		require.NoError(t, json.Unmarshal([]byte(provenance), &docs))
	}
	var lines []string
	for platform, doc := range docs {
		for _, m := range slices.Concat(doc.SLSA.Materials, doc.SLSA.BuildDefinition.ResolvedDependencies) {
			if !strings.Contains(m.URI, "127.0.0.1") {
				lines = append(lines, strings.TrimSpace(platform+" "+m.URI+" "+m.Digest["sha256"]))
			}
		}
	}
	require.NotEmpty(t, lines, provenance)
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
