package diagnosis

import (
	"slices"
	"strconv"
	"strings"

	"github.com/org/pullsafe/frontend/registry"
)

// usedCredentials is nil where the text does not say. Only BuildKit's token
// phrases are sure, and a registry that speaks of the credentials it saw.
func (f *facts) usedCredentials() *bool {
	yes, no := true, false
	switch {
	case f.token == tokenWithCredentials:
		return &yes
	case f.token == tokenAnonymous, strings.Contains(f.low, "no basic auth credentials"):
		return &no
	case f.badCredentials(), f.registryPolicy() && strings.Contains(f.said(), "organization"):
		return &yes
	case f.rateLimited() && strings.Contains(f.said(), "unauthenticated"):
		return &no
	case f.rateLimited() && strings.Contains(f.said(), "limit as '"):
		return &yes
	}
	return nil
}

// barredWords are answers that have nothing to do with who asks, or that forbid
// the caller what everybody may not: another login or none gets the same.
var barredWords = []string{
	"requires billing", "permission \"artifactregistry", "permission 'artifactregistry",
	"export control", "is not allowed access", "ip allow list", "legal reasons",
}

// retryCanHelp: the class must be one that credentials can have caused, and
// nothing in the text may show that this time they have not.
func (f *facts) retryCanHelp(class Class, host string) bool {
	r := registry.Of(host)
	switch {
	case class == CredentialHelper:
		return true
	case class != CredentialsRejected && class != DeniedAmbiguous,
		f.status == 451, f.status == 402, containsAny(f.said(), barredWords), f.isPush(), f.namesNothing(), f.isImageID(), r.PrivateOnly:
		return false
	}
	// What another host denies says nothing about the credentials stored for this one.
	return class == CredentialsRejected || !r.NoLogin && !f.afterAccess(r) && f.mirror(class) == "" && f.redirect(class) == ""
}

// isPush: the scope asks for more than pulling, or the answer lacks the phrase
// that containerd's resolver puts before this one for every pull.
func (f *facts) isPush() bool {
	return f.namedPush() || strings.HasPrefix(f.core, "insufficient_scope: authorization failed") &&
		!containsAny(f.low, []string{"pull access denied", "failed open: "})
}

// namedPush: the text itself says that it was a push.
func (f *facts) namedPush() bool {
	return containsAny(f.low, []string{"%2cpush", "pull,push", "%!c(missing)push", "failed to push ", "/blobs/uploads/", "could not push image ", " at destination: "})
}

// namesNothing: the end of a whole build that says neither which image failed
// nor whether it was pulled or pushed, or a bare `docker login`.
func (f *facts) namesNothing() bool {
	return f.ref == "" && (f.hasTransport && strings.HasSuffix(f.url, "/v2/") ||
		strings.Contains(f.low, "failed to solve: ") && f.host() == "")
}

// isImageID: a local image's ID used as a name.
func (f *facts) isImageID() bool {
	return strings.HasPrefix(strings.TrimPrefix(f.ref, registry.DockerHub+"/library/"), "sha256:")
}

// afterAccess: the registry had let this caller in when it denied access. A blob is
// asked for after the manifest was given. dockerd's bare word without a message
// answers a HEAD, so a token had been given before; BuildKit's text for that
// (the status alone) can also be a registry that takes no tokens. A registry
// that asks for authentication got none that counts.
func (f *facts) afterAccess(r registry.Registry) bool {
	switch {
	case strings.Contains(f.url, "/blobs/"):
		return true
	case f.status > 0 && f.token == "" && r.AnonymousStatus == f.status && !strings.Contains(f.url, "/v2/"):
		return strings.Contains(f.url, "/token")
	case f.status > 0 || f.token != "" || f.code == "" || f.quoted:
		return false
	}
	return slices.Contains([]string{"", "authentication required", "access to the requested resource is not authorized"}, strings.Trim(f.words, " ."))
}

// message is the registry's answer in its own words.
func (f *facts) message(class Class) string {
	//exhaustive:ignore
	switch class {
	case PolicyDenied:
		if src := PolicySource(f.text); src != "" {
			return Clean(`source "`+src+`" denied by policy`, maxMessage)
		}
	case CredentialHelper:
		return f.helperMessage()
	case NetworkFailure, TLSFailure:
		if f.hasTransport && f.code == "" {
			return Clean(f.transport, maxMessage)
		}
	case NotFound:
		if f.plain() {
			return "not found"
		}
	case InvalidReference, NoMatchingPlatform, NotARegistryError, Canceled:
		return Clean(f.core, maxMessage)
	}
	return Clean(f.answer(), maxMessage)
}

// answer joins status, code and words without saying anything twice.
func (f *facts) answer() string {
	var parts []string
	if f.status > 0 {
		parts = append(parts, strings.TrimSpace(strconv.Itoa(f.status)+" "+reasons[f.status]))
	}
	if f.code != "" {
		parts = append(parts, f.code)
	}
	words := strings.Trim(f.words, " },\"'`\\")
	if i := strings.Index(words, `{"errors":`); i >= 0 {
		words = jsonMessage(words[i:])
	}
	if strings.Trim(words, ".: ") != "" && !strings.EqualFold(words, f.code) {
		parts = append(parts, words)
	}
	if len(parts) == 0 && f.hasTransport && f.transport != "" {
		return f.transport
	}
	if len(parts) == 0 {
		return f.core
	}
	return strings.Join(parts, ": ")
}

// jsonMessage reads the first message of a registry's JSON error as it stands,
// whether or not the rest of it survived the log.
func jsonMessage(s string) string {
	_, rest, ok := strings.Cut(s, `"message":"`)
	if !ok {
		return ""
	}
	msg, _, _ := strings.Cut(rest, `"`)
	return msg
}

// helperMessage is what the helper printed, or why it did not run.
func (f *facts) helperMessage() string {
	text := f.text
	for _, p := range []string{"credentials - err: ", "Credentials store error: ", "invoking "} {
		if i := strings.LastIndex(text, p); i >= 0 {
			text = text[i+len(p):]
			break
		}
	}
	reason, out, ok := strings.Cut(text, ", out: ")
	if out = strings.Trim(out, "` \"'."); ok && out != "" && strings.HasPrefix(reason, "exit status") {
		return Clean(out, maxMessage)
	}
	return Clean(reason, maxMessage)
}

// PolicySource returns the identifier that a policy error names, "" if none; not to be
// printed as it is.
func PolicySource(text string) string {
	text = beforeRegistry(strings.ReplaceAll(oneLine(text), `\"`, `"`))
	for _, end := range []string{`" denied by policy`, `" not allowed by policy`} {
		before, _, ok := strings.Cut(text, end)
		if i := strings.LastIndex(before, `source "`); ok && i >= 0 {
			return before[i+len(`source "`):]
		}
	}
	return ""
}
