package plugin

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/world"
)

// checkedRegistry is a registry in the output of `check --registry --format json`.
type checkedRegistry struct {
	Host      string       `json:"host"`
	Registry  bool         `json:"registry"`
	Alias     string       `json:"alias"`
	AsWritten hostAnswer   `json:"asWritten"`
	Aliases   []hostAnswer `json:"aliases"`
	Proxy     []struct {
		Proxy, Line, Note string
	} `json:"proxy"`
}

type hostAnswer struct {
	Host     string `json:"host"`
	Kind     string `json:"kind"`
	Status   int    `json:"httpStatus"`
	Error    string `json:"error"`
	Class    string `json:"class"`
	Scheme   string `json:"scheme"`
	Realm    string `json:"realm"`
	Location string `json:"location"`
	Served   bool   `json:"served"`
}

// TestCheckRegistry: which aliases a proxy serves, by each way in which it can not, and
// what to change. Nobody's credentials are looked at.
func TestCheckRegistry(t *testing.T) {
	e := harness.T(t)
	h := newHelpers(t, e)
	cfg, err := e.DockerConfig(harness.DockerConfigOpt{CredsStore: "stale"})
	require.NoError(t, err)
	t.Cleanup(func() { shared.GHCR.SetFault(nil) })
	token := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="https://other.test/token",service="other"`)
		w.WriteHeader(http.StatusUnauthorized)
	}
	for _, tc := range []struct {
		name  string
		proxy harness.Fault
		alias string
		code  int
		want  []string // in the table
	}{
		{"all", nil, "GHCR.IO:443", 0, []string{
			"ghcr.io       as written    401 Unauthorized, tokens from https://ghcr.io/token\n",
			"GHCR.IO       letter case   401 Unauthorized, tokens from https://ghcr.io/token   yes\n",
			"builds with pullsafe pull from ghcr.io anonymously under the alias GHCR.IO:443.\n",
		}},
		{"no capitals", answersOnly(status(http.StatusNotFound), "ghcr.io:443"), "ghcr.io:443", 0, []string{
			"GHCR.IO       letter case   404 Not Found ", "anonymously under the alias ghcr.io:443.\n", "match the host in the proxy without letter case:\n",
			`if (req.http.host ~ "(?i)^ghcr\.io(:0*443)?$")`,
		}},
		{"no port", answersOnly(status(http.StatusNotFound), "GHCR.IO"), "GHCR.IO", 0, []string{"match the host in the proxy without the port:\n", "ignore_port_in_host_matching: true"}},
		{"none", answersOnly(status(http.StatusMisdirectedRequest)), "", 1, []string{
			"No host alias of ghcr.io is served", "without letter case and without the port:\n", "Envoy ", "server_name ghcr.io;", "acl registry hdr(host),field(1,:) -i ghcr.io",
		}},
		{"redirect back", answersOnly(redirect), "", 1, []string{"301 Moved Permanently, to https://ghcr.io/v2/"}},
		{"another registry", answersOnly(token), "", 1, []string{"tokens from https://other.test/token"}},
		{"connection closed", answersOnly(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), "", 1, []string{"no response: EOF"}},
		{"no registry", func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusNotFound); return true }, "", 1, []string{"ghcr.io does not respond as a registry"}},
		{"redirects for ever", func(w http.ResponseWriter, req *http.Request) bool {
			http.Redirect(w, req, "https://"+req.Host+"/v2/", http.StatusFound)
			return true
		}, "", 1, []string{"302 Found, to https://ghcr.io/v2/", "ghcr.io does not respond as a registry"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			shared.Reset()
			shared.GHCR.SetFault(tc.proxy)
			opt := harness.CommandOpt{DockerConfig: cfg, Env: h.env(), Args: []string{"check", "--registry", "ghcr.io"}}
			out := runPlugin(t, e, opt)
			require.Equal(t, tc.code, out.Code, "%s%s", out.Stdout, out.Stderr)
			for _, want := range tc.want {
				require.Contains(t, out.Stdout, want)
			}
			seen := shared.GHCR.Requests()
			require.LessOrEqual(t, len(seen), 5, "one under each spelling, and one on a new connection where a kept one was closed")
			require.Equal(t, []string{"GHCR.IO", "GHCR.IO:443", "ghcr.io", "ghcr.io:443"}, seen.Hosts())
			require.Empty(t, seen.WithCredentials())
			requireVersions(t)

			opt.Args = append(opt.Args, "--format", "json")
			out = runPlugin(t, e, opt)
			require.Equal(t, tc.code, out.Code, "%s%s", out.Stdout, out.Stderr)
			var got struct{ Registries []checkedRegistry }
			require.NoError(t, json.Unmarshal([]byte(out.Stdout), &got))
			require.Len(t, got.Registries, 1)
			require.Equal(t, tc.alias, got.Registries[0].Alias)
			require.Len(t, got.Registries[0].Aliases, 3)
		})
	}
	require.NoFileExists(t, h.dir+"/docker-credential-stale.log")
}

// TestCheckRegistries: several at once, an address without TLS, and Docker Hub, whose
// requests go to another name.
func TestCheckRegistries(t *testing.T) {
	e := harness.T(t)
	shared.Reset()
	out := runPlugin(t, e, harness.CommandOpt{Args: []string{"check", "--registry", "docker.io", "--registry", shared.Plain.Addr, "--registry", world.BasicHost}})
	require.Zero(t, out.Code, out.Stderr)
	require.Contains(t, out.Stdout, "anonymously under the alias REGISTRY-1.DOCKER.IO.\n")
	require.Contains(t, out.Stdout, "anonymously under the alias "+strings.Replace(shared.Plain.Addr, ":", ":0", 1)+".\n")
	require.Contains(t, out.Stdout, "401 Unauthorized, Basic")

	for _, args := range [][]string{
		{"--registry", "https://ghcr.io"},
		{"--registry", ""},
		{"--registry", "ghcr.io/acme"},
		{"--registry", "ghcr.io", "alpine"},
		{"--registry", "ghcr.io", "--fix"},
		{"--registry", "ghcr.io", "-f", "x"},
		{"--registry", "ghcr.io", "--format", "github"},
		{"--registry", "ghcr.io", "--timeout", "0s"},
	} {
		out := runPlugin(t, e, harness.CommandOpt{Args: append([]string{"check"}, args...)})
		require.Equal(t, 2, out.Code, "%v %s%s", args, out.Stdout, out.Stderr)
		require.Contains(t, out.Stderr, "ERROR: --")
	}
	out = runPlugin(t, e, harness.CommandOpt{Args: []string{"check", "--registry", "unknown-host.invalid"}, Env: []string{"HTTPS_PROXY=", "https_proxy="}})
	require.Equal(t, 1, out.Code, out.Stderr)
	require.Contains(t, out.Stdout, "no response: ")
}
