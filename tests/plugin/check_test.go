package plugin

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// checked is the output of `check --format json`.
type checked struct {
	Version    string             `json:"version"`
	References []checkedReference `json:"references"`
	Registries []struct {
		Host       string            `json:"host"`
		Credential checkedCredential `json:"credential"`
		Answer     string            `json:"answer"`
	} `json:"registries"`
	Summary struct {
		References           int `json:"references"`
		OK                   int `json:"ok"`
		OKWithoutCredentials int `json:"okWithoutCredentials"`
		Failed               int `json:"failed"`
	} `json:"summary"`
	Notes []string `json:"notes"`
}

type checkedReference struct {
	Ref       string `json:"ref"`
	Platform  string `json:"platform"`
	Outcome   string `json:"outcome"`
	Digest    string `json:"digest"`
	Needed    bool   `json:"needed"`
	Positions []struct {
		File        string `json:"file"`
		Line        int    `json:"line"`
		Instruction string `json:"instruction"`
	} `json:"positions"`
	Credential  checkedCredential `json:"credential"`
	With        string            `json:"withCredentials"`
	Without     string            `json:"withoutCredentials"`
	Alias       string            `json:"alias"`
	Aliases     []checkedAlias    `json:"aliases"`
	Platforms   []string          `json:"platforms"`
	Explanation string            `json:"explanation"`
	Diagnosis   *struct {
		Class           string `json:"class"`
		Message         string `json:"message"`
		UsedCredentials *bool  `json:"usedCredentials"`
		Remedies        []struct {
			Command string `json:"command"`
			Note    string `json:"note"`
		} `json:"remedies"`
	} `json:"diagnosis"`
}

type checkedAlias struct {
	Host       string             `json:"host"`
	Answer     string             `json:"answer"`
	Message    string             `json:"message"`
	Anonymous  bool               `json:"anonymous"`
	Credential *checkedCredential `json:"credential"`
}

type checkedCredential struct {
	Source  string `json:"source"`
	File    string `json:"file"`
	Key     string `json:"key"`
	Helper  string `json:"helper"`
	Scoped  bool   `json:"buildxConfig"`
	Verdict string `json:"verdict"`
}

// check runs `check --format json` and demands the exit status.
func check(t *testing.T, e *harness.Env, code int, opt harness.CommandOpt, args ...string) checked {
	t.Helper()
	shared.Reset()
	opt.Args = append([]string{"check", "--format", "json"}, args...)
	out := runPlugin(t, e, opt)
	require.Equal(t, code, out.Code, "%s%s", out.Stdout, out.Stderr)
	var c checked
	require.NoError(t, json.Unmarshal([]byte(out.Stdout), &c), out.Stdout)
	require.Len(t, c.References, c.Summary.References)
	return c
}

// buildxConfig is a folder for BUILDX_CONFIG with files below config/.
func buildxConfig(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, "config", name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return dir
}

// authsJSON is a configuration with a login for ghcr.io.
func authsJSON(l harness.Login) string {
	return fmt.Sprintf(`{"auths":{"ghcr.io":{"auth":%q}}}`, base64.StdEncoding.EncodeToString([]byte(l.User+":"+l.Password)))
}

const (
	publicImage  = "ghcr.io/astral-sh/uv:0.7.1"
	privateImage = "ghcr.io/acme/private-base:1"
	basicPublic  = world.BasicHost + "/acme/base:1"
	basicPrivate = world.BasicHost + "/acme/private-base:1"
)

// TestCheckSources: where the login comes from, what the registry says of it, and
// how the image can be had, for each place in which buildx looks.
func TestCheckSources(t *testing.T) {
	e := harness.T(t)
	_, err := shared.Basic.Push(t.Context(), "acme/private-base:1", world.Base("basic-private"))
	require.NoError(t, err)
	helpers := newHelpers(t, e)
	scoped := func(files map[string]string) []string { return []string{"BUILDX_CONFIG=" + buildxConfig(t, files)} }
	opt := func(o harness.DockerConfigOpt) harness.DockerConfigOpt { return o }
	auths := func(host string, l harness.Login) harness.DockerConfigOpt {
		return harness.DockerConfigOpt{Auths: map[string]harness.Login{host: l}}
	}

	for _, tc := range []struct {
		name    string
		config  harness.DockerConfigOpt
		env     []string
		ref     string
		code    int
		outcome string
		want    checkedCredential // without the file
		with    string
		without string
	}{
		{
			name: "nothing stored", ref: publicImage, outcome: "ok",
			want: checkedCredential{Source: "none", Verdict: "none"}, without: "ok",
		},
		{
			name: "nothing stored, private", ref: privateImage, code: 1, outcome: "failed",
			want: checkedCredential{Source: "none", Verdict: "none"}, without: "auth-required",
		},
		{
			name: "auths, stale", config: auths("ghcr.io", harness.Stale), ref: publicImage, outcome: "ok-without-credentials",
			want: checkedCredential{Source: "auths", Key: "ghcr.io", Verdict: "rejected"}, with: "credentials-rejected", without: "ok",
		},
		{
			name: "auths, older form, stale", config: auths("https://ghcr.io/v1/", harness.Stale), ref: publicImage, outcome: "ok-without-credentials",
			want: checkedCredential{Source: "auths", Key: "https://ghcr.io/v1/", Verdict: "rejected"}, with: "credentials-rejected", without: "ok",
		},
		{
			name: "auths, stale, private", config: auths("ghcr.io", harness.Stale), ref: privateImage, code: 1, outcome: "failed",
			want: checkedCredential{Source: "auths", Key: "ghcr.io", Verdict: "rejected"}, with: "credentials-rejected", without: "auth-required",
		},
		{
			name: "auths, good, private", config: auths("ghcr.io", harness.Good), ref: privateImage, outcome: "ok",
			want: checkedCredential{Source: "auths", Key: "ghcr.io", Verdict: "accepted"}, with: "ok", without: "auth-required",
		},
		{
			name: "Docker Hub, stale", config: auths(harness.HubAuthKey, harness.Stale), ref: "alpine:3.23", outcome: "ok-without-credentials",
			want: checkedCredential{Source: "auths", Key: harness.HubAuthKey, Verdict: "rejected"}, with: "credentials-rejected", without: "ok",
		},
		{
			name: "Docker Hub's login under a name that buildx does not look up", config: auths("docker.io", harness.Stale), ref: "alpine:3.23", outcome: "ok",
			want: checkedCredential{Source: "none", Verdict: "none"}, without: "ok",
		},
		{
			name: "credsStore, good", config: harness.DockerConfigOpt{CredsStore: "good"}, env: helpers.env(), ref: privateImage, outcome: "ok",
			want: checkedCredential{Source: "credsStore", Key: "ghcr.io", Helper: "docker-credential-good", Verdict: "accepted"}, with: "ok", without: "auth-required",
		},
		{
			name: "credHelpers, stale, before credsStore", env: helpers.env(), ref: publicImage, outcome: "ok-without-credentials",
			config: harness.DockerConfigOpt{CredsStore: "good", CredHelpers: map[string]string{"ghcr.io": "stale"}},
			want:   checkedCredential{Source: "credHelpers", Key: "ghcr.io", Helper: "docker-credential-stale", Verdict: "rejected"}, with: "credentials-rejected", without: "ok",
		},
		{
			name: "helper without an answer for the host", config: harness.DockerConfigOpt{CredsStore: "empty"}, env: helpers.env(), ref: publicImage, outcome: "ok",
			want: checkedCredential{Source: "none", Verdict: "none"}, without: "ok",
		},
		{
			name: "helper that fails, for the aliases too", config: harness.DockerConfigOpt{CredsStore: "failing"}, env: helpers.env(), ref: publicImage, code: 1, outcome: "failed",
			want: checkedCredential{Source: "credsStore", Key: "ghcr.io", Helper: "docker-credential-failing", Verdict: "helper-failed"}, with: "credential-helper", without: "ok",
		},
		{
			name: "helper that is missing", config: harness.DockerConfigOpt{CredsStore: "absent"}, ref: publicImage, code: 1, outcome: "failed",
			want: checkedCredential{Source: "credsStore", Key: "ghcr.io", Helper: "docker-credential-absent", Verdict: "helper-failed"}, with: "credential-helper", without: "ok",
		},
		{
			name: "helper that prints no JSON", config: harness.DockerConfigOpt{CredsStore: "noise"}, env: helpers.env(), ref: publicImage, code: 1, outcome: "failed",
			want: checkedCredential{Source: "credsStore", Key: "ghcr.io", Helper: "docker-credential-noise", Verdict: "helper-failed"}, with: "credential-helper", without: "ok",
		},
		{
			name: "helper that answers for every host", config: harness.DockerConfigOpt{CredsStore: "stale"}, env: helpers.env(), ref: publicImage, code: 1, outcome: "failed",
			want: checkedCredential{Source: "credsStore", Key: "ghcr.io", Helper: "docker-credential-stale", Verdict: "rejected"}, with: "credentials-rejected", without: "ok",
		},
		{
			name: "DOCKER_AUTH_CONFIG, stale, before auths", config: auths("ghcr.io", harness.Good), ref: publicImage, outcome: "ok-without-credentials",
			env:  []string{"DOCKER_AUTH_CONFIG=" + authsJSON(harness.Stale)},
			want: checkedCredential{Source: "DOCKER_AUTH_CONFIG", Key: "ghcr.io", Verdict: "rejected"}, with: "credentials-rejected", without: "ok",
		},
		{
			name: "buildx: nothing for pulls from the host", config: auths("ghcr.io", harness.Stale), ref: publicImage, outcome: "ok",
			env:  scoped(map[string]string{"ghcr.io@pull/config.json": "{}"}),
			want: checkedCredential{Source: "none", Scoped: true, Verdict: "none"}, without: "ok",
		},
		{
			name: "buildx: a login for the repository, before one for the host", config: auths("ghcr.io", harness.Stale), ref: privateImage, outcome: "ok",
			env: scoped(map[string]string{
				"ghcr.io@pull/config.json": "{}", "ghcr.io/acme/private-base@pull/config.json": authsJSON(harness.Good),
			}),
			want: checkedCredential{Source: "auths", Key: "ghcr.io", Scoped: true, Verdict: "accepted"}, with: "ok", without: "auth-required",
		},
		{
			name: "buildx: for pushes only", config: auths("ghcr.io", harness.Stale), ref: publicImage, outcome: "ok-without-credentials",
			env:  scoped(map[string]string{"ghcr.io@push/config.json": "{}"}),
			want: checkedCredential{Source: "auths", Key: "ghcr.io", Verdict: "rejected"}, with: "credentials-rejected", without: "ok",
		},
		{
			name: "buildx: a file that it cannot read", config: auths("ghcr.io", harness.Stale), ref: publicImage, outcome: "ok-without-credentials",
			env:  scoped(map[string]string{"ghcr.io@pull/config.json": "{"}),
			want: checkedCredential{Source: "auths", Key: "ghcr.io", Verdict: "rejected"}, with: "credentials-rejected", without: "ok",
		},
		{
			name: "Basic, good, private", config: auths(world.BasicHost, harness.Good), ref: basicPrivate, outcome: "ok",
			want: checkedCredential{Source: "auths", Key: world.BasicHost, Verdict: "accepted"}, with: "ok", without: "denied-ambiguous",
		},
		{
			name: "Basic, stale, private; buildx's folder does not count", config: auths(world.BasicHost, harness.Stale), ref: basicPrivate, code: 1, outcome: "failed",
			env:  scoped(map[string]string{world.BasicHost + "@pull/config.json": "{}"}),
			want: checkedCredential{Source: "auths", Key: world.BasicHost, Verdict: "rejected"}, with: "denied-ambiguous", without: "denied-ambiguous",
		},
		{
			name: "Basic, stale, public: the registry does not ask", config: auths(world.BasicHost, harness.Stale), ref: basicPublic, outcome: "ok",
			want: checkedCredential{Source: "auths", Key: world.BasicHost, Verdict: "not-asked-for"}, without: "ok",
		},
		{
			name: "without TLS on this machine, stale", config: auths(shared.Plain.Addr, harness.Stale), ref: shared.Plain.Addr + "/acme/base:1", outcome: "ok-without-credentials",
			want: checkedCredential{Source: "auths", Key: shared.Plain.Addr, Verdict: "rejected"}, with: "credentials-rejected", without: "ok",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg, err := e.DockerConfig(opt(tc.config))
			require.NoError(t, err)
			got := check(t, e, tc.code, harness.CommandOpt{DockerConfig: cfg, Env: tc.env}, tc.ref)
			require.Len(t, got.References, 1)
			r := got.References[0]
			require.Equal(t, tc.outcome, r.Outcome)
			if tc.want.Source != "none" && tc.want.Source != "DOCKER_AUTH_CONFIG" || tc.want.Scoped {
				require.FileExists(t, r.Credential.File)
			}
			r.Credential.File = ""
			require.Equal(t, tc.want, r.Credential)
			require.Equal(t, tc.with, r.With)
			require.Equal(t, tc.without, r.Without)
			if tc.outcome != "failed" {
				require.Equal(t, []string{"linux/amd64", "linux/arm64"}, r.Platforms)
				require.Regexp(t, `^sha256:[0-9a-f]{64}$`, r.Digest)
			}
			require.Len(t, got.Registries, 1)
			require.Equal(t, tc.want.Verdict, got.Registries[0].Credential.Verdict)
			spellings := 1
			for _, a := range r.Aliases {
				if !a.Anonymous {
					spellings++
				}
			}
			requireCredentialsOnce(t, spellings)
		})
	}
}

// requireCredentialsOnce: a login that is refused is sent at most twice for each spelling
// of the host that it is found for, by POST and GET, or as Basic, and what is asked for
// without is asked by nobody.
func requireCredentialsOnce(t *testing.T, spellings int) {
	t.Helper()
	for _, reg := range []*harness.Registry{shared.GHCR, shared.Hub, shared.Basic, shared.Plain} {
		seen := reg.Requests()
		bad := seen.Where(func(r harness.Request) bool { return r.Auth == harness.AuthBasicBad })
		require.LessOrEqual(t, len(bad), 2*spellings, "%s", seen)
		if len(seen.WithCredentials()) > 0 {
			require.NotEmpty(t, seen.Where(func(r harness.Request) bool { return r.Auth.Anonymous() }), "%s", seen)
		}
	}
}

// TestCheckStrict: a refused login for a public image fails a strict check alone.
func TestCheckStrict(t *testing.T) {
	e := harness.T(t)
	opt := harness.CommandOpt{DockerConfig: world.Stale(t, e)}
	require.Equal(t, 1, check(t, e, 0, opt, publicImage).Summary.OKWithoutCredentials)
	check(t, e, 1, opt, "--strict", publicImage)
}

// TestCheckSlowHelper: a helper that waits for a person does not hold the command.
func TestCheckSlowHelper(t *testing.T) {
	e := harness.T(t)
	cfg, err := e.DockerConfig(harness.DockerConfigOpt{CredsStore: "slow"})
	require.NoError(t, err)
	start := time.Now()
	got := check(t, e, 1, harness.CommandOpt{DockerConfig: cfg, Env: newHelpers(t, e).env()}, "--timeout", "5s", publicImage)
	require.Less(t, time.Since(start), 15*time.Second, "it is asked once, not for each alias")
	require.Equal(t, "helper-failed", got.References[0].Credential.Verdict)
	require.Contains(t, got.Registries[0].Answer, "docker-credential-slow did not respond within 5s")
}

// TestCheckManyImages: a credential is sent once for each repository, whatever
// the number of images, and one that is accepted for some is accepted.
func TestCheckManyImages(t *testing.T) {
	e := harness.T(t)
	cfg := world.Good(t, e)
	got := check(t, e, 1, harness.CommandOpt{DockerConfig: cfg},
		"ghcr.io/acme/base:1", "ghcr.io/acme/base:2", "ghcr.io/acme/base:3", "ghcr.io/acme/tools:2", "ghcr.io/acme/one-platform:1", "--platform", "linux/amd64,linux/arm64")
	require.Equal(t, 10, got.Summary.References)
	tokens := shared.GHCR.Requests().Tokens().WithCredentials().Where(func(r harness.Request) bool { return r.Method == http.MethodGet })
	require.Len(t, tokens, 4, "for each repository, and once to see whether it is accepted: %s", shared.GHCR.Requests())
	require.Equal(t, "accepted", got.Registries[0].Credential.Verdict)
	outcomes := map[string]string{}
	for _, r := range got.References {
		outcomes[strings.TrimPrefix(r.Ref, "ghcr.io/acme/")+" "+r.Platform] = r.Outcome
		if r.Diagnosis != nil {
			outcomes[strings.TrimPrefix(r.Ref, "ghcr.io/acme/")+" "+r.Platform] += " " + r.Diagnosis.Class
		}
	}
	require.Equal(t, map[string]string{
		"base:1 linux/amd64": "ok", "base:1 linux/arm64": "ok", "base:2 linux/amd64": "ok", "base:2 linux/arm64": "ok",
		"base:3 linux/amd64": "failed not-found", "base:3 linux/arm64": "failed not-found",
		"tools:2 linux/amd64": "ok", "tools:2 linux/arm64": "ok",
		"one-platform:1 linux/amd64": "ok", "one-platform:1 linux/arm64": "failed no-matching-platform",
	}, outcomes)
}
