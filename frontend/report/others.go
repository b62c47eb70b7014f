package report

import "github.com/org/pullsafe/frontend/diagnosis"

// other is what an error is that no registry has to do with: whose words they are, and
// what to do.
type other struct{ whose, todo string }

var others = map[diagnosis.Detail]other{
	diagnosis.FailedStep:       {"a command that a step ran", "a command in a RUN step failed (such as npm, apt, git or curl), not the pull of an image: see the command's own output"},
	diagnosis.DaemonConnection: {"the client, about its connection to the Docker daemon", "check that the daemon is running, then DOCKER_HOST, the context (docker context ls), and the daemon's certificates"},
	diagnosis.ContainerStart:   {"the container runtime", "the image was pulled, but its container could not start: check the entrypoint (does it exist, is it executable), mounts, ports and platform"},
	diagnosis.OldManifest:      {"Docker Engine or BuildKit", "the image uses manifest schema 1, which is no longer supported: use a newer tag, or convert the image by copying it with skopeo or crane"},
	diagnosis.ZstdLayers:       {"the client that pulls", "it does not support zstd layers or their media type: update it; if you publish the image, build with oci-mediatypes=true or compression=gzip"},
	diagnosis.GitSource:        {"git", "give git the credentials for the repository (for a build from a URL: --secret id=GIT_AUTH_TOKEN), or build from a local folder"},
	diagnosis.MissingFile:      {"BuildKit, about the build context", "check the path and .dockerignore: the file was not sent to the builder"},
	diagnosis.NoBuildx:         {"the Docker CLI", "install or update the buildx plugin (docker-buildx-plugin, docker-buildx)"},
	diagnosis.DownloadFailed:   {"a download other than an image", "check the URL of the download"},
	diagnosis.BuildKitFault:    {"BuildKit", "build again; if it persists, prune the build cache (docker builder prune) or update BuildKit"},
}

// Other says whose an error is that no registry has to do with; "" where nobody knows.
func Other(d diagnosis.Detail) (whose string, todo []Remedy) {
	o, ok := others[d]
	if !ok {
		return "", []Remedy{}
	}
	return o.whose, []Remedy{{Note: o.todo}}
}
