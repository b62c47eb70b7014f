package diagnosis

import (
	"strings"

	"github.com/org/pullsafe/frontend/registry"
)

// Class names the cause of a failure.
type Class string

// The classes, in the spelling of the JSON output.
const (
	CredentialsRejected Class = "credentials-rejected"
	AuthRequired        Class = "auth-required"
	DeniedAmbiguous     Class = "denied-ambiguous"
	CredentialHelper    Class = "credential-helper" //nolint:gosec // G101: the name of a class, not a credential
	RateLimited         Class = "rate-limited"
	NotFound            Class = "not-found"
	NoMatchingPlatform  Class = "no-matching-platform"
	NetworkFailure      Class = "network"
	TLSFailure          Class = "tls"
	RegistryOutage      Class = "registry-outage"
	PolicyDenied        Class = "policy-denied"
	InvalidReference    Class = "invalid-reference"
	Canceled            Class = "canceled"
	NotARegistryError   Class = "not-a-registry-error"
)

// Network says whose network failed.
type Network string

// The client asks for tokens, the daemon for everything else.
const (
	NetworkClient Network = "client"
	NetworkDaemon Network = "daemon"
)

// maxMessage bounds Diagnosis.Message, in runes: two lines of a terminal.
const maxMessage = 200

// Diagnosis is what one error text says.
type Diagnosis struct {
	Class           Class  `json:"class"`
	Host            string `json:"host"` // of the reference as the user wrote it
	HTTPStatus      int    `json:"httpStatus,omitempty"`
	Message         string `json:"message"`         // the registry's own words, short and safe for a terminal
	UsedCredentials *bool  `json:"usedCredentials"` // nil where the text does not say
	// AnonymousRetryCanHelp tells whether the same image can perhaps be resolved
	// without credentials.
	AnonymousRetryCanHelp bool    `json:"anonymousRetryCanHelp"`
	Network               Network `json:"network,omitempty"`

	URL    string `json:"-"` // of the request that failed, where the text has it
	Named  string `json:"-"` // the image that the text names, as it stands there
	Detail Detail `json:"-"` // tells causes of one class apart
	// Mirror is the host that was asked in place of Host's, as the builder is told to.
	Mirror string `json:"-"`
	// Redirect is the host to which Host's, or what stands before it, redirected.
	Redirect string `json:"-"`
	Silent   bool   `json:"-"` // the credential helper failed and printed nothing
	Push     bool   `json:"-"` // the text says that a push was denied
	Barred   bool   `json:"-"` // whoever asks gets this answer, with whatever credentials
	// SourcePolicy: a policy of the build denied the image, not a rule of the
	// registry. PolicySource is what [PolicySource] says.
	SourcePolicy bool   `json:"-"`
	PolicySource string `json:"-"`
}

// Diagnose explains one error text of BuildKit about ref. With an empty ref the host
// is taken from the text where it is the registry's. Whoever took the text from a
// log can give several readings of it; a wrong one hides a phrase, and hardly ever
// makes another, so that the first row of matchers that holds in any is right.
func Diagnose(ref string, readings ...string) Diagnosis {
	f, class := classify(ref, readings)
	d := Diagnosis{
		Class:           class,
		Host:            hostOf(ref),
		HTTPStatus:      f.status,
		Message:         f.message(class),
		UsedCredentials: f.usedCredentials(),
		URL:             f.url,
		Mirror:          bareHost(f.mirror(class)),
		Redirect:        bareHost(f.redirect(class)),
		Silent:          class == CredentialHelper && strings.HasPrefix(f.helperMessage(), "exit status"),
		Named:           f.named(),
		Push:            f.namedPush(),
		Barred:          containsAny(f.said(), barredWords),
		Detail:          f.detail(class),
	}
	if ref == "" && class != NotARegistryError {
		d.Host = bareHost(f.host())
	}
	switch {
	case class == PolicyDenied && f.sourcePolicy():
		// Nobody asked for the image; what else the text holds is about another
		// request, or quoted.
		d.UsedCredentials, d.HTTPStatus = nil, 0
		d.SourcePolicy, d.PolicySource = true, PolicySource(f.text)
	case class == NotARegistryError, class == InvalidReference, class == Canceled:
		d.UsedCredentials = nil
	case class != NetworkFailure && class != TLSFailure:
	case f.token != "", strings.Contains(f.low, "auth token from session: "):
		d.Network = NetworkClient
	case f.core != "context deadline exceeded": // which says no more: both have such a limit
		d.Network = NetworkDaemon
	}
	d.AnonymousRetryCanHelp = f.retryCanHelp(class, d.Host)
	return d
}

// FromClient is d with what a caller that made the request itself knows, and the
// text need not say: whether credentials were sent, and that it was this machine,
// not a daemon, that had no connection.
func (d Diagnosis) FromClient(credentials bool) Diagnosis {
	//exhaustive:ignore
	switch d.Class {
	case NetworkFailure, TLSFailure:
		d.Network = NetworkClient
	case CredentialsRejected, AuthRequired, DeniedAmbiguous, NotFound, RateLimited, NoMatchingPlatform:
		d.UsedCredentials = &credentials
	}
	if !credentials && d.Class != CredentialHelper {
		d.AnonymousRetryCanHelp = false
	}
	return d
}

// Transient tells whether the same request is worth repeating at once: a
// network failure or a server error, but never 429, which repeating makes worse.
func (d Diagnosis) Transient() bool {
	// A redirect or a proxy that wants a login answers the same again.
	return d.Class == NetworkFailure && d.HTTPStatus == 0 && d.Redirect == "" ||
		d.Class == RegistryOutage && (d.HTTPStatus >= 500 || d.HTTPStatus == 408)
}

// AskedAs is d as the answer to a request under a host alias. A registry with Basic
// authentication does not say that it was redirected to: only the URL does.
func (d Diagnosis) AskedAs(alias string) Diagnosis {
	if host, _ := splitURL(d.URL); d.Redirect == "" && host != alias && strings.Contains(d.URL, "/v2/") && registry.Same(host, alias) {
		d.Redirect = bareHost(host)
	}
	return d
}

// TryNextAlias tells whether, after this answer to an attempt of the anonymous
// fallback, the next host alias is worth trying: after anything that is not the
// registry's answer to an anonymous request for this image. A denial whose text
// does not show that it was anonymous counts as none, because a credential helper
// may have answered for this alias too.
func (d Diagnosis) TryNextAlias() bool {
	//exhaustive:ignore
	switch d.Class {
	case AuthRequired, RateLimited, NoMatchingPlatform, PolicyDenied, Canceled:
		return false
	case CredentialsRejected, DeniedAmbiguous:
		return d.AnonymousRetryCanHelp
	case RegistryOutage:
		// The token service's: the alias was served, unless it is at the alias too.
		return d.UsedCredentials == nil || *d.UsedCredentials || d.unknownHost() || d.HTTPStatus == 404
	default:
		return true
	}
}

// NotServed tells whether this answer to an attempt of the anonymous fallback shows that
// the host alias is not served, or not as a host of its own. It is then an answer about
// the host, whatever the image. A 404 may be one too, but also that of a registry.
func (d Diagnosis) NotServed() bool {
	return d.RedirectBack() || d.HTTPStatus >= 300 && d.HTTPStatus < 400 || d.HTTPStatus == 421 || d.Class == RegistryOutage && d.unknownHost() ||
		d.Class == TLSFailure && strings.Contains(d.Message, "unrecognized name") // RFC 6066, section 3
}

// RedirectBack tells that the host alias was redirected to another name of the same host.
func (d Diagnosis) RedirectBack() bool {
	return d.Redirect != "" && registry.Same(d.Redirect, d.Host)
}

// unknownHost: servers answer 400 or 421 to a Host that they do not know (RFC 9112,
// section 3.2; RFC 9110, section 15.5.20).
func (d Diagnosis) unknownHost() bool { return d.HTTPStatus == 400 || d.HTTPStatus == 421 }
