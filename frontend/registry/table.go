package registry

// table is every registry of which something is known.
var table = []Registry{
	{
		Name: "GitHub", Hosts: []string{"ghcr.io"},
		// https://docs.github.com/en/packages/working-with-a-github-packages-registry/working-with-the-container-registry
		// (classic token, read:packages, SSO authorisation, permissions in Actions)
		LoginNote: "a GitHub token (classic) with read:packages, SSO-authorised; in Actions: permissions: packages: read",
		// https://docs.github.com/en/packages/learn-github-packages/configuring-a-packages-access-control-and-visibility
		PushNote: "in Actions: permissions: packages: write, and in the settings of the package, under Manage Actions access, this repository with the role Write; elsewhere: a token (classic) with write:packages",
		Status:   "https://www.githubstatus.com",
		// openai/tunnel-client#75, #38: anonymous 401, foreign login 403
		AnonymousStatus: 401,
		// The weakest of these: examples in the documentation of others, and their tests
		// of image names (ghcr.io:443/inspektor-gadget/ig).
		TakesPort: true,
	},
	{
		Name: "Docker Hub", Hosts: hubHosts,
		// https://docs.docker.com/security/access-tokens/ (personal and organization access tokens)
		Login: "docker login", LoginNote: "with a personal or organization access token",
		PushNote: "the repository must be one of the account's or organization's (ACCOUNT/NAME), and the access token needs Read & Write",
		Status:   "https://www.dockerstatus.com",
		// private and missing names get a token and then insufficient_scope
		TokensForAll: true,
		// https://docs.docker.com/docker-hub/usage/pulls/ (lower limit by IP address without a login)
		Limit: "without logging in, the limit is lower and shared by the whole IP address",
		// No TakesPort: answered 503 to "Host: registry-1.docker.io:443" from 2020 to
		// 2022 (docker/hub-feedback#1956, moby/moby#40619).
	},
	{
		// https://docs.docker.com/dhi/ (docker login dhi.io, with the account of Docker Hub);
		// buildx v0.38.2, util/dockerutil/dockerconfig/configprovider.go
		Name: "Docker Hardened Images", Hosts: []string{"dhi.io"}, HubLogin: true,
		LoginNote: "a Docker account and a personal or organization access token, as for Docker Hub",
	},
	{
		// https://docs.docker.com/scout/ (the account of Docker Hub); buildx as above
		Name: "Docker Scout", Hosts: []string{"registry.scout.docker.com"}, HubLogin: true,
		LoginNote: "a Docker account and a personal or organization access token, as for Docker Hub",
	},
	{
		Name: "Amazon ECR Public", Hosts: []string{"public.ecr.aws"},
		// https://docs.aws.amazon.com/AmazonECR/latest/public/public-registry-auth.html (us-east-1, 12 hours)
		Login:     "aws ecr-public get-login-password --region us-east-1 | docker login --username AWS --password-stdin %s",
		LoginNote: "lasts 12 hours",
		// aws/containers-roadmap#1296: an expired login gets 403 or 400 on HEAD
		DeniedStatus: 400,
		// https://docs.aws.amazon.com/general/latest/gr/ecr-public.html (1 request a second against 10)
		Limit: "logging in raises the rate limit",
		// A live test pulls public.ecr.aws:443/bottlerocket/bottlerocket-admin without a
		// login: aws/eks-anywhere, commands/artifacts, TestCheckImageExistenceRun.
		// As credsStore the ECR helper ignores the port: it would send credentials to
		// public.ecr.aws:443 too, but not to PUBLIC.ECR.AWS:443
		// (awslabs/amazon-ecr-credential-helper, ecr-login/api/factory.go).
		TakesPort: true,
		Status:    "https://health.aws.amazon.com",
	},
	{
		Name: "Amazon ECR", Hosts: []string{"*.dkr.ecr.*.amazonaws.com", "*.dkr.ecr.*.amazonaws.com.cn"},
		// https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html (12 hours, always authenticated)
		Login:     "aws ecr get-login-password --region REGION | docker login --username AWS --password-stdin %s",
		LoginNote: "lasts 12 hours", PrivateOnly: true,
		PushNote: "the repository must exist (aws ecr create-repository), and the account needs ecr:InitiateLayerUpload, ecr:UploadLayerPart, ecr:CompleteLayerUpload and ecr:PutImage",
		Status:   "https://health.aws.amazon.com",
	},
	{
		Name: "Google Artifact Registry", Hosts: []string{"*-docker.pkg.dev", "docker.pkg.dev"},
		// https://cloud.google.com/artifact-registry/docs/docker/authentication (access token: 60 minutes)
		Login:     "gcloud auth print-access-token | docker login -u oauth2accesstoken --password-stdin %s",
		LoginNote: "lasts 1 hour; or gcloud auth configure-docker",
		PushNote:  "the account needs the role Artifact Registry Writer (roles/artifactregistry.writer) on the repository",
		Status:    "https://status.cloud.google.com",
	},
	{
		Name: "Google Container Registry", Hosts: []string{"gcr.io", "*.gcr.io"},
		// https://cloud.google.com/artifact-registry/docs/docker/authentication (gcr.io is served by Artifact Registry)
		Login:     "gcloud auth print-access-token | docker login -u oauth2accesstoken --password-stdin %s",
		LoginNote: "lasts 1 hour; or gcloud auth configure-docker",
		// An acceptance test of kreuzwerker/terraform-provider-docker pulled
		// gcr.io:443/google_containers/pause:0.8.0. Regional hosts are the same service.
		TakesPort: true,
		PushNote:  "the account needs the role Artifact Registry Writer (roles/artifactregistry.writer) on the repository",
		Status:    "https://status.cloud.google.com",
	},
	{
		Name: "Azure Container Registry", Hosts: []string{"*.azurecr.io"},
		// https://learn.microsoft.com/azure/container-registry/container-registry-authentication (3 hours)
		Login: "az acr login --name REGISTRY", LoginNote: "lasts 3 hours; or a token of the registry with docker login",
		// In production use without a login: Azure/sonic-build-tools pulls
		// sonicdev-microsoft.azurecr.io:443/sonic-slave-buster-johnar
		// (scripts/common/sonic-swss-common-build/build.sh).
		TakesPort: true,
		PushNote:  "the account needs the role AcrPush",
		Status:    "https://azure.status.microsoft",
	},
	{
		Name: "GitLab", Hosts: []string{"registry.gitlab.com"},
		// https://docs.gitlab.com/user/packages/container_registry/authenticate_with_container_registry/
		LoginNote: "a personal access or deploy token with read_registry",
		PushNote:  "the token needs write_registry, in CI: $CI_REGISTRY_USER with $CI_REGISTRY_PASSWORD",
		Status:    "https://status.gitlab.com",
	},
	{
		Name: "GitLab dependency proxy", Hosts: []string{"gitlab.com"},
		// https://docs.gitlab.com/user/packages/dependency_proxy/ (read_registry and write_registry);
		// gitlab-org/gitlab#585195 (the port in the key)
		LoginNote: "a token with read_registry and write_registry; the host must be spelled as in the reference, port included",
	},
	{
		Name: "Quay", Hosts: []string{"quay.io"},
		// https://docs.quay.io/glossary/robot-accounts.html
		LoginNote: "a robot account (namespace+name) with read access",
		PushNote:  "the account or robot account needs the role Write on the repository",
		Status:    "https://status.redhat.com",
		// The port is in production use, as quay.io:443/acm-d, to give the registry a
		// second credential key: stolostron/deploy#125.
		TakesPort: true,
	},
	{
		Name: "NVIDIA NGC", Hosts: []string{"nvcr.io"},
		// https://org.ngc.nvidia.com/setup/api-keys ("exactly as shown")
		LoginNote: "user name $oauthtoken, password: an NGC API key of an organization with access",
		Status:    "https://status.ngc.nvidia.com",
	},
	{
		Name: "JFrog Artifactory", Hosts: []string{"*.jfrog.io", "artifactory.*"},
		// https://jfrog.com/help/r/jfrog-platform-administration-documentation/access-tokens
		LoginNote: "an identity or access token as the password",
	},
	{
		Name: "Harbor", Hosts: []string{"harbor.*", "demo.goharbor.io"},
		// https://goharbor.io/docs/main/working-with-projects/project-configuration/create-robot-accounts/ and
		// goharbor/harbor#14172 (CLI secret under OIDC)
		LoginNote: "a robot account, or under OIDC the CLI secret of the user profile",
	},
	{
		Name: "DigitalOcean", Hosts: []string{"registry.digitalocean.com"},
		// https://docs.digitalocean.com/reference/doctl/reference/registry/login ("your private container registry", 30 days)
		Login: "doctl registry login", LoginNote: "lasts 30 days", PrivateOnly: true,
		Status: "https://status.digitalocean.com",
	},
	{
		Name: "Red Hat", Hosts: []string{"registry.redhat.io", "registry.connect.redhat.com"},
		// https://access.redhat.com/RegistryAuthentication (no unauthenticated access)
		LoginNote: "a Red Hat login or a registry service account", PrivateOnly: true,
	},
	// https://access.redhat.com/RegistryAuthentication (no authentication needed; no Red Hat login, no tokens);
	// the port: FROM registry.access.redhat.com:443/ubi9/ubi-init, seen in a public Dockerfile
	{Name: "Red Hat", Hosts: []string{"registry.access.redhat.com"}, NoLogin: true, TakesPort: true},
	// https://github.com/microsoft/containerregistry (Microsoft's own public images; no accounts)
	{Name: "Microsoft Artifact Registry", Hosts: []string{"mcr.microsoft.com"}, NoLogin: true, Status: "https://azure.status.microsoft"},
	// https://github.com/kubernetes/registry.k8s.io/blob/main/docs/debugging.md (a 403 is the cloud provider's)
	{Name: "Kubernetes", Hosts: []string{"registry.k8s.io"}, NoLogin: true},
}
