package registry

import (
	"path"
	"slices"
	"testing"

	"github.com/distribution/reference"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/llb"
)

func TestOf(t *testing.T) {
	for host, name := range map[string]string{
		"ghcr.io": "GitHub", "GHCR.IO:0443": "GitHub", "docker.io": "Docker Hub", "REGISTRY-1.DOCKER.IO": "Docker Hub",
		"123.dkr.ecr.eu-west-1.amazonaws.com": "Amazon ECR", "us-docker.pkg.dev": "Google Artifact Registry",
		"eu.gcr.io": "Google Container Registry", "acme.azurecr.io": "Azure Container Registry", "acme.jfrog.io": "JFrog Artifactory",
		"notghcr.io": "", "ghcr.io.evil.example": "", "dkr.ecr.amazonaws.com": "", "azurecr.io": "", "": "",
		"doc\u212aer.io": "", // the sign of the unit kelvin, a k in lower case
	} {
		assert.Equal(t, name, Of(host).Name, host)
	}
}

// TestTable: a row can be found by each of its hosts, and says something.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range All() {
		require.NotEmpty(t, r.Name)
		require.NotEmpty(t, r.Hosts, r.Name)
		for _, host := range r.Hosts {
			_, err := path.Match(host, "")
			require.NoError(t, err, host)
			require.False(t, seen[host], host)
			seen[host] = true
			require.Equal(t, host, lower(host))
		}
		require.True(t, r.LoginNote != "" || r.NoLogin, r.Name)
		require.False(t, r.NoLogin && (r.PrivateOnly || r.Login != ""), r.Name)
		require.NotContains(t, r.Aliases, llb.Both, "it is appended to every order")
	}
}

// TestAliases is the order of the aliases by registry, for a tag and for a digest.
func TestAliases(t *testing.T) {
	const digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for _, tc := range []struct {
		name, host  string
		tag, pinned []string
	}{
		{"GitHub", "ghcr.io", []string{"GHCR.IO", "ghcr.io:443", "GHCR.IO:443"}, []string{"GHCR.IO", "GHCR.IO:443", "ghcr.io:443"}},
		{
			"Docker Hub", "docker.io",
			[]string{"REGISTRY-1.DOCKER.IO", "registry-1.docker.io:443", "REGISTRY-1.DOCKER.IO:443"},
			[]string{"REGISTRY-1.DOCKER.IO", "REGISTRY-1.DOCKER.IO:443", "registry-1.docker.io:443"},
		},
		{
			"Docker Hub, its registry's name", "registry-1.docker.io",
			[]string{"REGISTRY-1.DOCKER.IO", "registry-1.docker.io:443", "REGISTRY-1.DOCKER.IO:443"},
			[]string{"REGISTRY-1.DOCKER.IO", "REGISTRY-1.DOCKER.IO:443", "registry-1.docker.io:443"},
		},
		{"Quay", "quay.io", []string{"quay.io:443", "QUAY.IO", "QUAY.IO:443"}, []string{"QUAY.IO", "QUAY.IO:443", "quay.io:443"}},
		{"Quay, default port written", "quay.io:443", []string{"quay.io:0443", "QUAY.IO:443", "QUAY.IO:0443"}, []string{"QUAY.IO:443", "QUAY.IO:0443", "quay.io:0443"}},
		{"Quay, another service of the host", "quay.io:8443", []string{"QUAY.IO:8443", "quay.io:08443", "QUAY.IO:08443"}, []string{"QUAY.IO:8443", "QUAY.IO:08443", "quay.io:08443"}},
		{"Amazon ECR Public", "public.ecr.aws", []string{"PUBLIC.ECR.AWS", "public.ecr.aws:443", "PUBLIC.ECR.AWS:443"}, []string{"PUBLIC.ECR.AWS", "PUBLIC.ECR.AWS:443", "public.ecr.aws:443"}},
		{"unknown", "reg.test:5000", []string{"REG.TEST:5000", "reg.test:05000", "REG.TEST:05000"}, []string{"REG.TEST:5000", "REG.TEST:05000", "reg.test:05000"}},
		{"IP address", "127.0.0.1:5000", []string{"127.0.0.1:05000"}, []string{"127.0.0.1:05000"}},
		{"localhost", "localhost", []string{"localhost:80"}, []string{"localhost:80"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.tag, aliases(t, tc.host+"/a/b:1", false))
			require.Equal(t, tc.pinned, aliases(t, tc.host+"/a/b:1"+digest, true))
		})
	}
}

func aliases(t *testing.T, ref string, pinned bool) []string {
	t.Helper()
	named, err := reference.ParseNormalizedNamed(ref)
	require.NoError(t, err)
	var hosts []string
	for _, other := range llb.Aliases(named, AliasOrder(reference.Domain(named), pinned)) {
		hosts = append(hosts, reference.Domain(other))
	}
	return hosts
}

// TestAliasOrderIsOwn: what a caller does with an order changes no other.
func TestAliasOrderIsOwn(t *testing.T) {
	before := slices.Clone(Of("quay.io").Aliases)
	slices.Reverse(AliasOrder("quay.io", false))
	AliasOrder("quay.io", true)
	require.Equal(t, before, Of("quay.io").Aliases)
}

func TestHosts(t *testing.T) {
	for _, hub := range []string{"docker.io", "index.docker.io", "registry-1.docker.io", "REGISTRY-1.DOCKER.IO", "registry.hub.docker.com"} {
		assert.Equal(t, DockerHub, Canonical(hub))
		assert.True(t, Same(hub, DockerHub), hub)
		assert.Equal(t, "docker logout", LogoutCommand(hub))
	}
	assert.Equal(t, "ghcr.io:443", Canonical("ghcr.io:443"))
	assert.Equal(t, "registry-1.docker.io", Requested("docker.io"))
	assert.Equal(t, "ghcr.io", Requested("ghcr.io"))
	assert.True(t, Same("GHCR.IO", "ghcr.io:0443"))
	assert.True(t, Same("REGISTRY-1.DOCKER.IO:443", "docker.io"))
	assert.False(t, Same("ghcr.io", "ghcr.io:5000"))
	assert.True(t, IsDockerHubToken("auth.docker.io", ""))
	assert.True(t, IsDockerHubToken("mirror.test", "registry.docker.io"))
	assert.False(t, IsDockerHubToken("ghcr.io", "ghcr.io"))
}

func TestCommands(t *testing.T) {
	for host, want := range map[string]string{
		"ghcr.io":                           "docker login ghcr.io",
		"docker.io":                         "docker login",
		"acme.azurecr.io":                   "az acr login --name acme",
		"1.dkr.ecr.eu-west-1.amazonaws.com": "aws ecr get-login-password --region eu-west-1 | docker login --username AWS --password-stdin 1.dkr.ecr.eu-west-1.amazonaws.com",
		"127.0.0.1:5000":                    "docker login 127.0.0.1:5000",
	} {
		assert.Equal(t, want, LoginCommand(host))
	}
	assert.Equal(t, "docker logout ghcr.io", LogoutCommand("ghcr.io"))
}

// TestHubLogin: what is said of registries that are sent Docker Hub's credentials
// holds for the host as buildx compares it.
func TestHubLogin(t *testing.T) {
	for _, host := range []string{"dhi.io", "registry.scout.docker.com"} {
		assert.True(t, UsesHubLogin(host), host)
		assert.Equal(t, "docker logout", LogoutCommand(host))
		assert.JSONEq(t, `{"auths": {"`+host+`": {}}}`, AnonymousConfig(host))
	}
	for _, host := range []string{"DHI.IO", "dhi.io:443", "ghcr.io", "docker.io", "registry-1.docker.io"} {
		assert.False(t, UsesHubLogin(host), host)
		assert.Equal(t, "{}", AnonymousConfig(host))
	}
	assert.Equal(t, "docker logout dhi.io:443", LogoutCommand("dhi.io:443"))
}
