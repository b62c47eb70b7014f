package report

import "github.com/org/pullsafe/frontend/diagnosis"

// other is what an error is that no registry has to do with: whose words they are, and
// what to do.
type other struct{ whose, todo string }

var others = map[diagnosis.Detail]other{
	diagnosis.FailedStep:       {"a command that a step ran", "what a RUN step prints, for example npm, apt, git or curl, is not a registry's answer to the build: look at what the command needs"},
	diagnosis.DaemonConnection: {"the client, about its connection to the Docker daemon", "check that the daemon runs, DOCKER_HOST, the context (docker context ls), and the certificates of the daemon"},
	diagnosis.ContainerStart:   {"the container runtime", "the image was pulled, its container could not start: check entrypoint (does it exist, is it executable), mounts, ports and platform"},
	diagnosis.OldManifest:      {"Docker Engine or BuildKit", "the image has the manifest format schema 1, which is no longer supported: use a newer tag, or copy the image with skopeo or crane, which converts it"},
	diagnosis.ZstdLayers:       {"the client that pulls", "it does not know layers in zstd, or their media type: update it; publishers: oci-mediatypes=true, or compression=gzip"},
	diagnosis.GitSource:        {"git", "give git credentials for the repository (for a build from a URL: --secret id=GIT_AUTH_TOKEN), or build from a local folder"},
	diagnosis.MissingFile:      {"BuildKit, about the build context", "check path and .dockerignore: the file is not in what was sent to the builder"},
	diagnosis.NoBuildx:         {"the Docker CLI", "install the buildx plugin (docker-buildx-plugin, docker-buildx), or update it"},
	diagnosis.DownloadFailed:   {"a download that is no image", "look at the address that it came from"},
	diagnosis.BuildKitFault:    {"BuildKit", "build again; if it stays, prune the build cache (docker builder prune) or update BuildKit"},
}

// Other says whose an error is that no registry has to do with; "" where nobody knows.
func Other(d diagnosis.Detail) (whose string, todo []Remedy) {
	o, ok := others[d]
	if !ok {
		return "", []Remedy{}
	}
	return o.whose, []Remedy{{Note: o.todo}}
}
