package llb

import (
	"math/rand/v2"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/distribution/reference"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/types"
	"github.com/moby/buildkit/session/auth/authprovider"
	"github.com/moby/buildkit/util/resolver"
	"github.com/stretchr/testify/require"
)

const testDigest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func parse(t testing.TB, s string) reference.Named {
	t.Helper()
	ref, err := reference.ParseNormalizedNamed(s)
	require.NoError(t, err, s)
	return ref
}

// allKinds are the kinds in the usual order.
var allKinds = []Kind{LetterCase, Port, Both}

func TestAliases(t *testing.T) {
	const pinned = ":1@" + testDigest
	for _, tc := range []struct {
		name, ref              string
		letterCase, port, both string // "" where there is none
	}{
		{"usual", "ghcr.io/a/b:1", "GHCR.IO/a/b:1", "ghcr.io:443/a/b:1", "GHCR.IO:443/a/b:1"},
		{"Docker Hub", "alpine", "REGISTRY-1.DOCKER.IO/library/alpine", "registry-1.docker.io:443/library/alpine", "REGISTRY-1.DOCKER.IO:443/library/alpine"},
		{"Docker Hub, index", "index.docker.io/a/b:1", "REGISTRY-1.DOCKER.IO/a/b:1", "registry-1.docker.io:443/a/b:1", "REGISTRY-1.DOCKER.IO:443/a/b:1"},
		{"Docker Hub, registry", "registry-1.docker.io/library/x", "REGISTRY-1.DOCKER.IO/library/x", "registry-1.docker.io:443/library/x", "REGISTRY-1.DOCKER.IO:443/library/x"},
		{"Docker Hub, registry in upper case", "REGISTRY-1.DOCKER.IO/library/x", "Registry-1.Docker.Io/library/x", "REGISTRY-1.DOCKER.IO:443/library/x", "Registry-1.Docker.Io:443/library/x"},
		{"docker.io with a port is another host", "docker.io:443/x", "DOCKER.IO:443/x", "docker.io:0443/x", "DOCKER.IO:0443/x"},
		{"default port written", "ghcr.io:443/a/b", "GHCR.IO:443/a/b", "ghcr.io:0443/a/b", "GHCR.IO:0443/a/b"},
		{"upper case", "GHCR.IO/a/b", "Ghcr.Io/a/b", "GHCR.IO:443/a/b", "Ghcr.Io:443/a/b"},
		{"title case", "Ghcr.Io/a/b", "GHCR.IO/a/b", "Ghcr.Io:443/a/b", "GHCR.IO:443/a/b"},
		{"upper case is title case", "A.B/c", "a.B/c", "A.B:443/c", "a.B:443/c"},
		{"one letter in upper case", "A/c", "", "A:443/c", ""},
		{"port", "reg.test:5000/x", "REG.TEST:5000/x", "reg.test:05000/x", "REG.TEST:05000/x"},
		{"padded port", "reg.test:05000/x", "REG.TEST:05000/x", "reg.test:005000/x", "REG.TEST:005000/x"},
		{"host without a dot", "registry:5000/x", "REGISTRY:5000/x", "registry:05000/x", "REGISTRY:05000/x"},
		{"tag and digest", "ghcr.io/a" + pinned, "GHCR.IO/a" + pinned, "ghcr.io:443/a" + pinned, "GHCR.IO:443/a" + pinned},
		{"localhost", "localhost/x", "", "localhost:80/x", ""},
		{"localhost, port", "localhost:5000/x", "", "localhost:05000/x", ""},
		{"localhost in upper case is TLS", "LOCALHOST/x", "", "LOCALHOST:443/x", ""},
		{"below localhost", "reg.localhost:5000/x", "REG.LOCALHOST:5000/x", "reg.localhost:05000/x", "REG.LOCALHOST:05000/x"},
		{"loopback", "127.0.0.1/x", "", "127.0.0.1:80/x", ""},
		{"loopback, port", "127.1.2.3:5000/x", "", "127.1.2.3:05000/x", ""},
		{"IPv4", "10.0.0.1/x", "", "10.0.0.1:443/x", ""},
		{"IPv6 loopback", "[::1]/x", "", "[::1]:80/x", ""},
		{"IPv6 loopback, port", "[::1]:5000/x", "", "[::1]:05000/x", ""},
		{"IPv6", "[2001:DB8::1]/x", "", "[2001:DB8::1]:443/x", ""},
		// TLS without a port, plain HTTP with one, for BuildKit.
		{"IPv6 loopback in full", "[0:0:0:0:0:0:0:1]/x", "", "", ""},
		{"IPv6 loopback in full, port", "[0:0:0:0:0:0:0:1]:5000/x", "", "[0:0:0:0:0:0:0:1]:05000/x", ""},
		{"IPv4 loopback in IPv6", "[::ffff:7f00:1]/x", "", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ref := parse(t, tc.ref)
			require.Equal(t, nonEmpty(tc.letterCase, tc.port, tc.both), aliases(ref, allKinds...))
			require.Equal(t, nonEmpty(tc.both, tc.port), aliases(ref, Both, Port), "in the order that was asked for")
			require.Equal(t, nonEmpty(tc.letterCase), aliases(ref, LetterCase))
			requireAliases(t, ref)
		})
	}
}

func aliases(ref reference.Named, kinds ...Kind) []string {
	list := []string{}
	for _, other := range Aliases(ref, kinds) {
		list = append(list, other.String())
	}
	return list
}

func nonEmpty(list ...string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

func TestSameHost(t *testing.T) {
	for _, same := range [][2]string{
		{"ghcr.io", "GHCR.IO:0443"}, {"docker.io", "Registry-1.Docker.Io:443"}, {"127.0.0.1:80", "127.0.0.1"}, {"[::1]", "[::1]:080"}, {"a:5000", "A:05000"},
	} {
		require.True(t, SameHost(same[0], same[1]), same)
		require.True(t, SameHost(same[1], same[0]), same)
	}
	for _, not := range [][2]string{
		{"ghcr.io", "ghcr.io:80"}, {"docker.io", "docker.io:443"}, {"a", "b"}, {"localhost", "LOCALHOST"}, {"quay.io", "quay.io:8443"}, {"", "a"},
	} {
		require.False(t, SameHost(not[0], not[1]), not)
	}
}

func TestAliasesOfNothing(t *testing.T) {
	require.Empty(t, Aliases(nil, allKinds))
	require.Empty(t, Aliases(parse(t, "alpine"), nil))
	require.Empty(t, Aliases(parse(t, "alpine"), []Kind{"", "x"}))

	familiar, err := reference.WithName("alpine")
	require.NoError(t, err)
	require.Equal(t, Aliases(parse(t, "alpine"), allKinds), Aliases(familiar, allKinds))
}

func TestAliasesOfRandomReferences(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		requireAliases(t, parse(t, randomReference(rnd)))
	}
}

// TestAliasesMissLogins looks the hosts up as the client does, with a login
// stored under every form that docker login writes.
func TestAliasesMissLogins(t *testing.T) {
	for _, registry := range []string{
		"docker.io", "registry-1.docker.io", "ghcr.io", "quay.io", "quay.io:443", "localhost", "127.0.0.1:5000",
		"[::1]:5000", "dhi.io", "registry.scout.docker.com", "public.ecr.aws", "reg.test:5000", "GHCR.IO", "Reg.Test:05000",
	} {
		t.Run(registry, func(t *testing.T) {
			written := strings.ToLower(registry)
			name, port, _ := strings.Cut(written, ":")
			cfg := configfile.New("config.json")
			for _, key := range []string{
				registry, written, name, name + ":" + strings.TrimLeft(port, "0"),
				"https://" + registry, "https://" + registry + "/v1/", "http://" + registry + "/v2/",
				authprovider.DockerHubConfigfileKey, authprovider.DockerHubRegistryHost, "docker.io", "index.docker.io",
			} {
				cfg.AuthConfigs[key] = types.AuthConfig{Username: "user", Password: "secret", ServerAddress: key}
			}
			others := Aliases(parse(t, registry+"/library/x"), allKinds)
			require.NotEmpty(t, others)
			for _, other := range others {
				_, host := connection(t, other)
				require.NotEqual(t, authprovider.DockerHubRegistryHost, host)
				auth, err := cfg.GetAuthConfig(host)
				require.NoError(t, err)
				require.Empty(t, auth, host)
			}
		})
	}
}

func FuzzAliases(f *testing.F) {
	for _, seed := range []string{
		"alpine", "a/b", "ghcr.io/a/b:1", "GHCR.IO/a@" + testDigest, "localhost/x", "LocalHost:5000/x", "127.0.0.1:05000/x:1", "[::1]/x", "[::1]:0/x",
		"[0:0:0:0:0:0:0:1]/x", "[::ffff:7f00:1]:1/x", "A/b", "A.B:443/c", "1.2/x", "a.b:99999999999999999999/x", "docker.io:443/x", "x--y.z/a__b/c.d-e",
		"[:::]/x", "[ffff]:1/x", "", "://", "0x7f.1:5000/x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if ref, err := reference.ParseNormalizedNamed(s); err == nil {
			requireAliases(t, ref)
		}
		if ref, ok := ParseImageSource(s); ok {
			requireAliases(t, ref)
		}
		if ref, ok := ParseImageSource(ImageScheme + s); ok {
			again, ok := ParseImageSource(ImageSource(ref))
			require.True(t, ok)
			require.Equal(t, ref.String(), again.String())
		}
	})
}

// requireAliases checks all that is promised of the host aliases of ref.
func requireAliases(t testing.TB, ref reference.Named) {
	t.Helper()
	others := Aliases(ref, allKinds)
	require.Equal(t, others, Aliases(ref, allKinds), "not stable")

	written := reference.Domain(ref)
	if _, err := url.Parse("https://" + written); err != nil {
		return // such as "[:::]": a reference, but no client can connect to it
	}
	scheme, host := connection(t, ref)
	name, port := split(t, scheme, host)
	taken := map[string]bool{
		written: true, host: true, strings.ToLower(name): true,
		"docker.io": true, "index.docker.io": true, "registry-1.docker.io": true,
	}
	if host != strings.ToLower(name) {
		taken[strings.ToLower(name)+":"+port] = true
	}
	for _, other := range others {
		require.Equal(t, reference.Path(ref), reference.Path(other))
		require.Equal(t, strings.TrimPrefix(ref.String(), ref.Name()), strings.TrimPrefix(other.String(), other.Name()))
		again, err := reference.ParseNormalizedNamed(other.String())
		require.NoError(t, err)
		require.Equal(t, other, again)

		domain := reference.Domain(other)
		require.False(t, taken[domain], "%s for %s", domain, written)
		taken[domain] = true

		otherScheme, otherHost := connection(t, other)
		require.Equal(t, domain, otherHost, "BuildKit asks another host")
		require.Equal(t, scheme, otherScheme, other)
		otherName, otherPort := split(t, otherScheme, otherHost)
		require.Equal(t, strings.ToLower(name), strings.ToLower(otherName))
		require.Equal(t, port, otherPort)
	}
}

// connection returns the scheme and host with which BuildKit asks for ref.
func connection(t testing.TB, ref reference.Named) (scheme, host string) {
	t.Helper()
	hosts, err := resolver.NewRegistryConfig(nil)(reference.Domain(ref))
	require.NoError(t, err)
	require.Len(t, hosts, 1)
	return hosts[0].Scheme, hosts[0].Host
}

// split returns what Go's HTTP client makes of a host: the name, and the port
// without leading zeros.
func split(t testing.TB, scheme, host string) (name, port string) {
	t.Helper()
	u, err := url.Parse(scheme + "://" + host + "/v2/")
	require.NoError(t, err)
	require.Equal(t, host, u.Host)
	name, port = strings.TrimSuffix(host, ":"+u.Port()), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	number := strings.TrimLeft(port, "0")
	if number == "" {
		number = "0"
	}
	if padded, err := net.DefaultResolver.LookupPort(t.Context(), "tcp", port); err == nil {
		require.Equal(t, number, strconv.Itoa(padded))
	}
	return name, number
}

func randomReference(rnd *rand.Rand) string {
	pick := func(options ...string) string { return options[rnd.IntN(len(options))] }
	word := func(alphabet string) string {
		b := make([]byte, 1+rnd.IntN(6))
		for i := range b {
			b[i] = alphabet[rnd.IntN(len(alphabet))]
		}
		return string(b)
	}
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	name := pick(word(letters)+"."+word(letters), word(letters+strings.ToUpper(letters))+"."+word(letters), strings.ToUpper(word("abc")),
		"localhost", "LocalHost", "127.0.0.1", "10.1.2.3", "[::1]", "[fe80::"+word("abcdef")[:1]+"]", "[0:0:0:0:0:0:0:1]", "docker.io", "index.docker.io",
		"registry-1.docker.io", "quay.io", "public.ecr.aws", "reg."+word(letters)+".localhost", word("01")+"."+word("23"))
	port := pick("", "", ":443", ":80", ":0443", ":5000", ":05000", ":0", ":00", ":"+word("0123456789"))
	path := "/" + word(letters) + pick("", "/"+word(letters), "/"+word(letters)+"__"+word(letters))
	return name + port + path + pick("", ":"+word(letters)) + pick("", "@"+testDigest)
}
