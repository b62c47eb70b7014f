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

// The headlines of the report are below. Remedies are in notes.go and details.go, the
// warning is in warning.go.

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
const sentBy = " (from a credential helper, stored for the alias itself, or after a redirect)"

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
// a denial may mean that the policy wanted to know more of the image.
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
			return opening(d) + ", although it requires no credentials"
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
			return "no response from " + who(d) + " in time" + answer
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
	return where(d) + " redirected the request" + Quote(known(d.Redirect)) + ", and the redirect failed" + Quote(d.Message)
}

// leftOpen is what one answer with credentials leaves open.
var leftOpen = map[diagnosis.Class]string{
	diagnosis.CredentialsRejected: "this error alone does not show whether the image can be pulled anonymously",
	diagnosis.DeniedAmbiguous:     "this error alone shows neither whether credentials were sent nor whether the image can be pulled anonymously",
}

func side(d diagnosis.Diagnosis) string {
	if d.Network == diagnosis.NetworkClient {
		return "client"
	}
	return "builder"
}

const (
	wordsNotChecked = "not checked: no response in time after another image failed"
	wordsNoImages   = "The Dockerfile names no images.\n"
	wordsMore       = "and %d more"
	wordsUnneeded   = "not needed by the target"

	wordsRejected        = "Registry credentials rejected"
	wordsCannotBePulled  = "Image cannot be pulled"
	wordsRegistryFailure = "Registry failure"
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
const wordsUnsure = "BuildKit does not say which of the step's images failed"

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
	text := fmt.Sprintf("%q is not a stage or named context here, so it was treated as the image %s", name, ref)
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
