package references_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/containerd/platforms"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/references"
)

var amd64 = ocispecs.Platform{OS: "linux", Architecture: "amd64"}

// show is a reference in one line: name platform needed@line,line.
func show(r references.Reference) string {
	var lines []string
	for _, p := range r.Positions {
		lines = append(lines, fmt.Sprint(p.Line))
	}
	need := "needed"
	if !r.Needed {
		need = "unneeded"
	}
	return fmt.Sprintf("%s %s %s@%s", r.Name, references.PlatformString(r.Platform), need, strings.Join(lines, ","))
}

func collect(t *testing.T, dockerfile string, opt references.Options) []string {
	t.Helper()
	opt.Filename, opt.BuildPlatform = "Dockerfile", amd64
	set, err := references.Collect(t.Context(), []byte(dockerfile), opt)
	require.NoError(t, err)
	out := []string{}
	for _, r := range set.References {
		out = append(out, show(r))
	}
	return out
}

func TestCollect(t *testing.T) {
	const alpine = "docker.io/library/alpine:latest linux/amd64 "
	for _, tc := range []struct {
		name       string
		dockerfile string
		opt        references.Options
		want       []string
	}{
		{
			name:       "one image",
			dockerfile: "FROM alpine",
			want:       []string{alpine + "needed@1"},
		},
		{
			name:       "scratch is no image",
			dockerfile: "FROM scratch\nCOPY --from=busybox:1 /bin /bin",
			want:       []string{"docker.io/library/busybox:1 linux/amd64 needed@2"},
		},
		{
			name:       "a stage that the target does not need",
			dockerfile: "FROM alpine AS a\nFROM ghcr.io/x/y:1 AS b\nFROM a",
			want:       []string{alpine + "needed@1", "ghcr.io/x/y:1 linux/amd64 unneeded@2"},
		},
		{
			name:       "the target",
			dockerfile: "FROM alpine AS a\nFROM ghcr.io/x/y:1 AS b\nFROM a",
			opt:        references.Options{Target: "B"},
			want:       []string{alpine + "unneeded@1", "ghcr.io/x/y:1 linux/amd64 needed@2"},
		},
		{
			name:       "copy and mount by name, number and image",
			dockerfile: "FROM alpine AS a\nFROM scratch\nCOPY --from=A / /\nCOPY --from=0 / /\nCOPY --from=ghcr.io/x/y / /\nRUN --mount=from=quay.io/m:2,target=/m true",
			want:       []string{alpine + "needed@1", "ghcr.io/x/y:latest linux/amd64 needed@5", "quay.io/m:2 linux/amd64 needed@6"},
		},
		{
			name:       "the same image twice is one, with both places",
			dockerfile: "FROM alpine AS a\nFROM alpine:latest\nCOPY --from=alpine / /a",
			want:       []string{alpine + "needed@1,2,3"},
		},
		{
			name:       "arguments",
			dockerfile: "ARG V=3.20\nARG IMG=alpine:${V}\nFROM ${IMG:-busybox}\n",
			opt:        references.Options{BuildArgs: map[string]string{"V": "3.21"}},
			want:       []string{"docker.io/library/alpine:3.21 linux/amd64 needed@3"},
		},
		{
			name:       "an argument of the build only counts where it is declared",
			dockerfile: "ARG IMG=alpine\nFROM $IMG AS a\nFROM a",
			opt:        references.Options{BuildArgs: map[string]string{"OTHER": "x"}},
			want:       []string{alpine + "needed@2"},
		},
		{
			name:       "platforms",
			dockerfile: "FROM --platform=$BUILDPLATFORM golang AS build\nFROM alpine\nCOPY --from=build / /\nCOPY --from=img-$TARGETARCH / /",
			opt:        references.Options{TargetPlatforms: []ocispecs.Platform{amd64}},
			want:       nil, // --from does not expand: the converter refuses it
		},
		{
			name:       "every target platform, the build platform once",
			dockerfile: "FROM --platform=$BUILDPLATFORM golang AS build\nFROM alpine:$TARGETARCH\nCOPY --from=build / /",
			opt:        references.Options{TargetPlatforms: []ocispecs.Platform{amd64, {OS: "linux", Architecture: "arm64"}}, MultiPlatform: true},
			want: []string{
				"docker.io/library/golang:latest linux/amd64 needed@1",
				"docker.io/library/alpine:amd64 linux/amd64 needed@2",
				"docker.io/library/alpine:arm64 linux/arm64 needed@2",
			},
		},
		{
			name:       "a named context replaces an image",
			dockerfile: "FROM alpine\nCOPY --from=ghcr.io/x/y / /",
			opt: references.Options{Contexts: references.Contexts{
				"alpine":      "docker-image://quay.io/mirror/alpine",
				"ghcr.io/x/y": "local:y",
			}},
			want: []string{"quay.io/mirror/alpine:latest linux/amd64 needed@1"},
		},
		{
			name:       "a named context replaces a stage, what it copies from stays",
			dockerfile: "FROM alpine AS base\nCOPY --from=quay.io/tool / /\nFROM base",
			opt:        references.Options{Contexts: references.Contexts{"base": "docker-image://ghcr.io/me/base:2"}},
			want:       []string{"ghcr.io/me/base:2  needed@1", "quay.io/tool:latest linux/amd64 needed@2"},
		},
		{
			name:       "a named context for one platform",
			dockerfile: "FROM alpine",
			opt: references.Options{
				TargetPlatforms: []ocispecs.Platform{amd64, {OS: "linux", Architecture: "arm64"}},
				Contexts:        references.Contexts{"alpine::linux/arm64": "docker-image://quay.io/a"},
			},
			want: []string{alpine + "needed@1", "quay.io/a:latest linux/arm64 needed@1"},
		},
		{
			name:       "a later stage may have the name of an image",
			dockerfile: "FROM busybox AS a\nCOPY --from=b / /\nFROM alpine AS b\nFROM a",
			want:       []string{"docker.io/library/busybox:latest linux/amd64 needed@1", alpine + "needed@3"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.want == nil {
				_, err := references.Collect(t.Context(), []byte(tc.dockerfile), tc.opt)
				require.Error(t, err)
				return
			}
			require.Equal(t, tc.want, collect(t, tc.dockerfile, tc.opt))
		})
	}
}

func TestCollectRefusesWhatTheConverterRefuses(t *testing.T) {
	for _, tc := range []struct{ name, dockerfile, target string }{
		{name: "empty"},
		{name: "only comments", dockerfile: "# nothing\n"},
		{name: "an unknown instruction", dockerfile: "FROM alpine\nFORM x"},
		{name: "an empty argument in FROM", dockerfile: "ARG A\nFROM $A"},
		{name: "a reference that does not parse", dockerfile: "FROM Not/A/Reference"},
		{name: "a platform that does not parse", dockerfile: "FROM --platform=a/b/c/d/e alpine"},
		{name: "a missing target", dockerfile: "FROM alpine", target: "nope"},
		{name: "a stage number that does not exist", dockerfile: "FROM alpine\nCOPY --from=7 / /"},
		{name: "an argument in COPY --from", dockerfile: "FROM alpine\nARG X=a\nCOPY --from=$X / /"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := references.Collect(t.Context(), []byte(tc.dockerfile), references.Options{Target: tc.target, BuildPlatform: amd64})
			require.Error(t, err)
		})
	}
}

func TestCollectPositions(t *testing.T) {
	set, err := references.Collect(t.Context(), []byte("FROM alpine AS base\nRUN \\\n  --mount=from=quay.io/a,target=/a true\nFROM scratch\nCOPY --from=ghcr.io/x/y:1 /a /a\n"),
		references.Options{Filename: "Dockerfile.dev", BuildPlatform: amd64, Contexts: references.Contexts{"deps": "local:x"}})
	require.NoError(t, err)
	require.Equal(t, []string{"base", "deps"}, set.Names)
	var got []string
	for _, r := range set.References {
		for _, p := range r.Positions {
			got = append(got, fmt.Sprintf("%s:%d %s [%s]", p.File, p.Line, p.Instruction, p.Stage))
		}
	}
	require.Equal(t, []string{
		"Dockerfile.dev:1 FROM alpine AS base [base]",
		"Dockerfile.dev:2 RUN \\ [base]",
		"Dockerfile.dev:5 COPY --from=ghcr.io/x/y:1 /a /a [1]",
	}, got)
}

func TestLogNames(t *testing.T) {
	for _, multi := range []bool{false, true} {
		set, err := references.Collect(t.Context(), []byte("FROM alpine\nCOPY --from=base / /"), references.Options{
			BuildPlatform: platforms.MustParse("linux/arm64"), MultiPlatform: multi,
			Contexts: references.Contexts{"base": "docker-image://quay.io/b"},
		})
		require.NoError(t, err)
		want := "[internal] load metadata for docker.io/library/alpine:latest"
		if multi {
			want = "[linux/arm64 internal] load metadata for docker.io/library/alpine:latest"
		}
		require.Equal(t, want, set.References[0].LogName)
		require.Equal(t, "[context base] load metadata for quay.io/b", set.References[1].LogName)
	}
}

func FuzzCollect(f *testing.F) {
	f.Add("FROM alpine\nCOPY --from=x / /", "", "linux/amd64")
	f.Add("ARG A=b\nFROM --platform=$TARGETPLATFORM ${A:-c} AS s\nRUN --mount=from=s,target=/x <<EOT\nhi\nEOT\nFROM s", "s", "")
	f.Add("FROM alpine\n# check=skip=all\nRUN true", "", "")
	f.Add("# escape=`\nFROM a`\nb", "", "")
	f.Fuzz(func(t *testing.T, dockerfile, target, context string) {
		set, err := references.Collect(t.Context(), []byte(dockerfile), references.Options{
			Target: target, BuildPlatform: amd64, Contexts: references.Contexts{"a": context},
		})
		if err != nil {
			return
		}
		for _, r := range set.References {
			require.NotEmpty(t, r.Name)
			require.NotEmpty(t, r.Positions)
		}
	})
}

// TestCheckComments: a check comment above any instruction, also of a trigger, is
// for the builder's linter.
func TestCheckComments(t *testing.T) {
	require.Equal(t, []string{"docker.io/library/alpine:latest linux/amd64 needed@2", "ghcr.io/acme/tools:2 linux/amd64 needed@5"},
		collect(t, "# a comment\nFROM alpine\n# check=skip=all\nRUN true\nCOPY --from=ghcr.io/acme/tools:2 /x /x\n", references.Options{}))
	set, err := references.Collect(t.Context(), []byte("FROM alpine\n"), references.Options{Filename: "Dockerfile", BuildPlatform: amd64})
	require.NoError(t, err)
	more := set.OnBuild(t.Context(), set.References[0], []string{"# check=skip=all\nCOPY --from=ghcr.io/acme/tools:2 /x /x"})
	require.Len(t, more, 1)
	require.Equal(t, "ghcr.io/acme/tools:2", more[0].Name)
}
