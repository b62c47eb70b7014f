package output_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/remotes/docker/auth"
	digest "github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/llb"
	"github.com/org/pullsafe/plugin/credentials"
	"github.com/org/pullsafe/plugin/finding"
	"github.com/org/pullsafe/plugin/fix"
	"github.com/org/pullsafe/plugin/output"
	"github.com/org/pullsafe/plugin/probe"
)

var update = flag.Bool("update", false, "write testdata anew")

// golden compares a text with testdata/NAME.txt.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", strings.ReplaceAll(name, " ", "-")+".txt")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), text, "go test ./plugin/output -update")
}

// answers are those to the attempts for one image.
type answers struct {
	helper  string // of the credentials; empty for auths
	store   bool   // as credsStore
	written string // the error
	without bool   // the image is there anonymously
	aliases []string
	held    bool // the helper answers or fails for the aliases
	served  bool // without it the first is there
	login   probe.Login
}

func (a answers) result() probe.Result {
	r := probe.Result{
		Reference: references.Reference{
			Name: "reg.test/acme/base:1", Written: "reg.test/acme/base:1", Needed: true,
			Positions: []references.Position{{File: "Dockerfile", Line: 1, Instruction: "FROM reg.test/acme/base:1"}},
		},
		Host: "reg.test", Sent: true, Login: a.login,
		Source: credentials.Source{Kind: credentials.Auths, File: "/etc/docker-cli/config.json", Key: "reg.test"},
	}
	if a.helper != "" {
		r.Source.Kind, r.Source.Helper = credentials.CredHelpers, a.helper
		if a.store {
			r.Source.Kind = credentials.CredsStore
		}
	}
	there := probe.Attempt{Digest: digest.FromString("x"), Platforms: []string{"linux/amd64"}}
	r.With = there
	if a.written != "" {
		r.With = probe.Attempt{Err: errors.New(a.written)}
	}
	if strings.Contains(a.written, "error getting credentials") {
		r.Sent, r.HelperErr = false, r.With.Err
	}
	without := there
	if !a.without {
		without = probe.Attempt{Err: errors.New("failed to fetch anonymous token: unexpected status from GET request to https://reg.test/token: 401 Unauthorized")}
	}
	r.Without = &without
	for i, text := range a.aliases {
		alias := probe.Alias{Host: []string{"REG.TEST", "reg.test:443", "REG.TEST:443"}[i], Attempt: there}
		if text != "" {
			alias.Attempt = probe.Attempt{Err: errors.New(text)}
		}
		if a.held {
			alias.Source, alias.Sent, alias.HelperErr = r.Source, r.Sent, r.HelperErr
		}
		r.Aliases = append(r.Aliases, alias)
	}
	if a.served {
		r.Served = &r.Aliases[0]
	}
	return r
}

// TestGoldenTable: what a person reads of each kind of answer.
func TestGoldenTable(t *testing.T) {
	const (
		denied  = "failed to fetch oauth token: denied: denied"
		locked  = "error getting credentials - err: exit status 1, out: `the keychain is locked`"
		mute    = "error getting credentials - err: exit status 1, out: ``"
		noHost  = "unexpected status from HEAD request to https://REG.TEST/v2/acme/base/manifests/1: 421 Misdirected Request"
		missing = "reg.test/acme/base:1: not found"
		private = "failed to fetch anonymous token: unexpected status from GET request to https://reg.test/token: 401 Unauthorized"
	)
	status := errors.New("unexpected status from GET request to https://reg.test/v2/: 401 Unauthorized")
	for name, a := range map[string]answers{
		"fallback":                      {written: denied, without: true, aliases: []string{""}},
		"fallback by the second alias":  {written: denied, without: true, aliases: []string{missing, ""}},
		"no alias is served":            {written: denied, without: true, aliases: []string{noHost, missing, noHost}},
		"private":                       {written: denied, aliases: []string{private}},
		"accepted":                      {without: true, login: probe.Login{State: probe.LoginAccepted}},
		"login rejected":                {without: true, login: probe.Login{State: probe.LoginRejected, Err: status}},
		"login open":                    {without: true, login: probe.Login{State: probe.LoginOpen}},
		"helper fails":                  {helper: "docker-credential-pass", written: locked, without: true, aliases: []string{""}},
		"helper says nothing":           {helper: "docker-credential-gcloud", store: true, written: mute, without: true, aliases: []string{mute, mute, mute}, held: true, served: true},
		"helper fails for aliases":      {helper: "docker-credential-secretservice", store: true, written: locked, without: true, aliases: []string{locked, locked, locked}, held: true, served: true},
		"helper of a cloud for aliases": {helper: "docker-credential-gcr", store: true, written: denied, without: true, aliases: []string{denied, denied, denied}, held: true, served: true},
		"helper of a cloud":             {helper: "docker-credential-gcr", written: denied, without: true, aliases: []string{""}},
		"helper answers for aliases":    {helper: "docker-credential-x", store: true, written: denied, without: true, aliases: []string{denied, denied, denied}, held: true, served: true},
	} {
		t.Run(name, func(t *testing.T) {
			all := []finding.Finding{finding.Of(a.result(), nil)}
			fix.Advise(all)
			var b bytes.Buffer
			require.NoError(t, output.Table(&b, all, nil, false))
			golden(t, name, b.String())
		})
	}
}

// TestGoldenRegistry: what an administrator reads.
func TestGoldenRegistry(t *testing.T) {
	served := func(host string, kind llb.Kind) probe.Answer {
		return probe.Answer{Host: host, Kind: kind, Status: 401, Scheme: auth.BearerAuth, Realm: "https://auth.test/token", Same: true}
	}
	for name, r := range map[string]probe.Registry{
		"registry all":        {Aliases: []probe.Answer{served("REG.TEST", llb.LetterCase), served("reg.test:443", llb.Port)}},
		"registry no port":    {Aliases: []probe.Answer{served("REG.TEST", llb.LetterCase), {Host: "reg.test:443", Kind: llb.Port, Status: 404}}},
		"registry no capital": {Aliases: []probe.Answer{{Host: "REG.TEST", Kind: llb.LetterCase, Class: diagnosis.TLSFailure, Err: "remote error: tls: unrecognized name"}, served("reg.test:443", llb.Port)}},
		"registry none":       {Aliases: []probe.Answer{{Host: "REG.TEST", Kind: llb.LetterCase, Status: 301, Location: "https://reg.test/v2/"}, {Host: "reg.test:443", Kind: llb.Port, Class: diagnosis.NetworkFailure, Err: "EOF"}}},
	} {
		r.Host, r.AsWritten = "reg.test", served("reg.test", "")
		var b bytes.Buffer
		require.NoError(t, output.RegistryTable(&b, []*probe.Registry{&r}, false))
		golden(t, name, b.String())
		b.Reset()
		require.NoError(t, output.RegistryJSON(&b, []*probe.Registry{&r}))
		golden(t, name+" json", b.String())
	}
}
