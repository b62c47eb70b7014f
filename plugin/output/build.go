package output

import (
	"github.com/org/pullsafe/frontend/diagnosis"
)

// PullingFrontend says what a build waits for.
func PullingFrontend(image string) string {
	return "pullsafe: pulling the frontend image " + diagnosis.Clean(image, maxCell)
}

// NoFrontend says that the Dockerfile's own frontend builds, and why.
func NoFrontend(image, why string) string {
	return "pullsafe: the frontend image " + diagnosis.Clean(image, maxCell) + " is not available (" + why + "); building with the Dockerfile's own frontend"
}

// NoBuildx says that docker builds as it would without the plugin.
const NoBuildx = "pullsafe: buildx is not installed, so docker builds without pullsafe; install the docker-buildx plugin"

// Classic says the same of a build without BuildKit.
const Classic = "pullsafe: DOCKER_BUILDKIT=0 selects the classic builder, which builds without pullsafe"

// BuildAgain says why a build starts again.
func BuildAgain(host string) string {
	if host == "" {
		host = "the registry"
	}
	return "pullsafe: access to " + diagnosis.Clean(host, maxCell) + " failed; building again with the pullsafe frontend"
}
