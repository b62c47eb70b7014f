package security

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	spb "github.com/moby/buildkit/sourcepolicy/pb"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// policyFile is a policy as EXPERIMENTAL_BUILDKIT_SOURCE_POLICY names it.
func policyFile(t *testing.T, rules ...*spb.Rule) string {
	t.Helper()
	dt, err := json.Marshal(&spb.Policy{Version: 1, Rules: rules})
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "policy.json")
	require.NoError(t, os.WriteFile(path, dt, 0o600))
	return path
}

// TestPoliciesOfBuildx: the ways in which buildx takes a policy, alone and both at
// once. Upstream's frontend and pullsafe end the same, and a denied image is not
// asked for.
func TestPoliciesOfBuildx(t *testing.T) {
	for _, tc := range []struct {
		name  string
		rules func(s, o site) []*spb.Rule
		rego  string // the decision on the site's image: "SITE" and "UPPER" are its host
		good  bool
		want  string // in the output of pullsafe; empty: it builds
		up    bool   // upstream builds too
		asked func(s, o site) []string
		fast  bool
	}{
		{
			name: "file, deny", want: "denied by policy", asked: nobody, fast: true,
			rules: func(s, _ site) []*spb.Rule { return []*spb.Rule{deny("docker-image://" + s.host + "/*")} },
		},
		{
			name: "file, allow list", want: "the source policy does not allow the host alias", asked: written,
			rules: func(s, _ site) []*spb.Rule { return allowList("docker-image://" + s.host + "/*") },
		},
		{
			name: "file, convert", good: true, up: true, asked: theOther,
			rules: func(s, o site) []*spb.Rule {
				return []*spb.Rule{convert("docker-image://"+s.host+"/*", o.source(o.host, "1"))}
			},
		},
		{name: "rego, allow", rego: "allow if input.image", asked: both},
		{name: "rego, deny", rego: "allow if input.image.host != \"SITE\"", want: "not allowed by policy", asked: nobody},
		{
			name: "rego, only the host as written", rego: "allow if input.image.host == \"SITE\"", want: "policy", asked: written,
		},
		{
			name: "rego, the tag", rego: "allow if {\n input.image.tag == \"2\"\n}", want: "not allowed by policy", asked: nobody,
		},
		{
			name: "rego allows, file denies", rego: "allow if input.image", want: "denied by policy", asked: nobody,
			rules: func(s, _ site) []*spb.Rule { return []*spb.Rule{deny("docker-image://" + s.host + "/*")} },
		},
		{
			name: "rego allows, file denies the other spelling", rego: "allow if input.image", want: "the source policy does not allow the host alias", asked: written,
			rules: func(s, _ site) []*spb.Rule { return []*spb.Rule{deny("docker-image://" + s.upper + "/*")} },
		},
		{
			name: "file allows, rego denies the digest", rego: "allow if {\n input.image\n not input.image.isCanonical\n}", want: "policy", asked: both,
			rules: func(site, site) []*spb.Rule { return []*spb.Rule{allow("*")} },
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if !tc.fast {
				slow(t)
			}
			e, _, d := sharedDaemon(t)
			s, o := newSite(t, "site", harness.RegistryOpt{}), newSite(t, "other", harness.RegistryOpt{})
			opt := harness.CommandOpt{Files: from(s.base()), DockerConfig: stale(t, e, s.host)}
			if tc.good {
				opt.DockerConfig = world.GoodLogin(t, e, s.host, o.host)
			}
			if tc.rules != nil {
				opt.Env = []string{"EXPERIMENTAL_BUILDKIT_SOURCE_POLICY=" + policyFile(t, tc.rules(s, o)...)}
			}
			var args []string
			if tc.rego != "" {
				opt.Files["security.rego"] = regoPolicy(strings.NewReplacer("SITE", s.host, "UPPER", s.upper).Replace(tc.rego))
				args = append(args, "--policy", "filename=security.rego")
			}
			up := world.Buildx(t, d, shared.Upstream, opt, args...)
			require.Equal(t, tc.up, up.Code == 0, up.Stderr)
			s.ResetRequests()
			o.ResetRequests()
			out := world.Buildx(t, d, shared.Pullsafe, opt, args...)
			if tc.want == "" {
				require.Zero(t, out.Code, out.Stderr)
			} else {
				require.NotZero(t, out.Code, out.Stderr)
				require.Contains(t, final(out), tc.want)
			}
			for _, r := range append(s.Requests(), o.Requests()...) {
				require.Contains(t, tc.asked(s, o), r.Host, "%s", s.Requests())
			}
			s.requireNoCredential(t)
		})
	}
}

// regoPolicy allows what every build needs, and what rules add.
func regoPolicy(rules string) string {
	return "package docker\n\ndefault allow := false\n\nallow if input.local\n\nallow if startswith(input.image.host, \"127.0.0.1\")\n\n" +
		rules + "\n\ndecision := {\"allow\": allow}\n"
}

// final is the error that a person reads last.
func final(out *harness.Output) string {
	_, text, _ := strings.Cut(out.Stderr, "ERROR: failed to build")
	return text
}

// TestNoSecretInOutput runs buildx in each way in which it shows much, with
// secrets of each kind about. harness.Main looks for them in all of it.
func TestNoSecretInOutput(t *testing.T) {
	e, _, d := sharedDaemon(t)
	s := newSite(t, "site", harness.RegistryOpt{})
	const arg, mounted, echoed = "build-arg-7a1b9c0d5e", "mounted-3c5d7e9f1a", "hunter3-hunter3-hunter3"
	e.AddSecret(harness.Secret{Name: "value of a build argument", Value: arg})
	e.AddSecret(harness.Secret{Name: "secret of a build", Value: mounted})
	// BuildKit shows a registry's answer as it is; pullsafe shows none of it.
	e.AddSecret(harness.Secret{Name: "answer of a registry", Value: echoed, BuildKitPrints: true})
	for _, name := range []string{"private-a", "private-b"} {
		_, err := s.Push(t.Context(), s.repo+"/"+name+":1", world.Base(s.host+name))
		require.NoError(t, err)
	}
	s.SetFault(echo(s, echoed))
	_, err := s.Push(t.Context(), s.repo+":shell", world.Base(s.host))
	require.NoError(t, err)
	// BuildKit itself expands "$TOKEN" in the name of the step.
	public := "FROM " + s.host + "/" + s.repo + ":shell\nARG TOKEN\nRUN --mount=type=secret,id=key env | grep -q TOKEN && test -s /run/secrets/key\n"
	private := "FROM " + s.host + "/" + s.repo + "/private-a:1\nARG TOKEN\nCOPY --from=" + s.host + "/" + s.repo + "/private-b:1 /image /x\n"
	for _, tc := range []struct {
		name string
		df   string
		args []string
		fail bool
	}{
		{name: "rescued", df: public, args: []string{"--debug"}},
		{name: "refused", df: private, args: []string{"--debug"}, fail: true},
		{name: "refused, raw", df: private, args: []string{"--progress=rawjson"}, fail: true},
		{name: "preflight", df: private, args: []string{"--call=preflight,format=json"}, fail: true},
		{name: "unknown control", df: public, args: []string{"--build-arg", "PULLSAFE_NOPE"}, fail: true},
		{name: "reference from an argument", df: "ARG TOKEN\nFROM " + s.host + "/x:${TOKEN:+1}\n", fail: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.name != "refused" {
				slow(t)
			}
			metadata := filepath.Join(t.TempDir(), "metadata.json")
			// The value from the environment: with --debug, buildx prints its own
			// arguments. Without its provenance, which lists those of the build.
			args := append([]string{"--build-arg", "TOKEN", "--secret", "id=key,env=KEY", "--metadata-file", metadata}, tc.args...)
			out := world.Buildx(t, d, shared.Pullsafe, harness.CommandOpt{
				Files: world.Dockerfile(tc.df), DockerConfig: stale(t, e, s.host),
				Env: []string{"KEY=" + mounted, "TOKEN=" + arg, "PULLSAFE_NOPE=" + arg, "BUILDX_METADATA_PROVENANCE=disabled"},
			}, args...)
			require.Equal(t, tc.fail, out.Code != 0, out.Stderr)
			if dt, err := os.ReadFile(metadata); err == nil {
				e.Printed("metadata file", string(dt))
			}
		})
	}
}

// echo has the token service answer a refused login with what a careless one might
// say.
func echo(s site, secret string) harness.Fault {
	return harness.FaultWhen(func(req *http.Request) bool {
		_, _, ok := req.BasicAuth()
		return ok && strings.HasSuffix(req.URL.Path, "/token")
	}, harness.FaultStatus(http.StatusForbidden, "DENIED", "bad login for "+s.host+": password="+secret+" Authorization: Bearer "+secret))
}
