package output

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/plugin/install"
)

func TestSettings(t *testing.T) {
	list := []install.Setting{
		{Path: []string{"aliases", "builder"}, Want: "pullsafe", Is: "other\x1b[31m", Set: true},
		{Path: []string{"features", "hooks"}, Want: "true", Is: "true", Set: true},
		{Path: []string{"plugins", "pullsafe", "error-hooks"}, Is: "pull", Set: true, Gone: true},
	}
	require.Equal(t, `/c/config.json will change:
  aliases.builder: "pullsafe" (now "other")
    docker build, docker image build, docker bake and docker builder run through this plugin
  plugins.pullsafe.error-hooks: removed (now "pull")`, Settings("/c/config.json", list))
}

func TestStatus(t *testing.T) {
	s := Status{
		File: "/c/config.json", Alias: "pullsafe", On: true, Honoured: true, Hooks: true, Plugin: "/p/docker-pullsafe", Version: "v1.2.3",
		Buildx: "/p/docker-buildx", Frontend: "org/pullsafe:1.2.3", Digest: "sha256:c0ffee",
	}
	require.Equal(t, `docker build    through pullsafe, by aliases.builder in /c/config.json
hints           on, after a failed build or pull (Docker CLI 29.3 or newer)
plugin          /p/docker-pullsafe, v1.2.3
buildx          /p/docker-buildx
frontend image  org/pullsafe:1.2.3@sha256:c0ffee
`, s.Text())
	s.Classic = true
	require.Contains(t, s.Text(), "not through pullsafe: DOCKER_BUILDKIT=0 selects the classic builder")
	s.Honoured = false
	require.Contains(t, s.Text(), "not through pullsafe: the Docker CLI ignores aliases.builder in /c/config.json")
	s.On, s.Alias = false, "buildx"
	require.Contains(t, s.Text(), `not through pullsafe: aliases.builder in /c/config.json is "buildx"`)
	s.Alias, s.Hooks, s.Buildx, s.FrontendError = "", false, "", "docker.io has no such image or tag"
	require.Equal(t, `docker build    not through pullsafe; to change that: docker pullsafe install
hints           off; to turn them on: docker pullsafe install --hooks
plugin          /p/docker-pullsafe, v1.2.3
buildx          not found
frontend image  org/pullsafe:1.2.3, not available: docker.io has no such image or tag; until it is, builds use the Dockerfile's own frontend
`, s.Text())
}
