package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/distribution/reference"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/tests/harness"
)

// registries stand for the real ones, under their names.
var registries = map[string]*harness.Registry{}

func TestMain(m *testing.M) {
	os.Exit(harness.Main(m, start))
}

func start(ctx context.Context, e *harness.Env) error {
	backend, err := e.StartRegistry(ctx, harness.RegistryOpt{Mode: harness.ModeOpen})
	if err != nil {
		return err
	}
	for _, image := range images {
		ref, err := reference.ParseNormalizedNamed(image)
		if err != nil {
			return err
		}
		host := reference.Domain(ref)
		opt := harness.RegistryOpt{Hosts: []string{host}, Mode: harness.ModeToken}
		switch host {
		case "docker.io":
			opt = harness.DockerHub()
			opt.RefuseHost = refuse("registry-1.docker.io:443", http.StatusServiceUnavailable)
		case "mcr.microsoft.com":
			opt.Mode = harness.ModeOpen
		}
		if registries[host], err = backend.Front(ctx, opt); err != nil {
			return err
		}
		_, tag, _ := strings.Cut(image, ":")
		img := harness.Image{Files: map[string]string{"/etc/image": image}, Platforms: []string{"linux/amd64", "linux/arm64"}}
		if _, err := backend.Push(ctx, reference.Path(ref)+":"+tag, img); err != nil {
			return err
		}
	}
	return nil
}

// refuse is for RegistryOpt.RefuseHost.
func refuse(alias string, status int) func(string) int {
	return func(host string) int {
		if host == alias {
			return status
		}
		return 0
	}
}

// TestLive runs the program as the scheduled workflow does, with registries on
// loopback under the names of the real ones.
func TestLive(t *testing.T) {
	e := harness.T(t)
	dir := t.TempDir()
	markdown, asJSON := filepath.Join(dir, "live.md"), filepath.Join(dir, "live.json")
	var out strings.Builder
	require.NoError(t, run(t.Context(), []string{"-markdown", markdown, "-json", asJSON}, &out))
	require.Empty(t, e.Network.Refused(), "something tried to leave the host")

	for _, row := range []string{
		"| ghcr.io | ghcr.io/astral-sh/uv:latest | ok | credentials-rejected (denied) | `GHCR.IO:443`: ok | `ghcr.io:443`: ok | `GHCR.IO`: ok |",
		"| docker.io | busybox:latest | ok | credentials-rejected (401 Unauthorized: incorrect username or password) | `REGISTRY-1.DOCKER.IO`: ok | `REGISTRY-1.DOCKER.IO:443`: ok | `registry-1.docker.io:443`: registry-outage (503 Service Unavailable) |",
		"| quay.io | quay.io/prometheus/busybox:latest | ok | credentials-rejected (denied) | `QUAY.IO:443`: ok | `quay.io:443`: ok | `QUAY.IO`: ok |",
		"| mcr.microsoft.com | mcr.microsoft.com/azurelinux/distroless/minimal:3.0 | ok | ok | `MCR.MICROSOFT.COM`: ok | `MCR.MICROSOFT.COM:443`: ok | `mcr.microsoft.com:443`: ok |",
	} {
		require.Contains(t, out.String(), row+"\n")
	}
	require.Equal(t, len(images)+2, strings.Count(out.String(), "\n"))
	written, err := os.ReadFile(markdown)
	require.NoError(t, err)
	require.Equal(t, out.String(), string(written))

	var results []result
	text, err := os.ReadFile(asJSON)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &results))
	require.Len(t, results, len(images))
	require.NotContains(t, string(text), madeUpPassword)
	for host, reg := range registries {
		seen := reg.Requests()
		require.NotEmpty(t, seen.Blobs(), "%s: no layer was asked for", host)
		for _, r := range seen {
			// The token service of Docker Hub is another host than its registry.
			if r.Kind != harness.KindToken && r.Host != host && r.Host != "registry-1.docker.io" {
				require.True(t, r.Auth.Anonymous(), "the login went to %s: %s", r.Host, seen)
			}
		}
		if host != "mcr.microsoft.com" {
			require.Len(t, seen.WithCredentials().Tokens(), 2, "one try with the login, by POST and by GET: %s", seen)
		}
	}
}

// TestVerdict: what needs a look, and what does not.
func TestVerdict(t *testing.T) {
	ok := answer{OK: true}
	denied := answer{Class: diagnosis.CredentialsRejected, Message: "denied"}
	down := answer{Class: diagnosis.RegistryOutage, Message: "503 Service Unavailable"}
	for _, tc := range []struct {
		name string
		r    result
		want string
	}{
		{"both do", result{Anonymous: ok, Refused: denied, Aliases: []answer{ok, ok}}, ""},
		{"the second does not", result{Anonymous: ok, Refused: denied, Aliases: []answer{ok, down}}, ""},
		{"no logins", result{Anonymous: ok, Refused: ok, Aliases: []answer{down, down}}, ""},
		{"the first does not", result{Anonymous: ok, Refused: denied, Aliases: []answer{down, ok}}, "does not answer the host alias that is tried first"},
		{"no alias", result{Anonymous: ok, Refused: denied}, "does not answer"},
		{"gone", result{Anonymous: down, Refused: down, Aliases: []answer{down}}, "choose another one"},
		{"not refused", result{Anonymous: ok, Refused: down, Aliases: []answer{ok}}, "were not rejected but: registry-outage (503 Service Unavailable)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.r.Host = "reg.test"
			err := verdict([]result{tc.r})
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "reg.test: ")
			require.ErrorContains(t, err, tc.want)
		})
	}
}

// TestLiveSaysWhatToChange: a registry that refuses the alias that is tried
// first ends the program with an error, after the table.
func TestLiveSaysWhatToChange(t *testing.T) {
	e := harness.T(t)
	reg, err := registries["ghcr.io"].Front(t.Context(), harness.RegistryOpt{
		Hosts: []string{"strict.test"}, Mode: harness.ModeToken, RefuseHost: refuse("STRICT.TEST", http.StatusMisdirectedRequest),
	})
	require.NoError(t, err)
	defer reg.Disconnect()
	var out strings.Builder
	err = run(t.Context(), []string{"strict.test/astral-sh/uv:latest"}, &out)
	require.ErrorContains(t, err, "1 of 1 registries need a look\n  strict.test: does not answer the host alias that is tried first")
	require.Contains(t, out.String(), "`strict.test:443`: ok")
	require.Contains(t, out.String(), "`STRICT.TEST`: registry-outage (421")
	require.Empty(t, e.Network.Refused())

	require.ErrorContains(t, run(t.Context(), []string{"Bad Reference"}, &out), "Bad Reference")
}
