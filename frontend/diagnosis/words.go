package diagnosis

import (
	"fmt"
	"strings"

	"github.com/org/pullsafe/frontend/registry"
)

// maxListed bounds the references that a warning names.
const maxListed = 3

// Every sentence that a user reads is below.

const (
	noteAgain        = "then build again; a client that keeps running may give the old answer for five minutes"
	noteEnv          = "if DOCKER_AUTH_CONFIG is set: docker logout cannot remove what it holds; change the variable"
	noteWait         = "a login does not help: wait and build again"
	noteHelperAll    = "or remove credsStore from config.json of the Docker CLI: that helper answers for every host"
	noteTypo         = "check name and tag for a typo; a stage or named context must be spelled as it was declared"
	noteHidden       = "some registries answer the same for private images: log in if it is one"
	notePlatforms    = "build for a platform that the image has (--platform), or choose another image"
	noteClientNet    = "check DNS, proxy and VPN where docker runs: the client asks for tokens"
	noteDaemonNet    = "check DNS, proxy and registry mirror of the builder: the BuildKit daemon asks for images"
	noteTLS          = "check the certificate and the builder's trust: ca, http and insecure for this host in buildkitd.toml or daemon.json"
	notePolicy       = "use an image that the source policy allows, or change the policy"
	noteRegistryRule = "ask the administrator of the registry or organization: this image is blocked there"
	noteFirewall     = "neither login nor logout changes this answer: see the registry's own words"
	noteReference    = "check the name; an ARG used in FROM needs a value and must be declared before the first FROM"
	noteAccount      = "the account's own limit is reached: wait, or use another account or a mirror"
	noteTLSSpelling  = "a private CA or http setting of the builder counts only for the host as it is written there"
	noteOrWait       = "or wait, or use a mirror"
	noteRaises       = "a login raises the limit; or wait, or use a mirror"
	noteTryAgain     = "build again: the try without credentials may pass"
	noteHost         = "the registry host of the image"
	notePublic       = "if this works now, the image is public and only the stored login was bad"
	notePush         = "the login must be allowed to push to this repository"
	noteRepair       = "repair the credential helper"
	notePolicySpell  = "or allow the other spelling of the host in the source policy, if images may be pulled without credentials"
)

// keepPushNote: buildx looks up Docker Hub under the name of its registry, and
// would take HOST@pull for pushes to the host too
// (buildx v0.37.2, util/dockerutil/dockerconfig/configprovider.go).
func keepPushNote(host string) string {
	return "or keep the login for all else (buildx 0.31 or newer): put {} in ~/.docker/buildx/config/" + registry.Requested(host) + "/REPOSITORY@pull/config.json"
}

// helperNote names the key to remove, where the host is known.
func helperNote(host string) string {
	key := "the host"
	if host != "" {
		key = `"` + host + `"`
	}
	return "or remove " + key + " under credHelpers, or credsStore, from config.json of the Docker CLI"
}

func (d Diagnosis) where() string {
	if d.Host == "" {
		return "the registry"
	}
	return d.Host
}

func inParens(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

// opening is the first half of a headline: the answer to the try as written.
func (d Diagnosis) opening() string {
	answer := inParens(d.Message)
	//exhaustive:ignore
	switch d.Class {
	case CredentialsRejected:
		return d.where() + " refused the stored credentials" + answer
	case CredentialHelper:
		return "the credential helper for " + d.where() + " failed" + answer
	default:
		return d.where() + " refused access" + answer
	}
}

func sayRefusedToo(first, _ Diagnosis) string {
	if first.Class == CredentialHelper {
		return "; without credentials the registry refused: private or missing"
	}
	if first.Class == DeniedAmbiguous {
		return ", and refused without credentials too: private, missing, or no access"
	}
	return ", and refused without them too: private, missing, or no access"
}

func sayHelperAnswers(first, without Diagnosis) string {
	switch {
	case first.Class == CredentialHelper:
		return ", and for every host: nothing could be tried without credentials"
	case without.Class == CredentialHelper:
		return "; a credential helper answers for every host, so nothing could be tried without credentials"
	}
	return "; credentials were sent under the other spelling of the host too (a helper that answers for every host, or a redirect), so nothing could be tried without them"
}

func sayMissing(_, _ Diagnosis) string {
	return "; without credentials it has no such image: missing, or hidden"
}

func sayNoPlatform(_, _ Diagnosis) string {
	return "; the image is public, but not for this platform"
}

func sayAnonymousLimit(_, without Diagnosis) string {
	return "; without credentials its limit is reached" + inParens(without.Message)
}

// sayPolicy: the try without credentials carries a rule that lets no policy lead
// it to another host, so the source that was refused tells which it is.
func sayPolicy(first, without Diagnosis) string {
	if src := PolicySource(without.Message); src != "" {
		if !registry.Same(hostOf(src), first.Host) {
			return "; not tried without credentials: a source policy makes " + src + " of the other spelling of the host"
		}
		return "; not tried without credentials: the source policy does not allow " + src
	}
	return "; not tried without credentials: the source policy allows only the host as written"
}

func sayCanceled(_, _ Diagnosis) string { return "; the try without credentials was canceled" }

func sayUnfinished(_, without Diagnosis) string {
	return "; the try without credentials failed on the way" + inParens(without.Message)
}

func sayRescued(first Diagnosis) string {
	if first.Class == CredentialsRejected {
		return "; it can be had without them"
	}
	return "; it can be had without credentials"
}

const (
	sayStrict = ", which strict does not allow"
	sayOff    = "; not tried without credentials: that is switched off for this host"
)

// sayPolicyUndecided: BuildKit drops the words that tell a policy's own request
// from others, so that a refusal here may mean that the policy wanted to know
// more of the image.
func sayPolicyUndecided(answer Diagnosis) string {
	if answer.Class == PolicyDenied {
		return "; had without credentials, but a policy does not allow it" + inParens(answer.Message)
	}
	return "; had without credentials, but a policy could not be evaluated with the stored ones" + inParens(answer.Message)
}

// headline is the whole line when nothing was tried without credentials.
func (d Diagnosis) headline() string {
	answer, r := inParens(d.Message), registry.Of(d.Host)
	switch d.Class {
	case CredentialsRejected, CredentialHelper:
		return d.opening()
	case AuthRequired:
		if r.NoLogin || r.TokensForAll {
			return d.where() + " refused a request without credentials" + answer + ", which it normally serves: a fault of the registry"
		}
		return d.where() + " has no stored credentials and refused without" + answer + ": private or missing"
	case DeniedAmbiguous:
		if r.NoLogin {
			return d.opening() + ", although it needs no login"
		}
		return d.opening() + ": private, missing, or no access"
	case RateLimited:
		return d.where() + " got too many requests" + answer
	case NotFound:
		if d.Message == "not found" {
			answer = ""
		}
		return d.where() + " has no such image or tag" + answer
	case NoMatchingPlatform:
		return "the image exists, but not for this platform"
	case NetworkFailure:
		if d.Network == "" {
			return "no answer from " + d.where() + " in time" + answer
		}
		return "no connection to " + d.where() + " from the " + d.side() + answer
	case TLSFailure:
		return "no trusted TLS connection to " + d.where() + " from the " + d.side() + answer
	case RegistryOutage:
		return d.where() + " does not work as it should" + answer
	case PolicyDenied:
		return "a policy does not allow this image" + answer
	case InvalidReference:
		return "not a valid reference" + answer
	case Canceled:
		return "canceled"
	case NotARegistryError:
	}
	return d.Message
}

// sayNotKnown is what one answer with credentials leaves open.
const (
	sayNotKnown     = "not known from this alone: whether the image can be pulled without the login"
	sayNotKnownSent = "not known from this alone: whether a login was sent, and whether the image can be pulled without one"
)

// open is what remains to be found out, or "".
func (d Diagnosis) open() string {
	//exhaustive:ignore
	switch {
	case !d.AnonymousRetryCanHelp:
	case d.Class == CredentialsRejected:
		return sayNotKnown
	case d.Class == DeniedAmbiguous:
		return sayNotKnownSent
	}
	return ""
}

func (d Diagnosis) side() string {
	if d.Network == NetworkClient {
		return "client"
	}
	return "builder"
}

// RefusedShort is the warning's text when the build went on without the refused
// credentials. It holds the command, because buildx shows no more than this.
//
// done is what became of the images: "pulled", or "resolved" when the build
// failed for another reason.
func RefusedShort(host string, refs []string, d Diagnosis, done string) string {
	d.Host = host
	if d.Class == CredentialHelper {
		return fmt.Sprintf("the credential helper for %s failed; %s %s without credentials. Repair it or remove it from config.json", d.where(), done, listed(refs))
	}
	what, how := "refused the stored credentials", "without them"
	if d.Class == DeniedAmbiguous {
		// Such an answer does not show that there were any.
		what, how = "refused access", "without credentials"
	}
	return fmt.Sprintf("%s %s; %s %s %s. Run: %s", d.where(), what, done, listed(refs), how, logout(host).Command)
}

// StepAdvice is what the name of the step without credentials ends in where
// there are no warnings.
func StepAdvice(host string) string {
	return fmt.Sprintf(" (without credentials; %s refused the stored ones, run: %s)", host, logout(host).Command)
}

// UnneededShort is the warning about refused credentials for images that the
// target does not need and that cannot be had without them either.
func UnneededShort(host string, refs []string) string {
	return fmt.Sprintf("%s refused the stored credentials for %s, which the target does not need. Run: %s", host, listed(refs), logout(host).Command)
}

// UnneededDetail is the detail of that warning, line by line.
func UnneededDetail(host string, d Diagnosis) []string {
	d.Host = host
	lines := []string{
		d.opening() + ", and there is no such public image.",
		"The build does not need it and goes on. The steps marked ERROR in the progress above can be ignored.",
		"To mend it: " + logout(host).Command + ", then log in with credentials that may read the image.",
	}
	return append(lines, "To leave such images out: PULLSAFE_SCOPE=target. To silence this warning: # check=skip=RegistryCredentialsRefused.")
}

func listed(refs []string) string {
	clean := make([]string, 0, maxListed)
	for _, ref := range refs[:min(len(refs), maxListed)] {
		clean = append(clean, Clean(ref, maxMessage))
	}
	text := strings.Join(clean, ", ")
	if more := len(refs) - maxListed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// RefusedDetail is the warning's detail, line by line.
func RefusedDetail(host string, refs []string, d Diagnosis) []string {
	d.Host = host
	answer := d.where() + " answered: " + d.Message
	if d.Message == "" || d.Class == CredentialHelper {
		answer = d.opening()
	}
	lines := []string{
		answer + ".",
		listed(refs) + " is public: it was had from the same registry without credentials.",
		"The step marked ERROR in the progress above is the first try, with credentials. It can be ignored.",
	}
	if len(refs) > 1 {
		lines[1] = listed(refs) + " are public: they were had from the same registry without credentials."
	}
	if d.Class == CredentialHelper {
		lines = append(lines, "To mend it: repair the credential helper, "+helperNote(host)+".")
	} else {
		lines = append(lines,
			"To mend it: "+logout(host).Command+", and log in again only if you need to.",
			sentence(noteEnv),
			sentence(keepPushNote(d.where())))
	}
	return append(lines,
		"A client that keeps running may give the old answer for five minutes.",
		"To silence this warning: # check=skip=RegistryCredentialsRefused. To make it an error: PULLSAFE_STRICT=true or # check=error=true.")
}

func sentence(note string) string { return strings.ToUpper(note[:1]) + note[1:] + "." }
