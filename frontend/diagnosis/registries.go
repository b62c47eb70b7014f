package diagnosis

import "strings"

// registry is what is known of a registry beyond its protocol. Every fact has
// its source beside it; what has none is not here.
type registry struct {
	name  string
	hosts []string // exact, or with one leading or inner "*"

	login string // a command in place of `docker login HOST`; %s is the host
	kind  string // the right kind of credential, as a comment to the command

	noLogin     bool // serves everybody and has no login: a refusal is no matter of credentials
	privateOnly bool // serves nobody without a login

	// anonymousStatus is the token service's answer to a request without
	// credentials for what is not public, where refused credentials get another.
	anonymousStatus int
	// tokensForAll: the token service gives anonymous tokens for any name, so
	// that a refusal of one is a fault of the service.
	tokensForAll bool
	// refusesWith is a status besides 401 and 403 that means a refusal.
	refusesWith int

	limit string // what a login changes about the limit
}

var registries = []registry{
	{
		name: "GitHub", hosts: []string{"ghcr.io"},
		// https://docs.github.com/en/packages/working-with-a-github-packages-registry/working-with-the-container-registry
		// (classic token, read:packages, SSO authorisation, permissions in Actions)
		kind: "a GitHub token (classic) with read:packages, SSO-authorised; in Actions: permissions: packages: read",
		// openai/tunnel-client#75, #38: anonymous 401, foreign login 403
		anonymousStatus: 401,
	},
	{
		name: "Docker Hub", hosts: []string{hub, "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"},
		// https://docs.docker.com/security/access-tokens/ (personal and organization access tokens)
		login: "docker login", kind: "with a personal or organization access token",
		// private and missing names get a token and then insufficient_scope
		tokensForAll: true,
		// https://docs.docker.com/docker-hub/usage/pulls/ (lower limit by IP address without a login)
		limit: "without a login the limit is lower and counts for the whole IP address",
	},
	{
		name: "Amazon ECR Public", hosts: []string{"public.ecr.aws"},
		// https://docs.aws.amazon.com/AmazonECR/latest/public/public-registry-auth.html (us-east-1, 12 hours)
		login: "aws ecr-public get-login-password --region us-east-1 | docker login --username AWS --password-stdin %s",
		kind:  "lasts 12 hours",
		// aws/containers-roadmap#1296: an expired login gets 403 or 400 on HEAD
		refusesWith: 400,
		// https://docs.aws.amazon.com/general/latest/gr/ecr-public.html (1 request a second against 10)
		limit: "a login has the higher rate",
	},
	{
		name: "Amazon ECR", hosts: []string{"*.dkr.ecr.*.amazonaws.com", "*.dkr.ecr.*.amazonaws.com.cn"},
		// https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html (12 hours, always authenticated)
		login: "aws ecr get-login-password --region REGION | docker login --username AWS --password-stdin %s",
		kind:  "lasts 12 hours", privateOnly: true,
	},
	{
		name: "Google Artifact Registry", hosts: []string{"*-docker.pkg.dev", "docker.pkg.dev"},
		// https://cloud.google.com/artifact-registry/docs/docker/authentication (access token: 60 minutes)
		login: "gcloud auth print-access-token | docker login -u oauth2accesstoken --password-stdin %s",
		kind:  "lasts 1 hour; or gcloud auth configure-docker",
	},
	{
		name: "Google Container Registry", hosts: []string{"gcr.io", "*.gcr.io"},
		// https://cloud.google.com/artifact-registry/docs/docker/authentication (gcr.io is served by Artifact Registry)
		login: "gcloud auth print-access-token | docker login -u oauth2accesstoken --password-stdin %s",
		kind:  "lasts 1 hour; or gcloud auth configure-docker",
	},
	{
		name: "Azure Container Registry", hosts: []string{"*.azurecr.io"},
		// https://learn.microsoft.com/azure/container-registry/container-registry-authentication (3 hours)
		login: "az acr login --name REGISTRY", kind: "lasts 3 hours; or a token of the registry with docker login",
	},
	{
		name: "GitLab", hosts: []string{"registry.gitlab.com"},
		// https://docs.gitlab.com/user/packages/container_registry/authenticate_with_container_registry/
		kind: "a personal access or deploy token with read_registry",
	},
	{
		name: "GitLab dependency proxy", hosts: []string{"gitlab.com"},
		// https://docs.gitlab.com/user/packages/dependency_proxy/ (read_registry and write_registry);
		// gitlab-org/gitlab#585195 (the port in the key)
		kind: "a token with read_registry and write_registry; the host must be spelled as in the reference, port included",
	},
	{
		name: "Quay", hosts: []string{"quay.io"},
		// https://docs.quay.io/glossary/robot-accounts.html
		kind: "a robot account (namespace+name) with read access",
	},
	{
		name: "NVIDIA NGC", hosts: []string{"nvcr.io"},
		// https://org.ngc.nvidia.com/setup/api-keys ("exactly as shown")
		kind: "user name $oauthtoken, password: an NGC API key of an organization with access",
	},
	{
		name: "JFrog Artifactory", hosts: []string{"*.jfrog.io", "artifactory.*"},
		// https://jfrog.com/help/r/jfrog-platform-administration-documentation/access-tokens
		kind: "an identity or access token as the password",
	},
	{
		name: "Harbor", hosts: []string{"harbor.*", "demo.goharbor.io"},
		// https://goharbor.io/docs/main/working-with-projects/project-configuration/create-robot-accounts/ and
		// goharbor/harbor#14172 (CLI secret under OIDC)
		kind: "a robot account, or under OIDC the CLI secret of the user profile",
	},
	{
		name: "DigitalOcean", hosts: []string{"registry.digitalocean.com"},
		// https://docs.digitalocean.com/reference/doctl/reference/registry/login ("your private container registry", 30 days)
		login: "doctl registry login", kind: "lasts 30 days", privateOnly: true,
	},
	{
		name: "Red Hat", hosts: []string{"registry.redhat.io", "registry.connect.redhat.com"},
		// https://access.redhat.com/RegistryAuthentication (no unauthenticated access)
		kind: "a Red Hat login or a registry service account", privateOnly: true,
	},
	// https://access.redhat.com/RegistryAuthentication (no authentication needed; no Red Hat login, no tokens)
	{name: "Red Hat", hosts: []string{"registry.access.redhat.com"}, noLogin: true},
	// https://github.com/microsoft/containerregistry (Microsoft's own public images; no accounts)
	{name: "Microsoft Artifact Registry", hosts: []string{"mcr.microsoft.com"}, noLogin: true},
	// https://github.com/kubernetes/registry.k8s.io/blob/main/docs/debugging.md (a 403 is the cloud provider's)
	{name: "Kubernetes", hosts: []string{"registry.k8s.io"}, noLogin: true},
}

// registryOf finds what is known of a host, the zero value for an unknown one.
func registryOf(host string) registry {
	host = plainHost(host)
	name, _, _ := strings.Cut(host, ":")
	for _, r := range registries {
		for _, pattern := range r.hosts {
			if matchHost(pattern, name) {
				return r
			}
		}
	}
	return registry{}
}

func matchHost(pattern, host string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == host
	}
	if !strings.HasPrefix(host, parts[0]) {
		return false
	}
	host = host[len(parts[0]):]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(host, part)
		if i < 1 {
			return false
		}
		host = host[i+len(part):]
	}
	last := parts[len(parts)-1]
	return len(host) > len(last) && strings.HasSuffix(host, last)
}

// reasons are the texts of statuses that registries and what stands before them
// answer with. net/http has them all, but must not be linked for them.
var reasons = map[int]string{
	301: "Moved Permanently", 302: "Found", 307: "Temporary Redirect", 308: "Permanent Redirect",
	400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
	405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout",
	409: "Conflict", 410: "Gone", 412: "Precondition Failed", 415: "Unsupported Media Type", 418: "I'm a teapot",
	429: "Too Many Requests", 451: "Unavailable For Legal Reasons", 500: "Internal Server Error",
	501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
}
