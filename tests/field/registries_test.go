package field

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

// registry is real registry software, which authenticates by itself.
type registry struct {
	software, config string
	host             string
	start            func(t *testing.T, c *conf)
	want             want
}

// pusher is a user whom the registries know, with harness.GoodPassword. The rejected
// login is another's.
const pusher = "acme"

// TestRegistries: each registry with the same images.
func TestRegistries(t *testing.T) {
	harness.T(t)
	for _, r := range registries() {
		t.Run(r.software+", "+r.config, func(t *testing.T) {
			slow(t, true)
			t.Parallel()
			s := site{host: r.host, repo: pusher + "/" + strings.ReplaceAll(r.host, ".", "-")}
			c := newConf(t, r.host, "")
			r.start(t, c)
			t.Cleanup(harness.T(t).Network.Claim(r.host, c.Listen))
			for _, tag := range tags() {
				s.push(t, lab.images, tag)
				s.copy(t, tag)
			}
			s.requireRow(t, r.software, r.config, r.want)
		})
	}
}

// copy pushes an image with a login that the registry takes, as a client does.
func (s site) copy(t *testing.T, tag string) {
	t.Helper()
	from, err := name.ParseReference(lab.images.Addr+"/"+s.repo+":"+tag, name.Insecure)
	require.NoError(t, err)
	img, err := remote.Image(from, remote.WithContext(t.Context()))
	require.NoError(t, err)
	to, err := name.ParseReference(s.ref(tag))
	require.NoError(t, err)
	require.NoError(t, remote.Write(to, img, remote.WithContext(t.Context()), remote.WithTransport(http.DefaultTransport),
		remote.WithAuth(&authn.Basic{Username: pusher, Password: harness.GoodPassword})))
}

// distributionConf is for both distribution and Debian's docker-registry.
const distributionConf = `version: 0.1
log: {level: warn}
storage:
  filesystem: {rootdirectory: {{.Lab}}/data}
http:
  addr: {{.Listen}}
  tls: {certificate: {{.Lab}}/cert.pem, key: {{.Lab}}/key.pem}
`

// withTokens has the registry ask for tokens of a service.
func withTokens(t *testing.T, c *conf) {
	t.Helper()
	auth := "auth." + c.Host
	write(t, c, "bundle.pem", newTokenService(t, auth).bundle())
	write(t, c, "config.yml", distributionConf+`auth:
  token: {realm: "https://`+auth+`/token", service: {{.Host}}, issuer: `+auth+`, rootcertbundle: {{.Lab}}/bundle.pem}
`)
}

// htpasswd is the login of pusher.
const htpasswd = pusher + ":$2a$05$JJtet.ahHj/oBXR0f26gUOFE/5Gbcnc8MRAvX1IzjecaeurD7w7rm\n"

// withHtpasswd has the registry ask for a password: nothing is public.
func withHtpasswd(t *testing.T, c *conf) {
	t.Helper()
	write(t, c, "htpasswd", htpasswd)
	write(t, c, "config.yml", distributionConf+"auth:\n  htpasswd: {realm: field, path: {{.Lab}}/htpasswd}\n")
}

// distribution is the registry that the harness starts too.
func distribution(auth func(*testing.T, *conf)) func(*testing.T, *conf) {
	return func(t *testing.T, c *conf) {
		t.Helper()
		c.Lab = c.dir
		auth(t, c)
		e := harness.T(t)
		own(t, harness.ProgramOpt{
			Name: "distribution", Addr: c.Listen, Env: []string{"OTEL_TRACES_EXPORTER=none"},
			Args: []string{e.Tools.Path(harness.ToolRegistry), "serve", c.dir + "/config.yml"},
		})
	}
}

func dockerRegistry(auth func(*testing.T, *conf)) func(*testing.T, *conf) {
	return func(t *testing.T, c *conf) {
		t.Helper()
		auth(t, c)
		program(t, toolDebianMore, "docker-registry", c.Listen, c, "docker-registry", "serve", c.Lab+"/config.yml")
	}
}

// olareg cannot ask for credentials.
func olareg(t *testing.T, c *conf) {
	t.Helper()
	own(t, harness.ProgramOpt{Name: "olareg", Addr: c.Listen, Args: []string{
		filepath.Join(tool(t, toolOlareg), "olareg"), "serve", "--store-type", "mem", "--addr", "127.0.0.1", "--port", c.Port,
		"--tls-cert", c.dir + "/cert.pem", "--tls-key", c.dir + "/key.pem",
	}})
}

// own starts a program in the machine's root file system.
func own(t *testing.T, opt harness.ProgramOpt) {
	t.Helper()
	p, err := harness.T(t).StartProgram(t.Context(), opt)
	require.NoError(t, err)
	stopAfter(t, p)
}

// limitExcept is a registry that asks nobody, behind nginx, which asks who writes: there
// is no challenge for pulls.
func limitExcept(t *testing.T, c *conf) {
	t.Helper()
	c.Backend = lab.images.Addr
	write(t, c, "htpasswd", pusher+":{PLAIN}"+harness.GoodPassword+"\n")
	nginx(`
  server { listen {{.Listen}} ssl; server_name {{.Host}}; location / {
    limit_except GET HEAD { auth_basic field; auth_basic_user_file {{.Lab}}/htpasswd; }
    `+nginxPass+` } }
`)(t, c)
}

// gitea behind nginx: its token service is at the host as the client spelled it.
func gitea(t *testing.T, c *conf) {
	t.Helper()
	const giteaConf = `APP_NAME = field
RUN_MODE = prod
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
WORK_PATH = {{.Lab}}/work
[server]
PROTOCOL = http
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {{.InnerPort}}
ROOT_URL = https://{{.Host}}/
DISABLE_SSH = true
STATIC_ROOT_PATH = `
	dir := tool(t, toolGitea)
	lab := c.Lab
	c.Lab = c.dir
	write(t, c, "app.ini", giteaConf+dir+`
[database]
DB_TYPE = sqlite3
PATH = {{.Lab}}/gitea.db
[security]
INSTALL_LOCK = true
[oauth2]
ENABLED = false
[log]
LEVEL = warn
MODE = console
`)
	c.Lab = lab
	e := harness.T(t)
	program := filepath.Join(dir, "gitea")
	env := []string{"HOME=" + c.dir, "USER=root", "GITEA_WORK_DIR=" + c.dir + "/work"}
	for _, args := range [][]string{
		{"migrate"},
		{"admin", "user", "create", "--username", pusher, "--password", harness.GoodPassword, "--email", "acme@field.test", "--must-change-password=false"},
	} {
		cmd := exec.CommandContext(t.Context(), program, append(args, "--config", c.dir+"/app.ini")...)
		cmd.Env = e.Plain(env...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	own(t, harness.ProgramOpt{Name: "gitea", Addr: c.Inner, Args: []string{program, "web", "--config", c.dir + "/app.ini"}, Env: env})
	c.Backend = c.Inner
	nginx(`
  server { listen {{.Listen}} ssl; server_name {{.Host}}; location / {
    proxy_set_header X-Forwarded-Proto https; `+nginxPass+` } }
`)(t, c)
}
