package diagnosis

import "strings"

// The errors of other speakers than a registry. They are looked for before the first
// words that a registry can have written: no registry may have its own answer taken
// for somebody else's.

// runtimePhrases are of a container that could not be started, in runc's and dockerd's
// words: all layers were there.
var runtimePhrases = []string{
	"failed to create task for container", "failed to create shim task", "oci runtime create failed", "oci runtime exec failed", "runc create failed",
	"starting container process caused", "unable to start container process", "error while creating mount source path",
	"failed to set up container networking", "driver failed programming external connectivity", "cannot start service ",
	"bind source path does not exist", "ports are not available", "could not select device driver",
}

// daemonPhrases are of the way to the Docker daemon.
var daemonPhrases = []string{
	"error during connect: ", "an error occurred trying to connect: ", "cannot connect to the docker daemon", "permission denied while trying to connect to the docker",
	"is the docker daemon running", "docker daemon is not running", "failed to connect to the docker api",
}

func (f *facts) containerStart() bool {
	return containsAny(f.low[:len(f.beforeRegistry())], runtimePhrases)
}

// daemonConnection: the client's own request to the daemon's API failed.
func (f *facts) daemonConnection() bool {
	return containsAny(f.low[:min(len(f.low), 512)], daemonPhrases) && !strings.Contains(f.url, "/v2/")
}

// otherPhrases tell who speaks where no registry does.
var otherPhrases = []struct {
	detail  Detail
	phrases []string
}{
	{OldManifest, []string{
		"distribution.manifest.v1+prettyjws", "distribution.manifest.v1+json", "docker image format v1", "schema 1 image", "schema1", "manifest schema v1",
		"schema version 1", "is no longer supported since containerd v2",
	}},
	{ZstdLayers, []string{"tar.zstd", "tar+zstd"}},
	{GitSource, []string{"failed to fetch remote ", "failed to load git source", "could not read username for ", "failed to read remote refs", "rpc failed; http ", "the remote end hung up unexpectedly"}},
	{DownloadFailed, []string{"failed to get http", "unexpected http response: ", "invalid response status "}},
	{MissingFile, []string{"failed to calculate checksum of ref ", "failed to compute cache key: \"", "failed to read dockerfile", "forbidden path outside the build context", "unable to prepare context", "add failed: ", "copy failed: "}},
	{NoBuildx, []string{"buildkit is enabled but the buildx component is missing", "'buildx' is not a docker command", "unknown flag: --progress", "buildx: command not found", "unknown command: docker buildx"}},
	{BuildKitFault, []string{"content digest sha256:", "failed to solve: unavailable", "error reading from server: eof", "failed to receive status", "no active session for", "failed to load ref"}},
}

// otherDetail is who speaks in a text of no registry, or "".
func (f *facts) otherDetail() Detail {
	switch {
	case f.daemonConnection():
		return DaemonConnection
	case f.containerStart():
		return ContainerStart
	}
	for _, o := range otherPhrases {
		if containsAny(f.low, o.phrases) {
			return o.detail
		}
	}
	return when(f.failedCommand() || f.failedStep(), FailedStep)
}
