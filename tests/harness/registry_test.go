package harness_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

type answer struct {
	status          int
	body, challenge string
}

func (a answer) token(t *testing.T) string {
	t.Helper()
	var v struct{ Token string }
	require.NoError(t, json.Unmarshal([]byte(a.body), &v), a.body)
	require.NotEmpty(t, v.Token)
	return v.Token
}

// ask sends a request as a registry client would; auth is "user:password", a
// token, or nothing.
func ask(t *testing.T, method, target, auth string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, nil)
	require.NoError(t, err)
	req.Header.Set("Accept", "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json")
	if user, password, ok := strings.Cut(auth, ":"); ok {
		req.SetBasicAuth(user, password)
	} else if auth != "" {
		req.Header.Set("Authorization", "Bearer "+auth)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return answer{resp.StatusCode, strings.TrimSpace(string(b)), resp.Header.Get("WWW-Authenticate")}
}

func tokenURL(realm, repository string) string {
	return realm + "?" + url.Values{"scope": {"repository:" + repository + ":pull"}}.Encode()
}

const (
	goodAuth     = harness.GoodUser + ":" + harness.GoodPassword
	staleAuth    = harness.GoodUser + ":" + harness.StalePassword
	publicImage  = "/v2/acme/public-base/manifests/1.0"
	privateImage = "/v2/acme/private-base/manifests/1"
	deniedBody   = `{"errors":[{"code":"DENIED","message":"denied"}]}`
)

func TestTokenModeAnswersAsGHCR(t *testing.T) {
	harness.T(t)
	const host = "https://ghcr.io"
	shared.ghcr.ResetRequests()
	a := ask(t, "GET", host+publicImage, "")
	require.Equal(t, 401, a.status)
	require.Equal(t, `Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:acme/public-base:pull"`, a.challenge)
	require.Equal(t, 401, ask(t, "GET", host+"/v2/", "").status)

	require.Equal(t, 405, ask(t, "POST", host+"/token", "").status)
	a = ask(t, "GET", tokenURL(host+"/token", "acme/public-base"), staleAuth)
	require.Equal(t, answer{403, deniedBody, ""}, a)
	require.Equal(t, 401, ask(t, "GET", tokenURL(host+"/token", "acme/private-base"), "").status)

	anonymous := ask(t, "GET", tokenURL(host+"/token", "acme/public-base"), "").token(t)
	require.Equal(t, 200, ask(t, "GET", host+publicImage, anonymous).status)
	a = ask(t, "GET", host+privateImage, anonymous)
	require.Equal(t, 401, a.status)
	require.Contains(t, a.challenge, "insufficient_scope")

	mine := ask(t, "GET", tokenURL(host+"/token", "acme/private-base"), goodAuth).token(t)
	require.Equal(t, 200, ask(t, "GET", host+privateImage, mine).status)
	require.Equal(t, 401, ask(t, "GET", host+publicImage, "made-up").status)

	seen := shared.ghcr.Requests()
	require.Len(t, seen, 11)
	require.Len(t, seen.Tokens(), 5)
	require.Len(t, seen.Manifests("acme/private-base"), 2)
	var auths []harness.Auth
	for _, r := range seen {
		auths = append(auths, r.Auth)
	}
	require.Equal(t, []harness.Auth{
		harness.AuthNone, harness.AuthNone, harness.AuthNone, harness.AuthBasicBad, harness.AuthNone,
		harness.AuthNone, harness.AuthTokenAnonymous, harness.AuthTokenAnonymous,
		harness.AuthBasicGood, harness.AuthTokenUser, harness.AuthTokenUnknown,
	}, auths)
	require.Equal(t, 403, seen[3].Status)
	require.Equal(t, "ghcr.io", seen[3].SNI)
}

func TestHubModeAnswersAsDockerHub(t *testing.T) {
	harness.T(t)
	const realm = "https://auth.docker.io/token"
	a := ask(t, "GET", "https://registry-1.docker.io/v2/library/alpine/manifests/3.23", "")
	require.Contains(t, a.challenge, `realm="`+realm+`",service="registry.docker.io"`)
	a = ask(t, "GET", tokenURL(realm, "library/alpine"), staleAuth)
	require.Equal(t, answer{401, `{"details":"incorrect username or password"}`, ""}, a)
	token := ask(t, "GET", tokenURL(realm, "private/base"), "").token(t)
	a = ask(t, "GET", "https://registry-1.docker.io/v2/private/base/manifests/1", token)
	require.Equal(t, 401, a.status)
	require.Contains(t, a.challenge, `error="insufficient_scope"`)
}

func TestBasicMode(t *testing.T) {
	e := harness.T(t)
	r, err := e.StartRegistry(t.Context(), harness.RegistryOpt{Mode: harness.ModeBasic})
	require.NoError(t, err)
	for _, name := range []string{"acme/public-base:1.0", "acme/private-base:1"} {
		_, err := r.Push(t.Context(), name, harness.Image{Files: map[string]string{"/x": "x"}})
		require.NoError(t, err)
	}
	base := "http://" + r.Addr
	require.Equal(t, 200, ask(t, "GET", base+publicImage, "").status)
	require.Equal(t, 401, ask(t, "GET", base+publicImage, staleAuth).status)
	require.Equal(t, 200, ask(t, "GET", base+privateImage, goodAuth).status)
	a := ask(t, "GET", base+privateImage, "")
	require.Equal(t, 401, a.status)
	require.Equal(t, `Basic realm="`+r.Addr+`"`, a.challenge)
	padded := strings.Replace(base, "127.0.0.1:", "127.0.0.1:0", 1)
	require.Equal(t, 200, ask(t, "GET", padded+publicImage, "").status)
	seen := r.Requests()
	require.Equal(t, strings.TrimPrefix(padded, "http://"), seen[len(seen)-1].Host)
}

func TestSpellingsReachTheRegistry(t *testing.T) {
	e := harness.T(t)
	r, err := e.StartRegistry(t.Context(), harness.RegistryOpt{
		Hosts: []string{"reg.test"}, Mode: harness.ModeOpen,
		RefuseHost: func(host string) int {
			if strings.HasSuffix(host, ":443") {
				return http.StatusServiceUnavailable
			}
			return 0
		},
	})
	require.NoError(t, err)
	for _, host := range []string{"reg.test", "REG.TEST", "Reg.Test:0443"} {
		r.ResetRequests()
		require.Equal(t, 200, ask(t, "GET", "https://"+host+"/v2/", "").status)
		require.Equal(t, host, r.Requests()[0].Host)
		name, _, _ := strings.Cut(host, ":")
		require.Equal(t, name, r.Requests()[0].SNI)
	}
	require.Equal(t, 503, ask(t, "GET", "https://reg.test:443/v2/", "").status)
	require.Equal(t, 200, ask(t, "GET", "http://reg.test/v2/", "").status)

	r.Disconnect()
	require.Empty(t, e.Network.Refused())
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://reg.test:8443/v2/", nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	if resp != nil {
		_ = resp.Body.Close()
	}
	require.ErrorContains(t, err, "Bad Gateway")
	require.Equal(t, []string{"reg.test:8443"}, e.Network.Refused())
	e.Network.ResetRefused()
}

func TestFaults(t *testing.T) {
	e := harness.T(t)
	r, err := e.StartRegistry(t.Context(), harness.RegistryOpt{Mode: harness.ModeOpen})
	require.NoError(t, err)
	target := "http://" + r.Addr + "/v2/"
	r.SetFault(harness.FaultStatus(429, "TOOMANYREQUESTS", "slow down"))
	require.Equal(t, 429, ask(t, "GET", target, "").status)
	r.SetFault(harness.FaultWhen(func(req *http.Request) bool { return req.Method == http.MethodPost }, harness.FaultReset()))
	require.Equal(t, 200, ask(t, "GET", target, "").status)
	resp, err := http.Post(target, "", nil) //nolint:noctx // the connection breaks
	if resp != nil {
		_ = resp.Body.Close()
	}
	require.Error(t, err)
	r.SetFault(harness.FaultHang())
	client := &http.Client{Timeout: 50 * time.Millisecond}
	resp, err = client.Get(target) //nolint:noctx // has a timeout
	if resp != nil {
		_ = resp.Body.Close()
	}
	require.ErrorContains(t, err, "Timeout")
	r.SetFault(harness.FaultDelay(30 * time.Millisecond))
	start := time.Now()
	require.Equal(t, 200, ask(t, "GET", target, "").status)
	require.GreaterOrEqual(t, time.Since(start), 30*time.Millisecond)
	require.Equal(t, 429, r.Requests()[0].Status)
}

func TestPushIsDeterministic(t *testing.T) {
	e := harness.T(t)
	r, err := e.StartRegistry(t.Context(), harness.RegistryOpt{Mode: harness.ModeOpen})
	require.NoError(t, err)
	img := harness.Image{Busybox: true, Files: map[string]string{"/b": "2", "/a": "1"}, Platforms: []string{"linux/amd64", "linux/arm64"}}
	first, err := r.Push(t.Context(), "x/y:1", img)
	require.NoError(t, err)
	second, err := r.Push(t.Context(), "x/y:2", img)
	require.NoError(t, err)
	require.Equal(t, first, second)
	require.Equal(t, 200, ask(t, "GET", "http://"+r.Addr+"/v2/x/y/manifests/"+first, "").status)
}

func TestReadFrontendTarget(t *testing.T) {
	target, err := harness.ReadFrontendTarget("testdata/Dockerfile", map[string]string{"CHANNEL": "labs"})
	require.NoError(t, err)
	require.Equal(t, []string{"/bin/frontend"}, target.Entrypoint)
	require.Equal(t, "true", target.Labels["moby.buildkit.frontend.network.none"])
	require.Contains(t, target.Labels["moby.buildkit.frontend.caps"], "moby.buildkit.frontend.contexts,")
	require.Equal(t, "1.2-labs", target.Labels["version"])
	target, err = harness.ReadFrontendTarget("testdata/Dockerfile", nil)
	require.NoError(t, err)
	require.Equal(t, "1.2", target.Labels["version"])
}
