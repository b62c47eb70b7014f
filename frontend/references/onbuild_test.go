package references_test

import (
	"testing"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/references"
)

func TestOnBuild(t *testing.T) {
	arm64 := ocispecs.Platform{OS: "linux", Architecture: "arm64"}
	for _, tc := range []struct {
		name     string
		opt      references.Options
		triggers []string
		want     []string
	}{
		{name: "none"},
		{name: "copy", triggers: []string{"COPY --from=ghcr.io/x/y:1 /a /a"}, want: []string{"ghcr.io/x/y:1 linux/amd64 needed@2"}},
		{name: "mounts", triggers: []string{"RUN --mount=from=quay.io/m,target=/m --mount=type=cache,target=/c true"}, want: []string{"quay.io/m:latest linux/amd64 needed@2"}},
		{name: "a stage, a number, the context", triggers: []string{"COPY --from=Tools /a /a", "COPY --from=0 /a /a", "COPY . /a", "RUN true"}},
		{name: "what does not parse", triggers: []string{"FORM x", "", "COPY --from=Not/A/Ref /a /a", "RUN a\nRUN b"}},
		{name: "twice", triggers: []string{"COPY --from=a /a /a", "COPY --from=a /b /b"}, want: []string{"docker.io/library/a:latest linux/amd64 needed@2"}},
		{
			name: "a named context", triggers: []string{"COPY --from=a /a /a", "COPY --from=b /a /a"},
			opt:  references.Options{Contexts: references.Contexts{"a": "docker-image://quay.io/a", "b": "local:b"}},
			want: []string{"quay.io/a:latest linux/amd64 needed@2"},
		},
		{
			name: "the platform of the base", triggers: []string{"COPY --from=a /a /a"},
			opt:  references.Options{TargetPlatforms: []ocispecs.Platform{arm64, amd64}},
			want: []string{"docker.io/library/a:latest linux/arm64 needed@2"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.opt.Filename, tc.opt.BuildPlatform = "Dockerfile", amd64
			set, err := references.Collect(t.Context(), []byte("FROM scratch AS tools\nFROM base\nCOPY --from=tools / /\n"), tc.opt)
			require.NoError(t, err)
			var got []string
			for _, r := range set.OnBuild(t.Context(), set.References[0], tc.triggers) {
				got = append(got, show(r))
			}
			require.Equal(t, tc.want, got)
		})
	}
}
