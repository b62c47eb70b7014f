package field

import (
	"regexp"
	"strings"
	"testing"
	"text/template"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

// proxy is a program in front of a registry, with a configuration of the field.
type proxy struct {
	software, config string // columns of the table
	host, port       string // a port of its own in references, with a colon
	fast             bool
	start            func(t *testing.T, c *conf)
	want             want
}

// want is what a row has to show.
type want struct {
	// answers are those to the host as written, U, P and B.
	answers [4]string
	// by is the kind of the alias by which the build goes through; else the code
	// and the words of its failure, and words that it must not have.
	by        string
	code      string
	says, not []string
}

// conf is what a configuration is made of.
type conf struct {
	Host        string
	Spelled     string // the host in references, with its port
	Listen      string // where the program has to accept TLS
	Port        string
	Backend     string // the registry, without TLS
	BackendPort string
	Inner       string // another free address
	InnerPort   string
	Lab         string // the program's folder as it sees it
	dir         string // the folder as this process sees it
}

// fill makes a text of a template.
func (c *conf) fill(t *testing.T, text string) string {
	t.Helper()
	tmpl, err := template.New("").Option("missingkey=error").Parse(text)
	require.NoError(t, err)
	var b strings.Builder
	require.NoError(t, tmpl.Execute(&b, c))
	return b.String()
}

// Pattern is the host as a regular expression.
func (c *conf) Pattern() string { return regexp.QuoteMeta(c.Host) }

// newConf makes a folder with the certificate of a host.
func newConf(t *testing.T, host, backend string) *conf {
	t.Helper()
	e := harness.T(t)
	cert, key, err := e.Network.Certificate(host)
	require.NoError(t, err)
	c := &conf{Host: host, Backend: backend, Lab: harness.LabDir}
	c.dir, err = e.WriteFiles(map[string]string{"cert.pem": string(cert), "key.pem": string(key), "both.pem": string(cert) + string(key)})
	require.NoError(t, err)
	c.Listen, c.Inner = freeAddr(t), freeAddr(t)
	_, c.Port, _ = strings.Cut(c.Listen, ":")
	_, c.InnerPort, _ = strings.Cut(c.Inner, ":")
	_, c.BackendPort, _ = strings.Cut(backend, ":")
	return c
}

func freeAddr(t *testing.T) string {
	t.Helper()
	addr, err := harness.FreeAddr(t.Context())
	require.NoError(t, err)
	return addr
}

// TestProxies: each proxy in front of the same registry.
func TestProxies(t *testing.T) {
	harness.T(t)
	for _, p := range proxies() {
		t.Run(p.software+", "+p.config, func(t *testing.T) {
			slow(t, !p.fast)
			t.Parallel()
			s := newSite(t, p.host+p.port)
			c := newConf(t, p.host, s.Addr)
			c.Spelled = p.host + p.port
			p.start(t, c)
			t.Cleanup(harness.T(t).Network.Claim(p.host, c.Listen))
			s.requireRow(t, p.software, p.config, p.want)
		})
	}
}

// requireRow asserts what a row shows and puts it into the table.
func (s site) requireRow(t *testing.T, software, config string, w want) {
	t.Helper()
	require.Equal(t, w.answers[:], s.answers(t))
	cfg := s.stale(t)
	b := s.build(t, cfg)
	result := s.requireBuild(t, b, w)
	s.requireAgrees(t, tagBuild, cfg, b)
	s.requireRegistry(t, w)
	tables.row(tableProxies, software, append(append([]string{config}, w.answers[:]...), result)...)
}

// requireBuild asserts how the build went and returns the cell for it.
func (s site) requireBuild(t *testing.T, b build, w want) string {
	t.Helper()
	if w.code == "" {
		require.NoError(t, b.Err)
		require.Equal(t, w.by, b.by)
		if w.by == "" {
			return "builds, as with upstream"
		}
		return "builds by " + w.by
	}
	require.Error(t, b.Err)
	t.Logf("%v", b.Err)
	text := b.Err.Error()
	require.Contains(t, text, "[pullsafe:"+w.code+"]")
	for _, say := range w.says {
		require.Contains(t, text, strings.ReplaceAll(say, "HOST", s.host))
	}
	for _, not := range w.not {
		require.NotContains(t, text, strings.ReplaceAll(not, "HOST", s.host))
	}
	return "fails: `" + w.code + "`"
}

// program starts a server in the root file system of Debian packages.
func program(t *testing.T, root, name, addr string, c *conf, args ...string) {
	t.Helper()
	e := harness.T(t)
	p, err := e.StartProgram(t.Context(), harness.ProgramOpt{
		Name: name, Root: tool(t, root), Dir: c.dir, Args: args, Addr: addr,
		Env: []string{"PATH=/usr/sbin:/usr/bin", "HOME=" + harness.LabDir, "LD_LIBRARY_PATH="},
	})
	require.NoError(t, err)
	stopAfter(t, p)
}
