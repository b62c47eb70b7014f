package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/registry"
	"github.com/org/pullsafe/llb"
)

// Every sentence that a user reads about an image is below; those of the warning
// are in warning.go.

const (
	noteAgain        = "then build again; a long-running client (an IDE) may cache credentials for five minutes"
	noteEnv          = "if DOCKER_AUTH_CONFIG is set: docker logout cannot remove what it holds; change the variable"
	noteWait         = "logging in does not help: wait and build again"
	noteTypo         = "check name and tag for a typo; a stage or named context must be spelled as it was declared"
	noteHidden       = "log in if it is private: some registries answer the same then; so does a mirror of the builder without the image"
	notePlatforms    = "build for a platform that the image has (--platform), or choose another image"
	noteClientNet    = "check DNS, proxy and VPN where docker runs: the client asks for tokens"
	noteDaemonNet    = "check DNS, proxy, firewall and registry mirror where the builder (or Docker Engine) runs: it asks for images"
	noteTLS          = "check the certificate and the builder's trust: ca, http and insecure for this host in buildkitd.toml or daemon.json"
	notePolicy       = "use an image that the source policy allows, or change the policy"
	noteRegistryRule = "ask the administrator of the registry or organization: this image is blocked there"
	noteFirewall     = "not a problem of credentials: see the registry's own words"
	noteReference    = "check the name: a variable in it may be empty; an ARG used in FROM needs a value and must be declared before the first FROM"
	noteAccount      = "the account's own limit is reached: wait, or use another account or a mirror"
	noteTLSAlias     = "a private CA or http setting of the builder applies only to the host as it is spelled there"
	noteOrWait       = "or wait, or use a mirror"
	noteRaises       = "a login raises the limit; or wait, or use a mirror"
	noteTryAgain     = "build again: the anonymous fallback may succeed"
	noteHost         = "the registry host of the image"
	notePublic       = "if this works, only the stored credentials were wrong"
	noteRepair       = "repair the credential helper"
	noteErases       = "not every credential helper can remove a login"
	noteAliases      = "if you run this registry: let its proxy take the host in capitals or with the port, see " + pageRegistries
	noteWaiting      = "does not end if a credential helper waits for somebody; X is its name in config.json"
	noteSilent       = "shows why it failed; X is the helper's name in config.json"
	noteBadRedirect  = "check the name; the registry, or a proxy in front of it, leads nowhere with it: ask its administrator"
	noteBehindMirror = "if its credentials may have expired: what the registry itself answered is not shown"
	notePolicyAlias  = "or allow the host alias in the source policy, if images may be pulled anonymously"
)

// pageRegistries tells administrators which host aliases there are, and how to serve them.
const pageRegistries = "https://github.com/org/pullsafe/blob/main/docs/registries.md"

// noteEmptyEntry: an empty entry has the Docker CLI look into config.json alone for the
// host alias, whatever credsStore is (docker/cli, cli/config/configfile,
// GetCredentialsStore). The login of the host itself stays.
func noteEmptyEntry(host string) string {
	return `or keep the login of a credential helper: add "credHelpers": {"` + registry.FirstAlias(host) +
		`": ""} to config.json of the Docker CLI; the helper is then not asked for the alias (docker pullsafe check --fix adds it)`
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

func where(d diagnosis.Diagnosis) string { return cmp.Or(d.Host, "the registry") }

// who is what an answer is of: the registry, or a mirror that was asked in its place.
func who(d diagnosis.Diagnosis) string {
	if d.Mirror == "" {
		return where(d)
	}
	return "a mirror of " + where(d) + Quote(known(d.Mirror))
}

// unquote keeps words from closing the quotes and parentheses around them.
var unquote = strings.NewReplacer(`"`, "'", "(", "[", ")", "]")

// Quote puts the words of a registry, of a helper or of a policy, which were cleaned,
// behind ours, such that they cannot be taken for ours; nothing where there are none.
func Quote(s string) string {
	if s == "" {
		return ""
	}
	return ` ("` + unquote.Replace(s) + `")`
}

// opening is the first half of a headline: the answer to the attempt as written.
func opening(d diagnosis.Diagnosis) string {
	answer := Quote(d.Message)
	if d.Class == diagnosis.CredentialsRejected {
		return who(d) + " rejected the stored credentials" + answer
	}
	if d.Class == diagnosis.CredentialHelper {
		return "the credential helper for " + where(d) + " failed" + answer
	}
	return who(d) + " denied access" + answer
}

// sentBy are the ways in which a host alias can come to credentials. BuildKit does not say
// which one it was, and drops the words that tell of a redirect.
const sentBy = " (by a credential helper, a login that is stored for it, or a redirect)"

// sayCredentials: the fallback met the credentials of the session, or a helper, again.
func sayCredentials(first, last diagnosis.Diagnosis) string {
	switch {
	case last.Class == diagnosis.CredentialsRejected && first.Class == diagnosis.CredentialHelper:
		return "; credentials were sent for the host alias" + sentBy + ", and rejected" + Quote(last.Message) + ": no anonymous attempt was possible"
	case last.Class == diagnosis.CredentialsRejected:
		return "; credentials were sent for the host alias too" + sentBy + ", and rejected" + Quote(last.Message) + ": no anonymous attempt was possible"
	case first.Class == diagnosis.CredentialHelper:
		return ", for the host alias too: no anonymous attempt was possible"
	default:
		return "; the credential helper failed for the host alias" + Quote(last.Message) + ": no anonymous attempt was possible"
	}
}

// sayRedirect: BuildKit followed a redirect of the host alias, with what the client has
// for the host that it led to.
func sayRedirect(last diagnosis.Diagnosis) string {
	if last.RedirectBack() {
		return "; the host alias is redirected back to " + where(last) + Quote(last.Message) + ": no anonymous attempt was possible"
	}
	return "; the host alias is redirected" + Quote(known(last.Redirect)) + ", and the anonymous fallback failed there" + Quote(last.Message)
}

func sayNotServed(last diagnosis.Diagnosis) string {
	return "; no host alias of " + where(last) + " is served" + Quote(last.Message) + ": no anonymous attempt was possible"
}

const (
	sayDenied         = "; the anonymous fallback was denied: private or missing"
	sayMissing        = "; the anonymous fallback found no such image: missing, hidden, or a proxy in front of the registry does not know the host alias"
	sayNoPlatform     = "; the anonymous fallback found the image, but not for this platform"
	sayAnonymousLimit = "; the anonymous fallback exceeded the rate limit"
	sayUnfinished     = "; the anonymous fallback failed"
	sayCanceled       = "; the anonymous fallback was canceled"
	sayOff            = "; the anonymous fallback is switched off for this host"
)

// sayPolicy: the anonymous attempt carries a rule that lets no policy lead it to
// another host, so the source that was denied tells which it is.
func sayPolicy(first, last diagnosis.Diagnosis) string {
	src := last.PolicySource
	if src == "" {
		return "; no anonymous fallback: the source policy allows only the host as written"
	}
	named, ok := llb.ParseImageSource(src)
	src = Quote(diagnosis.Clean(src, maxAnswer))
	if !ok || !registry.Same(reference.Domain(named), first.Host) {
		return "; no anonymous fallback: a source policy converts the host alias" + src
	}
	return "; no anonymous fallback: the source policy does not allow the host alias" + src
}

func sayFallback(first diagnosis.Diagnosis, strict bool) string {
	say := "; resolved without " + without(first)
	if strict {
		say += ", which strict mode does not allow"
	}
	return say
}

// sayVerdict: BuildKit drops the words that tell a policy's own request from others:
// a refusal may mean that the policy wanted to know more of the image.
func sayVerdict(policy diagnosis.Diagnosis) string {
	verdict := "could not be evaluated with the stored credentials"
	if policy.Class == diagnosis.PolicyDenied {
		verdict = "does not allow it"
	}
	return "; resolved by the anonymous fallback, but a policy " + verdict + Quote(policy.Message)
}

// headline is the whole line when there was no anonymous fallback.
func headline(d diagnosis.Diagnosis) string {
	answer, r := Quote(d.Message), registry.Of(d.Host)
	if d.Mirror != "" && d.Class == diagnosis.AuthRequired {
		return opening(d)
	}
	switch d.Class {
	case diagnosis.CredentialsRejected, diagnosis.CredentialHelper:
		return opening(d)
	case diagnosis.AuthRequired:
		if r.NoLogin || r.TokensForAll {
			return who(d) + " denied anonymous access" + answer + ", which it normally allows: a fault of the registry"
		}
		return "no credentials are stored for " + where(d) + ", and anonymous access was denied" + answer + ": private or missing"
	case diagnosis.DeniedAmbiguous:
		if r.NoLogin {
			return opening(d) + ", although it needs no login"
		}
		return opening(d) + ": private, missing, or no access"
	case diagnosis.RateLimited:
		return "the rate limit of " + who(d) + " is exceeded" + answer
	case diagnosis.NotFound:
		if d.Message == "not found" {
			answer = ""
		}
		return who(d) + " has no such image or tag" + answer
	case diagnosis.NoMatchingPlatform:
		return "the image exists, but not for this platform"
	case diagnosis.NetworkFailure:
		if d.Redirect != "" {
			return sayBadRedirect(d)
		}
		if d.Network == "" {
			return "no answer from " + who(d) + " in time" + answer
		}
		return "no connection to " + who(d) + " from the " + side(d) + answer
	case diagnosis.TLSFailure:
		if d.Redirect != "" {
			return sayBadRedirect(d)
		}
		return "TLS verification failed for " + who(d) + " on the " + side(d) + answer
	case diagnosis.RegistryOutage:
		return who(d) + " returned a server error or an invalid response" + answer
	case diagnosis.PolicyDenied:
		return "a policy does not allow this image" + answer
	case diagnosis.InvalidReference:
		return "not a valid reference" + answer
	case diagnosis.Canceled:
		return "canceled"
	case diagnosis.NotARegistryError:
	}
	return "the request failed" + answer
}

func sayBadRedirect(d diagnosis.Diagnosis) string {
	return where(d) + " redirects the request" + Quote(known(d.Redirect)) + ", and that failed" + Quote(d.Message)
}

// leftOpen is what one answer with credentials leaves open.
var leftOpen = map[diagnosis.Class]string{
	diagnosis.CredentialsRejected: "this answer alone does not tell whether the image can be pulled anonymously",
	diagnosis.DeniedAmbiguous:     "this answer alone does not tell whether credentials were sent, nor whether the image can be pulled anonymously",
}

func side(d diagnosis.Diagnosis) string {
	if d.Network == diagnosis.NetworkClient {
		return "client"
	}
	return "builder"
}

const (
	wordsNotChecked = "not checked: no answer in time after another image had failed"
	wordsNoImages   = "The Dockerfile names no images.\n"
	wordsMore       = "and %d more"
	wordsUnneeded   = "not needed by the target"

	wordsLoginRefused   = "Registry credentials rejected"
	wordsCannotBePulled = "Image cannot be pulled"
)

// failureHeadline opens the error of a build. pulling: all of the images were
// resolved, and their content could not be pulled.
func failureHeadline(failed, needed int, pulling bool) string {
	what := "resolved"
	if pulling {
		what = "pulled"
	}
	if needed == 1 {
		return "the image could not be " + what
	}
	return fmt.Sprintf("%d of %d images could not be %s", failed, needed, what)
}

// wordsUnsure is for an answer about one of several images.
const wordsUnsure = "BuildKit does not say which of the images that the step needs this is about"

// outcomeWords are the outcomes in a table.
var outcomeWords = map[Outcome]string{
	OK:                   "ok",
	OKWithoutCredentials: "ok, anonymous fallback",
	Failed:               "FAILED",
	NotChecked:           "not checked",
}

// Closing counts the references by outcome.
func (s Summary) Closing() string {
	images := "images"
	if s.References == 1 {
		images = "image"
	}
	parts := []string{fmt.Sprintf("%d %s: %d ok", s.References, images, s.OK)}
	for _, part := range []struct {
		n    int
		what string
	}{{s.OKWithoutCredentials, "ok by anonymous fallback"}, {s.Failed, "failed"}, {s.NotChecked, "not checked"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	return strings.Join(parts, ", ")
}

// maxNames bounds the names that a hint lists.
const maxNames = 6

// sayBareName: near is the declared name most like name, names are all of them.
func sayBareName(name, ref, near string, names []string) string {
	text := fmt.Sprintf("%q is no stage or named context here, so it was taken for the image %s", name, ref)
	if near != "" {
		return text + fmt.Sprintf("; did you mean %q?", near)
	}
	if len(names) > maxNames {
		names = append(slices.Clone(names[:maxNames]), "...")
	}
	if len(names) > 0 {
		text += "; there are: " + strings.Join(names, ", ")
	}
	return text
}
