package corpus

// Message is a text with what it means.
type Message struct {
	Name  string
	Ref   string
	Text  string
	Class string // a diagnosis.Class
	Retry bool   // a try without credentials can help
	Used  string // "with" or "without" credentials; empty where the text does not say
	Code  int    // HTTP status
}

const (
	yes   = "with"
	no    = "without"
	maybe = ""
)

// Messages are written from the formats that are known of registries, for other
// registries and other BuildKit versions than those of the corpus.
var Messages = []Message{
	// Token service, credentials sent.
	{"0.8 token 403", "ghcr.io/a/b:1", `failed to solve: rpc error: code = Unknown desc = failed to solve with frontend dockerfile.v0: failed to create LLB definition: failed to authorize: rpc error: code = Unknown desc = failed to fetch oauth token: unexpected status: 403 Forbidden`, "credentials-rejected", true, yes, 403},
	{"0.12 token 401 hub", "alpine", `failed to solve: alpine: failed to resolve source metadata for docker.io/library/alpine:latest: failed to authorize: failed to fetch oauth token: unexpected status from GET request to https://auth.docker.io/token?scope=repository%3Alibrary%2Falpine%3Apull&service=registry.docker.io: 401 Unauthorized`, "credentials-rejected", true, yes, 401},
	{"0.33 hub details", "alpine", `failed to fetch oauth token: unexpected status from GET request to https://auth.docker.io/token?scope=repository%3Alibrary%2Falpine%3Apull&service=registry.docker.io: 401 Unauthorized: incorrect username or password`, "credentials-rejected", true, yes, 401},
	{"0.33 quay", "quay.io/a/b", `failed to fetch oauth token: unauthorized: Invalid Username or Password`, "credentials-rejected", true, yes, 0},
	{"0.33 code alone", "ghcr.io/a/b", `failed to fetch oauth token: denied`, "credentials-rejected", true, yes, 0},
	{"several errors", "registry.example.com/a", "failed to fetch oauth token: errors:\ndenied: no access\nunauthorized: authentication required\n", "credentials-rejected", true, yes, 0},
	{"plain status and html", "reg.example.com/a/b", `failed to fetch oauth token: 403 Forbidden: <html><head><title>403 Forbidden</title>... (812 bytes truncated)`, "credentials-rejected", true, yes, 403},
	{"POST 400 is OAuth 2's refusal", "acme.azurecr.io/a", `failed to fetch oauth token: unexpected status from POST request to https://acme.azurecr.io/oauth2/token: 400 Bad Request`, "credentials-rejected", true, yes, 400},
	{"acr 401", "acme.azurecr.io/a:1", `failed to fetch oauth token: unauthorized: authentication required, visit https://aka.ms/acr/authorization for more information.`, "credentials-rejected", true, yes, 0},
	{"identity token gone", "acme.azurecr.io/a:1", `failed to authorize: failed to fetch oauth token: unexpected status from POST request to https://acme.azurecr.io/oauth2/token: 401 Unauthorized`, "credentials-rejected", true, yes, 401},
	{"gitlab words", "registry.gitlab.com/a/b", `failed to fetch oauth token: 401 Unauthorized: HTTP Basic: Access denied. The provided password or token is incorrect or your account has 2FA enabled`, "credentials-rejected", true, yes, 401},
	{"artifact registry permission", "us-docker.pkg.dev/p/r/a", `failed to fetch oauth token: denied: Permission "artifactregistry.repositories.downloadArtifacts" denied on resource "projects/p/locations/us/repositories/r" (or it may not exist)`, "credentials-rejected", false, yes, 0},
	{"push scope", "ghcr.io/a/b:1", `failed to fetch oauth token: unexpected status from GET request to https://ghcr.io/token?scope=repository%3Aa%2Fb%3Apull%2Cpush&service=ghcr.io: 403 Forbidden`, "credentials-rejected", false, yes, 403},
	{"timeout in the registry's words", "ghcr.io/a/b", `failed to fetch oauth token: denied: upstream said dial tcp 10.0.0.1:443: i/o timeout (429, not found)`, "credentials-rejected", true, yes, 0},
	{"anonymous in the registry's words", "ghcr.io/a/b", `failed to fetch oauth token: denied: failed to fetch anonymous token: 401 Unauthorized`, "credentials-rejected", true, yes, 0},

	// Token service, no credentials sent.
	{"anonymous 403", "ghcr.io/a/b:1", `failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token?scope=repository%3Aa%2Fb%3Apull&service=ghcr.io: 403 Forbidden`, "auth-required", false, no, 403},
	{"anonymous old", "quay.io/a/b:1", `#5 ERROR: failed to authorize: rpc error: code = Unknown desc = failed to fetch anonymous token: unexpected status: 401 UNAUTHORIZED`, "auth-required", false, no, 401},
	{"anonymous redhat", "registry.redhat.io/ubi9", `failed to fetch anonymous token: unexpected status from GET request to https://registry.redhat.io/auth/realms/rhcc/protocol/redhat-docker-v2/auth?scope=repository%3Aubi9%3Apull&service=docker-registry: 401 Unauthorized`, "auth-required", false, no, 401},
	{"anonymous 400", "reg.example.com/a", `failed to fetch anonymous token: unexpected status from POST request to https://reg.example.com/token: 400 Bad Request`, "auth-required", false, no, 400},
	{"ecr without login, dockerd", "1.dkr.ecr.eu-west-1.amazonaws.com/a", `Error response from daemon: Head "https://1.dkr.ecr.eu-west-1.amazonaws.com/v2/a/manifests/1": no basic auth credentials`, "auth-required", false, no, 0},

	// Refused without saying who asked.
	{"basic registry", "reg.example.com/a:1", `unexpected status from HEAD request to https://reg.example.com/v2/a/manifests/1: 401 Unauthorized`, "denied-ambiguous", true, maybe, 401},
	{"ecr public expired", "public.ecr.aws/docker/library/alpine", `unexpected status from HEAD request to https://public.ecr.aws/v2/docker/library/alpine/manifests/latest: 403 Forbidden`, "denied-ambiguous", true, maybe, 403},
	{"ecr public 400", "public.ecr.aws/docker/library/alpine", `unexpected status from HEAD request to https://public.ecr.aws/v2/docker/library/alpine/manifests/latest: 400 Bad Request`, "denied-ambiguous", true, maybe, 400},
	{"other spelling of the host", "ghcr.io/a/b:1", `unexpected status from HEAD request to https://GHCR.IO:0443/v2/a/b/manifests/1: 403 Forbidden`, "denied-ambiguous", true, maybe, 403},
	{"expiry in the body", "public.ecr.aws/a/b:1", "unexpected status from HEAD request to https://public.ecr.aws/v2/a/b/manifests/1: 403 Forbidden\ndenied: Your authorization token has expired. Reauthenticate and try again.", "credentials-rejected", true, yes, 403},
	{"insufficient scope", "alpine", `pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`, "denied-ambiguous", true, maybe, 0},
	{"insufficient scope, content", "alpine", `failed to copy: httpReadSeeker: failed open: server message: insufficient_scope: authorization failed`, "denied-ambiguous", true, maybe, 0},
	{"0.9 status", "a/b", `a/b: pull access denied, repository does not exist or may require authorization: authorization status: 401: authorization failed`, "denied-ambiguous", true, maybe, 401},
	{"0.10 pulling", "public.ecr.aws/a/b:403", `pulling from host public.ecr.aws failed with status code [manifests 403]: 403 Forbidden`, "denied-ambiguous", true, maybe, 403},
	{"dockerd pull", "a/b", `Error response from daemon: pull access denied for a/b, repository does not exist or may require 'docker login': denied: requested access to the resource is denied`, "denied-ambiguous", true, maybe, 0},
	{"mcr 403", "mcr.microsoft.com/dotnet/sdk:8.0", `unexpected status from HEAD request to https://mcr.microsoft.com/v2/dotnet/sdk/manifests/8.0: 403 Forbidden`, "denied-ambiguous", false, maybe, 403},
	{"private ecr", "1.dkr.ecr.eu-west-1.amazonaws.com/a:1", "unexpected status from HEAD request to https://1.dkr.ecr.eu-west-1.amazonaws.com/v2/a/manifests/1: 403 Forbidden", "denied-ambiguous", false, maybe, 403},
	{"mirror", "docker.io/library/alpine:3", `unexpected status from HEAD request to https://mirror.example.com/v2/library/alpine/manifests/3?ns=docker.io: 403 Forbidden`, "denied-ambiguous", false, maybe, 403},
	{"ip restriction in the body", "acme.azurecr.io/a:1", "unexpected status from HEAD request to https://acme.azurecr.io/v2/a/manifests/1: 403 Forbidden\ndenied: client with IP '1.2.3.4' is not allowed access. Refer https://aka.ms/acr/firewall to grant access.", "denied-ambiguous", false, maybe, 403},
	{"blob", "gcr.io/a/b:1", `failed to copy: httpReadSeeker: failed open: unexpected status from GET request to https://gcr.io/v2/a/b/blobs/sha256:aa: 403 Forbidden`, "denied-ambiguous", false, maybe, 403},
	{"451", "reg.example.com/a", `unexpected status from HEAD request to https://reg.example.com/v2/a/manifests/1: 451 Unavailable For Legal Reasons`, "denied-ambiguous", false, maybe, 451},

	// Credential helpers.
	{"helper missing", "ghcr.io/a/b", "error getting credentials - err: exec: \"docker-credential-desktop.exe\": executable file not found in $PATH, out: ``", "credential-helper", true, maybe, 0},
	{"helper in German", "ghcr.io/a/b", "error getting credentials - err: exit status 1, out: `Element nicht gefunden.`", "credential-helper", true, maybe, 0},
	{"helper quotes 403", "gcr.io/a/b", "error getting credentials - err: exit status 1, out: `denied: 403 Forbidden, token not found, i/o timeout`", "credential-helper", true, maybe, 0},
	{"helper waits for a human", "ghcr.io/a/b", "DeadlineExceeded: resolving credentials from session: context deadline exceeded", "credential-helper", true, maybe, 0},
	{"python", "", `docker.credentials.errors.InitializationError: docker-credential-gcloud not installed or not available in PATH`, "credential-helper", true, maybe, 0},

	// Rate limits.
	{"429 token", "alpine", `failed to fetch oauth token: unexpected status from POST request to https://auth.docker.io/token: 429 Too Many Requests`, "rate-limited", false, yes, 429},
	{"429 anonymous token", "ghcr.io/a/b", `failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token?scope=x: 429 Too Many Requests`, "rate-limited", false, no, 429},
	{"429 head", "quay.io/a/b:401", `unexpected status from HEAD request to https://quay.io/v2/a/b/manifests/401: 429 Too Many Requests`, "rate-limited", false, maybe, 429},
	{"code alone", "public.ecr.aws/a/b", `failed to fetch oauth token: toomanyrequests: Rate exceeded`, "rate-limited", false, yes, 0},

	// TLS and network, also below the token phrases.
	{"tls token", "reg.example.com/a", `failed to fetch oauth token: Post "https://reg.example.com/token": tls: failed to verify certificate: x509: certificate signed by unknown authority`, "tls", false, yes, 0},
	{"tls remote", "reg.example.com/a", `failed to do request: Head "https://reg.example.com/v2/a/manifests/1": remote error: tls: handshake failure`, "tls", false, maybe, 0},
	{"https to http", "reg.example.com:5000/a", `failed to do request: Head "https://reg.example.com:5000/v2/a/manifests/1": http: server gave HTTP response to HTTPS client`, "tls", false, maybe, 0},
	{"damaged under copy", "reg.example.com/a", `failed to copy: local error: tls: bad record MAC`, "network", false, maybe, 0},
	{"token timeout", "alpine", `failed to fetch oauth token: Post "https://auth.docker.io/token": dial tcp 3.4.5.6:443: i/o timeout`, "network", false, yes, 0},
	{"anonymous token dns", "alpine", `failed to fetch anonymous token: Get "https://auth.docker.io/token?scope=repository%3Alibrary%2Falpine%3Apull&service=registry.docker.io": dial tcp: lookup auth.docker.io on 127.0.0.53:53: no such host`, "network", false, no, 0},
	{"reset", "ghcr.io/a/b", `failed to do request: Head "https://ghcr.io/v2/a/b/manifests/1": read tcp 10.0.0.2:33->140.82.1.1:443: read: connection reset by peer`, "network", false, maybe, 0},
	{"proxy refuses", "ghcr.io/a/b", `failed to do request: Head "https://ghcr.io/v2/a/b/manifests/1": Forbidden`, "network", false, maybe, 0},
	{"http2", "ghcr.io/a/b", `failed to do request: Head "https://ghcr.io/v2/a/b/manifests/1": http2: client connection lost`, "network", false, maybe, 0},
	{"copy cut", "ghcr.io/a/b", `failed to copy: unexpected EOF`, "network", false, maybe, 0},
	{"session token timeout", "ghcr.io/a/b", `DeadlineExceeded: fetching auth token from session: context deadline exceeded`, "network", false, maybe, 0},
	{"407", "ghcr.io/a/b", `unexpected status from HEAD request to https://ghcr.io/v2/a/b/manifests/1: 407 Proxy Authentication Required`, "network", false, maybe, 407},
	{"name like a refusal", "ghcr.io/acme/denied-by-policy:403", `failed to do request: Head "https://ghcr.io/v2/acme/denied-by-policy/manifests/403": dial tcp: lookup ghcr.io: i/o timeout`, "network", false, maybe, 0},
	{"name like a token error", "ghcr.io/acme/oauth-token-denied:401", `ghcr.io/acme/oauth-token-denied:401: failed to resolve source metadata for ghcr.io/acme/oauth-token-denied:401: failed to do request: Head "https://ghcr.io/v2/acme/oauth-token-denied/manifests/401": EOF`, "network", false, maybe, 0},

	// Outages.
	{"token 503", "ghcr.io/a/b", `failed to fetch oauth token: unexpected status from GET request to https://ghcr.io/token?scope=x: 503 Service Unavailable`, "registry-outage", false, yes, 503},
	{"anonymous token 502", "ghcr.io/a/b", `failed to fetch anonymous token: unexpected status: 502 Bad Gateway`, "registry-outage", false, no, 502},
	{"html instead of a token", "reg.example.com/a", `failed to fetch oauth token: unable to decode token response: invalid character '<' looking for beginning of value`, "registry-outage", false, yes, 0},
	{"5xx quotes denied", "reg.example.com/a", "unexpected status from GET request to https://reg.example.com/v2/a/manifests/1: 500 Internal Server Error\nunknown: backend says denied: 403", "registry-outage", false, maybe, 500},
	{"5xx quotes a cancellation", "reg.example.com/a", "unexpected status from GET request to https://reg.example.com/v2/a/manifests/1: 500 Internal Server Error\nunknown: context canceled", "registry-outage", false, maybe, 500},
	{"400 elsewhere", "reg.example.com/a", `unexpected status from HEAD request to https://reg.example.com/v2/a/manifests/1: 400 Bad Request`, "registry-outage", false, maybe, 400},
	{"dockerd 503", "alpine", `Head "https://registry-1.docker.io/v2/library/alpine/manifests/3": received unexpected HTTP status: 503 Service Unavailable`, "registry-outage", false, maybe, 503},

	// Not found, platform, reference.
	{"not found", "ghcr.io/a/b:denied", `ghcr.io/a/b:denied: failed to resolve source metadata for ghcr.io/a/b:denied: ghcr.io/a/b:denied: not found`, "not-found", false, maybe, 0},
	{"not found bare", "docker.io/library/alpine:401", `docker.io/library/alpine:401: not found`, "not-found", false, maybe, 0},
	{"suggestion", "docker.io/library/buld", `docker.io/library/buld:latest: not found (did you mean build?)`, "not-found", false, maybe, 0},
	{"name unknown", "1.dkr.ecr.eu-west-1.amazonaws.com/a", "unexpected status from GET request to https://1.dkr.ecr.eu-west-1.amazonaws.com/v2/a/manifests/1: 404 Not Found\nname unknown: The repository with name 'a' does not exist", "not-found", false, maybe, 404},
	{"content gone", "ghcr.io/a/b", `failed to copy: httpReadSeeker: failed open: could not fetch content descriptor sha256:aa (application/vnd.oci.image.manifest.v1+json) from remote: not found`, "not-found", false, maybe, 0},
	{"platform", "ghcr.io/a/b", `no match for platform in manifest sha256:aa: not found`, "no-matching-platform", false, maybe, 0},
	{"dockerd platform", "ghcr.io/a/b", `no matching manifest for windows/amd64 10.0.20348 in the manifest list entries`, "no-matching-platform", false, maybe, 0},
	{"reference", "A", `failed to parse stage name "ghcr.io/${X}": invalid reference format`, "invalid-reference", false, maybe, 0},
	{"blank", "", `base name (${BASE}) should not be blank`, "invalid-reference", false, maybe, 0},

	// Policy wins over everything.
	{"policy names a 403 image", "ghcr.io/acme/denied:403", `could not resolve image due to policy: source "docker-image://ghcr.io/acme/denied:403" denied by policy: source denied by policy`, "policy-denied", false, maybe, 0},
	{"rego", "ghcr.io/a/b", `source "docker-image://ghcr.io/a/b:1" not allowed by policy: action DENY: unauthorized: pull access denied`, "policy-denied", false, maybe, 0},
	{"policy metadata", "ghcr.io/a/b", `could not resolve image due to policy: error resolving source metadata from policy request: failed to fetch oauth token: denied: denied`, "policy-denied", false, maybe, 0},
	{"no decision", "ghcr.io/a/b", `no decision in policy response`, "policy-denied", false, maybe, 0},
	{"policy without wrapper", "ghcr.io/a/b", `error evaluating git bundle source policy: failed to fetch oauth token: unexpected status: 403 Forbidden`, "policy-denied", false, maybe, 0},
	{"harbor", "harbor.example.com/a/b", "unexpected status from GET request to https://harbor.example.com/v2/a/b/manifests/1: 412 Precondition Failed\nprojectpolicyviolation: current image with 3 vulnerabilities cannot be pulled due to configured policy", "policy-denied", false, maybe, 412},

	// Cancellation.
	{"canceled", "ghcr.io/a/b", `failed to fetch oauth token: Post "https://ghcr.io/token": context canceled`, "canceled", false, maybe, 0},
	{"canceled code", "ghcr.io/a/b", `rpc error: code = Canceled desc = context canceled`, "canceled", false, maybe, 0},
	{"canceled head", "ghcr.io/a/b", `failed to do request: Head "https://ghcr.io/v2/a/b/manifests/1": net/http: request canceled`, "canceled", false, maybe, 0},
	{"canceled prefix", "ghcr.io/a/b", `Canceled: failed to authorize: failed to fetch oauth token: denied: denied`, "canceled", false, maybe, 0},

	// What no registry said.
	{"npm", "", "#12 3.210 npm ERR! code E403\n#12 3.211 npm ERR! 403 403 Forbidden - GET https://npm.pkg.github.com/@a%2fb - denied: permission_denied", "not-a-registry-error", false, maybe, 0},
	{"npm 10", "", "npm error code E401\nnpm error 401 Unauthorized - GET https://npm.example.org/x - unauthorized: token expired", "not-a-registry-error", false, maybe, 0},
	{"apt", "", "#9 1.2 Err:1 http://deb.example.org/debian bookworm InRelease\n#9 1.2   403  Forbidden [IP: 151.101.2.132 80]\n#9 ERROR: process \"/bin/sh -c apt-get update\" did not complete successfully: exit code: 100", "not-a-registry-error", false, maybe, 0},
	{"git", "", "#4 ERROR: failed to fetch remote https://github.com/a/b.git: git stderr:\nremote: Permission to a/b.git denied to bot.\nfatal: unable to access 'https://github.com/a/b.git/': The requested URL returned error: 403\n: exit status 128", "not-a-registry-error", false, maybe, 0},
	{"curl", "", "curl: (22) The requested URL returned error: 401 Unauthorized", "not-a-registry-error", false, maybe, 0},
	{"curl timeout", "", "curl: (28) Failed to connect to ghcr.io port 443: i/o timeout", "not-a-registry-error", false, maybe, 0},
	{"go proxy", "", `go: github.com/a/b@v1: Get "https://modules.example.org/github.com/a/b/@v/v1.mod": dial tcp: lookup modules.example.org: i/o timeout`, "not-a-registry-error", false, maybe, 0},
	{"ADD url", "", `failed to solve: failed to load cache key: invalid response status 403`, "not-a-registry-error", false, maybe, 0},
	{"pip", "", `ERROR: 403 Client Error: Forbidden for url: https://pypi.example.com/simple/a/`, "not-a-registry-error", false, maybe, 0},
	{"shell", "", `/bin/sh: 1: vendor/bin/phpunit: not found`, "not-a-registry-error", false, maybe, 0},
	{"missing file", "", `failed to compute cache key: failed to calculate checksum of ref k1s::y2: "/app/denied": not found`, "not-a-registry-error", false, maybe, 0},
	{"kubectl", "", `error: Unauthorized`, "not-a-registry-error", false, maybe, 0},
	{"empty", "", ``, "not-a-registry-error", false, maybe, 0},
}
