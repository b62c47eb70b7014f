package registry

import (
	"path"
	"slices"
	"strings"
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
	}
}

// TestAliases is the order of the host aliases by registry and kind.
func TestAliases(t *testing.T) {
	takesPort := func(host string) []string {
		return []string{strings.ToUpper(host) + ":443", host + ":443", strings.ToUpper(host)}
	}
	byDefault := func(host string) []string {
		return []string{strings.ToUpper(host), strings.ToUpper(host) + ":443", host + ":443"}
	}
	for host, want := range map[string][]string{
		"ghcr.io":                    takesPort("ghcr.io"),
		"quay.io":                    takesPort("quay.io"),
		"public.ecr.aws":             takesPort("public.ecr.aws"),
		"gcr.io":                     takesPort("gcr.io"),
		"eu.gcr.io":                  takesPort("eu.gcr.io"),
		"acme.azurecr.io":            takesPort("acme.azurecr.io"),
		"registry.access.redhat.com": takesPort("registry.access.redhat.com"),

		"docker.io":            byDefault("registry-1.docker.io"),
		"registry-1.docker.io": byDefault("registry-1.docker.io"),
		"dhi.io":               byDefault("dhi.io"),
		"mcr.microsoft.com":    byDefault("mcr.microsoft.com"),
		"us-docker.pkg.dev":    byDefault("us-docker.pkg.dev"),
		"registry.gitlab.com":  byDefault("registry.gitlab.com"),
		"nvcr.io":              byDefault("nvcr.io"),
		"reg.test":             byDefault("reg.test"),
		"notquay.io":           byDefault("notquay.io"),
		"quay.io.evil.example": byDefault("quay.io.evil.example"),

		// Written otherwise, it is the same host; another port is another service.
		"QUAY.IO":       {"Quay.Io:443", "QUAY.IO:443", "Quay.Io"},
		"quay.io:443":   {"QUAY.IO:0443", "quay.io:0443", "QUAY.IO:443"},
		"quay.io:8443":  {"QUAY.IO:8443", "QUAY.IO:08443", "quay.io:08443"},
		"reg.test:5000": {"REG.TEST:5000", "REG.TEST:05000", "reg.test:05000"},

		"127.0.0.1:5000": {"127.0.0.1:05000"},
		"192.0.2.1":      {"192.0.2.1:443"},
		"localhost":      {"localhost:80"},
	} {
		named, err := reference.ParseNormalizedNamed(host + "/a/b:1")
		require.NoError(t, err)
		var hosts []string
		for _, other := range llb.Aliases(named, AliasOrder(host)) {
			hosts = append(hosts, reference.Domain(other))
		}
		assert.Equal(t, want, hosts, host)
	}
}

// TestPortIsNotAlone: what was pulled by the port alone, BuildKit takes for content of
// the plain host; both kinds together come before it at every registry.
func TestPortIsNotAlone(t *testing.T) {
	hosts := []string{"reg.test", "reg.test:5000"}
	for _, r := range All() {
		for _, host := range r.Hosts {
			hosts = append(hosts, strings.ReplaceAll(host, "*", "acme"))
		}
	}
	for _, host := range hosts {
		order := AliasOrder(host)
		require.ElementsMatch(t, []llb.Kind{llb.LetterCase, llb.Port, llb.Both}, order, host)
		require.Less(t, slices.Index(order, llb.Both), slices.Index(order, llb.Port), host)
	}
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
	assert.Equal(t, "https://index.docker.io/v1/", CredentialKey("docker.io"))
	assert.Equal(t, "ghcr.io", CredentialKey("ghcr.io"))
	assert.Equal(t, "REGISTRY-1.DOCKER.IO", FirstAlias("docker.io"))
	assert.Equal(t, "GHCR.IO:443", FirstAlias("ghcr.io"))
	assert.Equal(t, "127.0.0.1:05000", FirstAlias("127.0.0.1:5000"))
	assert.Equal(t, "no host", FirstAlias("no host"))
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

// TestFirstAliasOfAnything: whatever a log calls a host has an answer.
func TestFirstAliasOfAnything(t *testing.T) {
	for host, want := range map[string]string{
		"ghcr.io": "GHCR.IO:443", "private_registry.com": "private_registry.com", "": "", "-": "-",
	} {
		assert.Equal(t, want, FirstAlias(host), host)
	}
}

func TestIsOfficial(t *testing.T) {
	for repository, want := range map[string]bool{
		"library/alpine": true, "library/znc": true, "library/adminer": true,
		"library/builder": false, "library/": false, "library/alpine debian": false, "alpine": false, "acme/alpine": false,
	} {
		assert.Equal(t, want, IsOfficial(repository), repository)
	}
}
