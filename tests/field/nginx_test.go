package field

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// nginxMain is what every nginx here has around its servers.
const nginxMain = `daemon off;
user root;
worker_processes 1;
pid {{.Lab}}/nginx.pid;
error_log {{.Lab}}/error.log;
events {}
http {
  access_log off;
  client_body_temp_path {{.Lab}}/body;
  proxy_temp_path {{.Lab}}/proxy;
  fastcgi_temp_path {{.Lab}}/fastcgi;
  uwsgi_temp_path {{.Lab}}/uwsgi;
  scgi_temp_path {{.Lab}}/scgi;
  client_max_body_size 0;
  ssl_certificate {{.Lab}}/cert.pem;
  ssl_certificate_key {{.Lab}}/key.pem;
`

const nginxPass = `proxy_pass http://{{.Backend}}; proxy_set_header Host $http_host;`

// nginx has servers in the block http.
func nginx(servers string) func(*testing.T, *conf) {
	return func(t *testing.T, c *conf) {
		t.Helper()
		write(t, c, "nginx.conf", nginxMain+servers+"}\n")
		program(t, toolDebian, "nginx", c.Listen, c, "nginx", "-c", c.Lab+"/nginx.conf", "-e", c.Lab+"/error.log")
	}
}

// write puts a file, made of a template, into the program's folder.
func write(t *testing.T, c *conf, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(c.dir, name), []byte(c.fill(t, text)), 0o644))
}

// The configurations of nginx.
const (
	nginxServerName = `
  server { listen {{.Listen}} ssl default_server; return 444; }
  server { listen {{.Listen}} ssl; server_name {{.Host}}; location / { ` + nginxPass + ` } }
`
	nginxRejectHandshake = `
  server { listen {{.Listen}} ssl default_server; ssl_reject_handshake on; }
  server { listen {{.Listen}} ssl; server_name {{.Host}}; location / { ` + nginxPass + ` } }
`
	nginxMap = `
  map $host $known { default 0; {{.Host}} 1; }
  server { listen {{.Listen}} ssl default_server; if ($known = 0) { return 404; } location / { ` + nginxPass + ` } }
`
	nginxMisdirected = `
  server { listen {{.Listen}} ssl default_server; if ($http_host != "{{.Host}}") { return 421; } location / { ` + nginxPass + ` } }
`
	nginxLoop = `
  server { listen {{.Listen}} ssl default_server; if ($http_host != "{{.Host}}") { return 301 https://$http_host$request_uri; } location / { ` + nginxPass + ` } }
`
	nginxRedirect = `
  server { listen {{.Listen}} ssl default_server; if ($http_host != "{{.Host}}") { return 301 https://{{.Host}}$request_uri; } location / { ` + nginxPass + ` } }
`
)
