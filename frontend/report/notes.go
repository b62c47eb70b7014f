package report

import "github.com/org/pullsafe/frontend/registry"

// The notes of remedies, below or beside a command. Those of a detail are in details.go.

const (
	noteAgain        = "then build again; a long-running client (an IDE) may cache credentials for five minutes"
	noteEnv          = "if DOCKER_AUTH_CONFIG is set, change it: docker logout cannot remove what it holds"
	noteWait         = "logging in does not help: wait and build again"
	noteTypo         = "check name and tag for a typo; a stage or named context must be spelled as it was declared"
	noteHidden       = "if it is private, log in: some registries report private images as not found; so does a builder's mirror that lacks the image"
	notePlatforms    = "build for a platform that the image has (--platform), or choose another image"
	noteClientNet    = "check DNS, proxy and VPN where docker runs: the client requests the tokens"
	noteDaemonNet    = "check DNS, proxy, firewall and registry mirror where the builder (or Docker Engine) runs: it requests the images"
	noteTLS          = "check the certificate and the builder's settings for this host: ca, http and insecure in buildkitd.toml, insecure-registries in daemon.json"
	notePolicy       = "use an image that the source policy allows, or change the policy"
	noteRegistryRule = "ask the administrator of the registry or organization: this image is blocked there"
	noteFirewall     = "not a credential problem: see the registry's message"
	noteReference    = "check the name: a variable in it may be empty; an ARG used in FROM needs a value and must be declared before the first FROM"
	noteAccount      = "the account's own limit is reached: wait, or use another account or a mirror"
	noteTLSAlias     = "a private CA or http setting in buildkitd.toml applies only to the host as spelled there"
	noteOrWait       = "or wait, or use a mirror"
	noteRaises       = "logging in raises the limit; or wait, or use a mirror"
	noteTryAgain     = "build again: the anonymous fallback may succeed"
	noteHost         = "the registry host of the image"
	notePublic       = "if this works, only the stored credentials were at fault"
	noteRepair       = "repair the credential helper"
	noteErases       = "not every credential helper can remove credentials"
	noteAliases      = "if you run this registry: have its proxy accept the host in capitals or with the port, see " + pageRegistries
	noteWaiting      = "hangs if the credential helper waits for input; X is the helper's name in config.json"
	noteSilent       = "shows why it failed; X is the helper's name in config.json"
	noteBadRedirect  = "check the name; if it is right, ask the registry's administrator: the registry, or a proxy in front of it, sends a redirect that fails"
	noteBehindMirror = "if your credentials for it may have expired: BuildKit does not show what the registry itself answered"
	notePolicyAlias  = "or allow the host alias in the source policy, if images may be pulled anonymously"
)

// pageRegistries tells administrators which host aliases there are, and how to serve them.
const pageRegistries = "https://github.com/org/pullsafe/blob/main/docs/registries.md"

// noteEmptyEntry: an empty entry has the Docker CLI look into config.json alone for the
// host alias, whatever credsStore is (docker/cli, cli/config/configfile,
// GetCredentialsStore). The login of the host itself stays.
func noteEmptyEntry(host string) string {
	return `or keep the helper's credentials: add "credHelpers": {"` + registry.FirstAlias(host) +
		`": ""} to the Docker CLI's config.json, so that no helper is asked for the host alias (docker pullsafe check --fix adds it)`
}

// noteMirror says where a mirror is set: for Docker Hub alone also in Docker Engine.
func noteMirror(host string) string {
	note := `repair the mirror, or remove it: buildkitd.toml of the builder ([registry."` + host + `"], mirrors)`
	if host == registry.DockerHub {
		note += ` or daemon.json ("registry-mirrors")`
	}
	return note
}

// noteKeepForPush: buildx looks up Docker Hub under the name of its registry, and
// would take HOST@pull for pushes to the host too
// (buildx v0.37.2, util/dockerutil/dockerconfig/configprovider.go).
func noteKeepForPush(host string) string {
	return "or keep the credentials for everything else (buildx 0.31 or newer): put " + registry.AnonymousConfig(host) + " in ~/.docker/buildx/config/" + registry.Requested(host) + "/REPOSITORY@pull/config.json"
}

// noteHelper names the key to remove, where the host is known.
func noteHelper(host string) string { return "or " + noteRemoveHelper(host) }
