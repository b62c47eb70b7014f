package field

import (
	"path/filepath"
	"testing"

	"github.com/org/pullsafe/tests/harness"
)

// varnish has no TLS: HAProxy ends it and hands everything on.
func varnish(rule string) func(*testing.T, *conf) {
	return func(t *testing.T, c *conf) {
		t.Helper()
		write(t, c, "default.vcl", `vcl 4.1;
backend registry { .host = "127.0.0.1"; .port = "{{.BackendPort}}"; }
sub vcl_recv {
  `+rule+`
  return (pass);
}
`)
		program(t, toolDebianMore, "varnish", c.Inner, c, "varnishd", "-F", "-j", "none", "-n", c.Lab+"/varnish",
			"-a", c.Inner, "-f", c.Lab+"/default.vcl", "-s", "malloc,32m")
		haproxy("frontend tls\n  bind {{.Listen}} ssl crt {{.Lab}}/both.pem\n  default_backend varnish\nbackend varnish\n  server varnish {{.Inner}}\n")(t, c)
	}
}

// The rules of Varnish. The second is what an administrator should have.
const (
	varnishExact = `if (req.http.host != "{{.Host}}") { return (synth(404)); }`
	varnishRegex = `if (req.http.host !~ "(?i)^{{.Pattern}}(:0*443)?$") { return (synth(404)); }`
)

// apache has a first virtual host, which gets what no other takes.
func apache(t *testing.T, c *conf) {
	t.Helper()
	write(t, c, "apache.conf", `ServerRoot {{.Lab}}
ServerName other.test
PidFile {{.Lab}}/apache.pid
ErrorLog /dev/stderr
DefaultRuntimeDir {{.Lab}}
Mutex fcntl:{{.Lab}}
User nobody
Group nogroup
Listen {{.Listen}} https
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule socache_shmcb_module /usr/lib/apache2/modules/mod_socache_shmcb.so
LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
SSLCertificateFile {{.Lab}}/cert.pem
SSLCertificateKeyFile {{.Lab}}/key.pem
SSLSessionCache none
<VirtualHost {{.Listen}}>
  ServerName other.test
  SSLEngine on
  Redirect 404 /
</VirtualHost>
<VirtualHost {{.Listen}}>
  ServerName {{.Host}}
  SSLEngine on
  ProxyPreserveHost On
  ProxyPass / http://{{.Backend}}/
</VirtualHost>
`)
	program(t, toolDebianMore, "apache", c.Listen, c, "apache2", "-X", "-f", c.Lab+"/apache.conf")
}

// caddy is a program without files of its own, so it sees the machine's.
func caddy(t *testing.T, c *conf) {
	t.Helper()
	c.Lab = c.dir
	write(t, c, "Caddyfile", `{
	admin off
	auto_https off
	persist_config off
	https_port {{.Port}}
}
https://{{.Host}}:{{.Port}} {
	bind 127.0.0.1
	tls {{.Lab}}/cert.pem {{.Lab}}/key.pem
	reverse_proxy {{.Backend}}
}
`)
	own(t, harness.ProgramOpt{
		Name: "caddy", Addr: c.Listen, Env: []string{"HOME=" + c.dir, "XDG_DATA_HOME=" + c.dir, "XDG_CONFIG_HOME=" + c.dir},
		Args: []string{filepath.Join(tool(t, toolCaddy), "caddy"), "run", "--adapter", "caddyfile", "--config", filepath.Join(c.dir, "Caddyfile")},
	})
}
