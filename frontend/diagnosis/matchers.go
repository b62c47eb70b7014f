package diagnosis

import (
	"slices"
	"strings"

	"github.com/org/pullsafe/frontend/registry"
)

// matcher is one way in which other programs word one cause.
type matcher struct {
	name    string
	class   Class
	match   func(*facts) bool
	example string // in the format of a real message; tested
}

// matchers are in the order of precedence: the command that a step ran can hold any
// phrase, a policy's text wins over all that it quotes, a rate limit is no denial
// although some registries answer it with 403, and a network or TLS failure below
// BuildKit's token phrase denies nothing. To add a format: a row here with its
// example, and the neighbours that must not match in the tests.
var matchers = []matcher{
	{"command of a step", NotARegistryError, (*facts).failedCommand, `process "/bin/sh -c opa eval | grep 'denied by policy'" did not complete successfully: exit code: 1`},
	{"the daemon", NotARegistryError, (*facts).daemonConnection, `error during connect: Post "https://docker.example.com:2376/v1.24/build": x509: certificate has expired or is not yet valid`},
	{"container runtime", NotARegistryError, (*facts).containerStart, `docker: Error response from daemon: failed to create task for container: failed to create shim task: OCI runtime create failed: exec: "/entrypoint.sh": permission denied: unknown.`},
	{"source policy", PolicyDenied, (*facts).sourcePolicy, `could not resolve image due to policy: source "docker-image://docker.io/library/alpine:latest" denied by policy: source denied by policy`},
	{"registry policy", PolicyDenied, (*facts).registryPolicy, `Error response from daemon: Head "https://registry-1.docker.io/v2/a/b/manifests/1": denied: image access restricted: a/b blocked for organization X`},
	{"cancellation", Canceled, (*facts).canceled, `failed to fetch oauth token: Post "https://auth.docker.io/token": context canceled`},
	{"failed step", NotARegistryError, (*facts).failedStep, `process "/bin/sh -c curl -f https://x" did not complete successfully: exit code: 22`},
	{"credential helper", CredentialHelper, (*facts).helper, "error getting credentials - err: exit status 1, out: `Cannot autolaunch D-Bus without X11 $DISPLAY`"},
	{"reference", InvalidReference, (*facts).badReference, `failed to parse stage name "runtime-": invalid reference format`},
	{"platform", NoMatchingPlatform, (*facts).noPlatform, `no match for platform in manifest sha256:c0ffee: not found`},
	{"rate limit", RateLimited, (*facts).rateLimited, `unexpected status from GET request to https://registry-1.docker.io/v2/library/alpine/manifests/1: 429 Too Many Requests`},
	{"TLS", TLSFailure, (*facts).tls, `failed to do request: Head "https://localhost:5000/v2/a/manifests/1": tls: failed to verify certificate: x509: certificate has expired`},
	{"network", NetworkFailure, (*facts).network, `failed to fetch oauth token: Post "https://auth.docker.io/token": dial tcp 1.2.3.4:443: i/o timeout`},
	{"outage", RegistryOutage, (*facts).outage, `unexpected status from HEAD request to https://mcr.microsoft.com/v2/a/manifests/8.0: 503 Service Unavailable`},
	{"missing, said by code", NotFound, (*facts).missingByCode, `manifest for a/b:latest not found: manifest unknown: manifest unknown`},
	{"missing", NotFound, (*facts).missing, `docker.io/library/alpine:nope: not found`},
	{"token with credentials", CredentialsRejected, func(f *facts) bool { return f.token == tokenWithCredentials }, `failed to fetch oauth token: denied: denied`},
	{"anonymous token", AuthRequired, func(f *facts) bool { return f.token == tokenAnonymous }, `failed to fetch anonymous token: unexpected status: 401 Unauthorized`},
	{"login", CredentialsRejected, (*facts).loginRequest, `Error response from daemon: Get "https://ghcr.io/v2/": denied: denied`},
	{"words on credentials", CredentialsRejected, (*facts).badCredentials, `Error response from daemon: Get "https://registry-1.docker.io/v2/": unauthorized: incorrect username or password`},
	{"words on login", AuthRequired, (*facts).wantsLogin, `Head "https://registry.redhat.io/v2/a/manifests/1": unauthorized: Please login to the Red Hat Registry using your Customer Portal credentials.`},
	{"denial, quoted", DeniedAmbiguous, (*facts).deniedInWords, `Error response from daemon: error from registry: requested access to the resource is denied`},
	{"denial", DeniedAmbiguous, (*facts).denied, `pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`},
	{"request failed otherwise", NetworkFailure, (*facts).unknownTransport, `failed to do request: Head "https://ghcr.io/v2/a/b/manifests/1": Forbidden`},
	{"canceled step", Canceled, (*facts).canceledStep, `#4 CANCELED`},
}

// Examples are texts of a class, in the formats of real messages.
func Examples(class Class) []string {
	var list []string
	for _, m := range matchers {
		if m.class == class {
			list = append(list, m.example)
		}
	}
	return list
}

// classify takes the earliest matcher, and of the readings in which it holds the one
// that tells most. Secrets are redacted first: what is taken apart may lose the word
// that tells that something is one.
func classify(ref string, readings []string) (*facts, Class) {
	best := &facts{ref: ref}
	at := len(matchers)
	for _, text := range readings {
		f := parse(ref, redactSecrets(oneLine(text), cutSecret))
		i := slices.IndexFunc(matchers[:min(at+1, len(matchers))], func(m matcher) bool { return m.match(f) })
		if i < 0 && best.text != "" {
			continue
		}
		if i >= 0 && i < at || f.known() > best.known() || best.text == "" {
			best = f
		}
		if i >= 0 {
			at = i
		}
	}
	if at == len(matchers) {
		return best, NotARegistryError
	}
	return best, matchers[at].class
}

// policyPhrases hold spaces, so that no URL and no image name can hold them.
var policyPhrases = []string{
	"denied by policy",      // sourcepolicy/engine.go
	"not allowed by policy", // solver/llbsolver/policy.go
	"due to policy: ",       // solver/llbsolver/bridge.go
	"from policy request",
	"no decision in policy response",
	"too many policy requests",
	"policy requested different source",
	"evaluating the source policy",
	"evaluating git bundle source policy",
	"error matching source policy",
	"error mutating source policy",
	"ref mutated by policy",
	"is not an allowed gateway source",
}

// sourcePolicy: a registry can say the same, behind what BuildKit puts before its words.
func (f *facts) sourcePolicy() bool {
	return containsAny(f.low, policyPhrases) && containsAny(f.low[:len(f.beforeRegistry())], policyPhrases)
}

var registryPolicyWords = []string{"image access restricted", "blocked for organization", "due to configured policy", "projectpolicyviolation"}

func (f *facts) registryPolicy() bool {
	return f.code == "projectpolicyviolation" || containsAny(f.said(), registryPolicyWords)
}

// canceled: Go's own texts. "request canceled while waiting for connection
// (Client.Timeout exceeded ...)" is a timeout.
func (f *facts) canceled() bool {
	if strings.Contains(f.low, "code = canceled desc = ") || strings.HasPrefix(f.text, "Canceled: ") || strings.Contains(f.text, " Canceled: ") {
		return true
	}
	if f.status > 0 || strings.Contains(f.low, "client.timeout") {
		return false
	}
	end := strings.TrimRight(f.low, ". \"`)")
	return strings.HasSuffix(end, "context canceled") || strings.HasSuffix(end, "net/http: request canceled") ||
		strings.HasPrefix(f.transport, "context canceled") || strings.HasPrefix(lower(f.core), "no active session")
}

func (f *facts) canceledStep() bool {
	return f.core == "CANCELED" || strings.HasSuffix(f.text, " CANCELED")
}

// failedCommand: BuildKit quotes the command that failed, which can hold any
// phrase. Nothing of the daemon's own stands before it.
func (f *facts) failedCommand() bool {
	return strings.HasPrefix(f.core, `process "`) && strings.Contains(f.core, `" did not complete successfully: `) ||
		strings.HasPrefix(f.core, "executor failed running [")
}

func (f *facts) failedStep() bool {
	return containsAny(f.low, []string{
		"did not complete successfully: exit code", "returned a non-zero code: ", "failed to calculate checksum of ref ",
		"executor failed running [", "npm err! ",
	})
}

// helperPhrases: by docker-credential-helpers, its Python cousin, and gcloud.
// The part behind "err:" is in the user's language.
var helperPhrases = []string{
	"error getting credentials - err: ", "error listing credentials - err: ", "error storing credentials - err: ", "error erasing credentials - err: ",
	"credentials store error: ", "credentials store docker-credential-", "dockerpycreds.errors.", "docker.credentials.errors.", "invoking docker-credential-", "(gcloud.auth.docker-helper)",
	// 60 s without an answer: a helper waits for a human.
	"resolving credentials from session: context deadline exceeded",
	"verifying token authority from session: context deadline exceeded",
	"getting token authority from session: context deadline exceeded",
}

func (f *facts) helper() bool {
	return f.status == 0 && containsAny(f.low, helperPhrases)
}

var referencePhrases = []string{
	"invalid reference format", "could not parse reference ", "should not be blank", "failed to parse stage name ",
	"invalid context name ", "could not parse oci-layout reference ", "repository name must be lowercase",
}

func (f *facts) badReference() bool {
	return f.plain() && containsAny(f.low, referencePhrases)
}

func (f *facts) noPlatform() bool {
	return f.plain() && containsAny(f.low, []string{
		"no match for platform in", "no matching manifest for ", "cannot be used on this platform", "no image found in image index for architecture",
	})
}

func (f *facts) rateLimited() bool {
	return f.status == 429 || f.code == "toomanyrequests" || f.answered() && containsAny(f.said(), loginLimitWords) ||
		f.quoted && strings.Contains(f.said(), "rate limit") ||
		f.status == 403 && strings.Contains(f.said(), "rate limit exceeded")
}

// outage: the registry or its token service does not work as one. Denials of
// a token are 401 and 403, and 400 to a POST, as OAuth 2 has it.
func (f *facts) outage() bool {
	s := f.status
	switch {
	case s >= 500, s == 402 && f.token != "", s == 405, s == 408:
		return true
	case f.token != "" && s == 400:
		return f.method == "GET" && f.code == ""
	case f.token != "" && s >= 404:
		return true
	case s == 400 || s > 404 && s != 410 && s != 451:
		return f.token == "" && !f.deniesWith(s)
	case s == 0 && (f.code == "unavailable" || f.code == "internal error" || f.code == "unknown" && f.token != ""):
		return true
	}
	return containsAny(f.low, []string{
		"authorization server did not include a token in the response", "unable to decode token response",
		"no realm specified for token auth challenge", "invalid token auth challenge realm",
		"in header not a valid digest", "(text/html) from remote",
	}) || f.plain() && f.registryCall() && containsAny(f.low, damagedWords) ||
		containsAny(f.low, []string{"unexpected commit digest ", "filesystem layer verification failed for digest"})
}

func (f *facts) deniesWith(status int) bool {
	host := f.host()
	if f.ref != "" {
		host = hostOf(f.ref)
	}
	return registry.Of(host).DeniedStatus == status
}

// credentialWords say that credentials came and were bad. They count only where
// the registry's words stand.
var credentialWords = []string{
	"incorrect username or password", "invalid username or password", "wrong username or password", "invalid username/password",
	"cannot be authenticated with the token provided", "token has expired", "token is expired", "token expired", "expired token",
	"bad credentials", "invalid credentials", "http basic: access denied", "could not find robot with",
}

func (f *facts) badCredentials() bool {
	return f.answered() && containsAny(strings.ReplaceAll(f.said(), "may have invalid credentials", ""), credentialWords)
}

func (f *facts) wantsLogin() bool {
	return f.answered() && containsAny(f.said(), []string{"please login to", "please log in to"}) ||
		strings.Contains(f.low, "no basic auth credentials") && f.status == 0
}

func (f *facts) denied() bool {
	switch f.status {
	case 401, 402, 403, 451:
		return true
	case 0:
	default:
		return f.deniesWith(f.status)
	}
	return slices.Contains([]string{"denied", "unauthorized", "unauthenticated", "access denied"}, f.code) ||
		containsAny(f.low, []string{"pull access denied", "insufficient_scope: authorization failed", "invalid_token: authorization failed"})
}

// deniedInWords: Docker Engine 29 leaves out the code.
func (f *facts) deniedInWords() bool {
	_, quoted, _ := strings.Cut(f.low, fromRegistry)
	return f.quoted && f.status == 0 && containsAny(quoted, []string{"denied", "unauthorized", "authentication required"})
}

func (f *facts) missingByCode() bool {
	return slices.Contains([]string{"manifest unknown", "manifest_unknown", "name unknown", "name_unknown", "blob unknown"}, f.code) ||
		f.token == "" && (f.status == 404 || f.status == 410)
}

// missing is containerd's "REF: not found". A path in a build context ("/x":
// not found) and a shell's complaint are not references with a host.
func (f *facts) missing() bool {
	if !f.plain() {
		return false
	}
	if containsAny(f.low, []string{"could not fetch content descriptor ", "content at http"}) {
		return strings.Contains(f.low, "not found")
	}
	if at := strings.Index(f.low, "manifest for "); at >= 0 && f.named() != "" { // dockerd of old
		return strings.HasSuffix(strings.TrimRight(f.low, "."), " not found")
	}
	head, _, ok := strings.Cut(f.text+" ", ": not found ")
	if !ok {
		return false
	}
	name := head[strings.LastIndexByte(head, ' ')+1:]
	return isFullReference(name) || strings.HasPrefix(name, "sha256:") && strings.HasSuffix(head, "manifest "+name)
}

// Continues tells whether a line is the second one of an answer: containerd
// prints the registry's own words, "code: message", below the status.
func Continues(line string) bool {
	return (&facts{}).takeCode(line)
}
