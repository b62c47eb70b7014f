package field

import "testing"

const haproxyMain = `global
  log stderr local0
  maxconn 200
defaults
  mode http
  log global
  timeout connect 5s
  timeout client 60s
  timeout server 60s
`

// haproxyHTTP ends TLS; rule chooses the backend "registry". Whatever it does not choose
// gets 404.
func haproxyHTTP(rule string) func(*testing.T, *conf) {
	return haproxy(`frontend tls
  bind {{.Listen}} ssl crt {{.Lab}}/both.pem
  ` + rule + `
  default_backend none
backend registry
  server registry {{.Backend}}
backend none
  http-request deny deny_status 404
`)
}

func haproxy(text string) func(*testing.T, *conf) {
	return func(t *testing.T, c *conf) {
		t.Helper()
		write(t, c, "haproxy.cfg", haproxyMain+text)
		program(t, toolDebian, "haproxy", c.Listen, c, "haproxy", "-db", "-f", c.Lab+"/haproxy.cfg")
	}
}

// haproxyTCP looks at the server name and hands the connection on as it is, to an
// nginx that ends TLS.
func haproxyTCP(rule string) func(*testing.T, *conf) {
	return func(t *testing.T, c *conf) {
		t.Helper()
		inner := newConf(t, c.Host, c.Backend)
		inner.Listen = c.Inner
		nginx(nginxServerName)(t, inner)
		haproxy(`frontend tcp
  mode tcp
  bind {{.Listen}}
  tcp-request inspect-delay 5s
  tcp-request content accept if { req.ssl_hello_type 1 }
  use_backend registry if { `+rule+` }
backend registry
  mode tcp
  server registry {{.Inner}}
`)(t, c)
	}
}

// The rules of HAProxy. The first two compare neither letter case nor port.
const (
	haproxyHost  = `use_backend registry if { hdr(host),field(1,:) -i {{.Host}} }`
	haproxySNIi  = `use_backend registry if { ssl_fc_sni -i {{.Host}} }`
	haproxyCase  = `use_backend registry if { hdr(host) -i {{.Host}} }`
	haproxyPorts = `use_backend registry if { hdr(host) -i {{.Host}} {{.Host}}:443 }`
	haproxyPort  = `use_backend registry if { hdr(host) -i {{.Spelled}} }`
	haproxySNI   = `use_backend registry if { ssl_fc_sni {{.Host}} }`
	sniCase      = `req.ssl_sni -i {{.Host}}`
	haproxyExact = `use_backend registry if { hdr(host) {{.Host}} }`
)
