package credentials

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/docker/cli/cli/config"
	"github.com/stretchr/testify/require"
)

func auth(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}

// helperDir has a helper that gives the host as the secret, and puts it on PATH.
func helperDir(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("shell scripts stand in for programs")
	}
	dir := t.TempDir()
	script := "#!/bin/sh\nhost=$(cat)\ncase $host in nothing.test) echo 'credentials not found in native keychain'; exit 1;; esac\n" +
		`user=u; case $host in token.test) user='<token>';; esac; printf '{"Username":"%s","Secret":"secret-of-%s"}' "$user" "$host"` + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "docker-credential-test"), []byte(script), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "docker-credential-leaky"), []byte("#!/bin/sh\necho '{\"Secret\":\"hidden\"}'\nexit 1\n"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "docker-credential-slow"), []byte("#!/bin/sh\nsleep 60\n"), 0o700))
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

func open(t *testing.T, text, environ string) *Store {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, config.ConfigFileName), []byte(text), 0o600))
	file, err := config.Load(dir)
	require.NoError(t, err)
	return Open(Options{File: file, Environ: environ, BuildxConfig: filepath.Join(dir, "buildx"), HelperTimeout: 30 * time.Second})
}

// TestLookupAgreesWithDockerCLI: what is found is what docker/cli finds, for each
// way of keeping a login.
func TestLookupAgreesWithDockerCLI(t *testing.T) {
	helperDir(t)
	stored := fmt.Sprintf(`{"auths":{
		"plain.test":{"auth":%q},
		"https://old.test/v1/":{"auth":%q},
		"idtoken.test":{"auth":%q,"identitytoken":"identity"},
		"static.test":{"registrytoken":"static"},
		"https://index.docker.io/v1/":{"auth":%q},
		"empty.test":{}}`, auth("a", "b"), auth("c", "d"), auth("e", "f"), auth("g", "h"))
	environ := fmt.Sprintf(`{"auths":{"plain.test":{"auth":%q},"env.test":{"auth":%q}}}`, auth("x", "y"), auth("z", "w"))
	hosts := []string{"plain.test", "old.test", "idtoken.test", "token.test", "static.test", "env.test", "nothing.test", "empty.test", "unknown.test"}
	for _, tail := range []string{`}`, `,"credsStore":"test"}`, `,"credHelpers":{"plain.test":"test","token.test":"test","nothing.test":"test"}}`, `,"credsStore":"test","credHelpers":{"plain.test":""}}`} {
		for _, env := range []string{"", environ, "{", `{"auths":{"plain.test":{}}}`, environ + environ} {
			t.Setenv("DOCKER_AUTH_CONFIG", env)
			s := open(t, stored+tail, env)
			for _, host := range hosts {
				want, err := s.opt.File.GetAuthConfig(host)
				require.NoError(t, err)
				got, err := s.Lookup(t.Context(), host, nil)
				require.NoError(t, err)
				user, secret := got.Login()
				if want.IdentityToken != "" {
					want.Username, want.Password = "", want.IdentityToken
				}
				require.Equal(t, []string{want.Username, want.Password, want.RegistryToken}, []string{user, secret, got.Token()}, "%s %s %s", host, tail, env)
				require.Equal(t, got.Empty(), got.Source.Kind == None)
			}
			hub, err := s.Lookup(t.Context(), "registry-1.docker.io", nil)
			require.NoError(t, err)
			require.Equal(t, "https://index.docker.io/v1/", hub.Source.Key)
			dhi, err := s.Lookup(t.Context(), "dhi.io", nil)
			require.NoError(t, err)
			require.False(t, dhi.Empty())
		}
	}
}

// TestLookupOfHubUser: as for buildx, Docker Hub's credentials are sent only where
// there is no entry, and one without a secret is an entry.
func TestLookupOfHubUser(t *testing.T) {
	hub := fmt.Sprintf(`"https://index.docker.io/v1/":{"auth":%q}`, auth("g", "h"))
	for text, want := range map[string]string{
		`{"auths":{` + hub + `}}`: "h",
		fmt.Sprintf(`{"auths":{"dhi.io":{"auth":%q},%s}}`, auth("own", "own"), hub): "own",
		`{"auths":{"dhi.io":{},` + hub + `}}`:                                       "",
	} {
		c, err := open(t, text, "").Lookup(t.Context(), "dhi.io", nil)
		require.NoError(t, err)
		_, secret := c.Login()
		require.Equal(t, want, secret)
		require.Equal(t, want == "", c.Source.Kind == None)
	}
	c, err := open(t, `{"auths":{`+hub+`}}`, "").Lookup(t.Context(), "dhi.io:443", nil)
	require.NoError(t, err)
	require.True(t, c.Empty())
}

func TestEntry(t *testing.T) {
	helped := Source{Kind: CredsStore, File: "/a/config.json", Key: "ghcr.io", Helper: "docker-credential-x"}
	other := Source{Kind: CredHelpers, File: "/b/config.json", Key: "ghcr.io", Helper: "docker-credential-x", Scoped: true}
	require.Equal(t, helped.Entry(), other.Entry())
	require.NotEqual(t, helped.Entry(), Source{Kind: Auths, File: "/a/config.json", Key: "ghcr.io"}.Entry())
	require.Equal(t, Entry{}, Source{Kind: None, File: "/a/config.json"}.Entry())
	for key, host := range map[string]string{
		"ghcr.io": "ghcr.io", "https://ghcr.io/v2/": "ghcr.io", "old.test:5000": "old.test:5000", "https://index.docker.io/v1/": "docker.io",
	} {
		require.Equal(t, host, Entry{Key: key}.Host())
	}
}

func TestLookupHelperErrors(t *testing.T) {
	helperDir(t)
	for name, want := range map[string]string{
		"leaky":  "error getting credentials - err: exit status 1, out: ``",
		"absent": `error getting credentials - err: exec: "docker-credential-absent": executable file not found in $PATH, out: ` + "``",
	} {
		s := open(t, fmt.Sprintf(`{"credsStore":%q}`, name), "")
		c, err := s.Lookup(t.Context(), "plain.test", nil)
		require.EqualError(t, err, want)
		require.Equal(t, CredsStore, c.Source.Kind)
		require.Equal(t, "docker-credential-"+name, c.Source.Helper)
	}
	s := open(t, `{"credsStore":"slow"}`, "")
	s.opt.HelperTimeout = 100 * time.Millisecond
	_, err := s.Lookup(t.Context(), "plain.test", nil)
	require.EqualError(t, err, "error getting credentials - err: docker-credential-slow did not respond within 100ms")
	s.opt.HelperTimeout = time.Hour
	_, err = s.Lookup(t.Context(), "PLAIN.TEST", nil)
	require.EqualError(t, err, "error getting credentials - err: docker-credential-slow did not respond within 100ms", "it is not asked again")

	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(nil)
	s = open(t, `{"credsStore":"slow"}`, "")
	_, err = s.Lookup(ctx, "plain.test", nil)
	require.Error(t, err)
	require.Empty(t, s.found, "an interrupted look-up is not remembered")
}

func TestCredentialPrintsNoSecret(t *testing.T) {
	s := open(t, fmt.Sprintf(`{"auths":{"plain.test":{"auth":%q}}}`, auth("hidden-user", "hidden-password")), "")
	c, err := s.Lookup(t.Context(), "plain.test", nil)
	require.NoError(t, err)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		require.NotContains(t, fmt.Sprintf(verb, c), "hidden")
		require.NotContains(t, fmt.Sprintf(verb, &c), "hidden")
	}
}

func TestNotes(t *testing.T) {
	s := open(t, `{}`, `{"auths":{"a.test":{"auth":"hidden"}}}`)
	require.Equal(t, []string{"DOCKER_AUTH_CONFIG cannot be read, and docker ignores it: it has no valid key auth for a.test"}, s.Notes())
	require.NoError(t, os.WriteFile(s.opt.File.Filename, []byte("{"), 0o600))
	s = Open(s.opt)
	require.Len(t, s.Notes(), 2)
	require.Contains(t, s.Notes()[1], "docker cannot read its configuration")
}

// TestHelperWithoutEnd: no more is read of a helper than a credential can be long.
func TestHelperWithoutEnd(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("shell scripts stand in for programs")
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "docker-credential-flood"), []byte("#!/bin/sh\nexec yes\n"), 0o700))
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	_, err := open(t, `{"credsStore":"flood"}`, "").Lookup(t.Context(), "plain.test", nil)
	require.EqualError(t, err, "error getting credentials - err: it printed more than 1 MB, out: ``")
}

func TestCannotErase(t *testing.T) {
	for helper, want := range map[string]bool{"gcloud": true, "gcr": true, "ecr-login": true, "acr-env": true, "pass": false, "": false} {
		require.Equal(t, want, Source{Kind: CredsStore, Helper: "docker-credential-" + helper}.CannotErase(), helper)
	}
	require.False(t, Source{Kind: Auths, Key: "gcloud"}.CannotErase())
}
