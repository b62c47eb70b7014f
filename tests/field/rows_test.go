package field

// The answers of a program to the host as written, U, P and B.
var (
	all      = [4]string{"ok", "ok", "ok", "ok"}
	caseOnly = [4]string{"ok", "ok", "404", "404"}
	portOnly = [4]string{"ok", "404", "ok", "404"}
)

func plainOnly(answer string) [4]string { return [4]string{"ok", answer, answer, answer} }

// What a build has to say where it cannot go through.
var (
	unknownHost = want{
		answers: plainOnly("404"), code: "credentials-rejected/not-found",
		says: []string{"or a proxy in front of the registry does not know the host alias", "docker logout HOST\n", page},
	}
	notServed = want{
		answers: plainOnly("421"), code: "credentials-rejected/registry-outage/unserved",
		says: []string{"no host alias of HOST is served (\"421 Misdirected Request\")", "docker logout HOST\n", page},
		not:  []string{"build again", "may succeed"},
	}
	redirected = want{
		answers: plainOnly("301"), code: "credentials-rejected/credentials-rejected",
		says: []string{"credentials were sent for the host alias too", "or after a redirect", "docker logout HOST ", page},
		not:  []string{"every host"},
	}
	looped = want{
		answers: plainOnly("redirects"), code: "credentials-rejected/network/back",
		says: []string{"stopped after 10 redirects", "docker logout HOST\n", page},
		not:  []string{"build again", "may succeed"},
	}
	nobodyPulls = want{
		answers: [4]string{"401", "401", "401", "401"}, code: "denied-ambiguous/denied-ambiguous",
		says: []string{"the anonymous fallback was denied: private or missing", "docker login HOST\n"},
	}
)

// page is what the message refers an administrator to.
const page = "docs/registries.md"

// proxies are the rows. Those that no alias passes have to say so.
func proxies() []proxy {
	return []proxy{
		{software: "nginx", config: "`server_name`, 444 for others", host: "nginx-444.test", fast: true, start: nginx(nginxServerName), want: want{answers: all, by: "U"}},
		{software: "nginx", config: "`ssl_reject_handshake` for others", host: "nginx-reject.test", start: nginx(nginxRejectHandshake), want: want{answers: all, by: "U"}},
		{software: "nginx", config: "`map $host`", host: "nginx-map.test", start: nginx(nginxMap), want: want{answers: all, by: "U"}},
		{software: "nginx", config: "`$http_host !=`, 421", host: "nginx-421.test", fast: true, start: nginx(nginxMisdirected), want: notServed},
		{software: "nginx", config: "`$http_host !=`, 301 to the host", host: "nginx-301.test", start: nginx(nginxRedirect), want: redirected},
		{software: "nginx", config: "`$http_host !=`, 301 to the alias, for ever", host: "nginx-loop.test", start: nginx(nginxLoop), want: looped},
		{software: "HAProxy", config: "`hdr(host),field(1,:) -i`", host: "haproxy-field.test", fast: true, start: haproxyHTTP(haproxyHost), want: want{answers: all, by: "U"}},
		{software: "HAProxy", config: "`ssl_fc_sni -i`", host: "haproxy-sni-i.test", start: haproxyHTTP(haproxySNIi), want: want{answers: all, by: "U"}},
		{software: "HAProxy", config: "`hdr(host) -i`", host: "haproxy-i.test", fast: true, start: haproxyHTTP(haproxyCase), want: want{answers: caseOnly, by: "U"}},
		{software: "HAProxy", config: "`hdr(host) -i`, with and without port", host: "haproxy-ports.test", start: haproxyHTTP(haproxyPorts), want: want{answers: all, by: "U"}},
		{software: "HAProxy", config: "`ssl_fc_sni`", host: "haproxy-sni.test", fast: true, start: haproxyHTTP(haproxySNI), want: want{answers: portOnly, by: "P"}},
		{software: "HAProxy", config: "`hdr(host)`", host: "haproxy-exact.test", fast: true, start: haproxyHTTP(haproxyExact), want: unknownHost},
		{software: "HAProxy, TCP", config: "`req.ssl_sni`", host: "haproxy-tcp.test", start: haproxyTCP("req.ssl_sni {{.Host}}"), want: want{answers: [4]string{"ok", "closed", "ok", "closed"}, by: "P"}},
		{software: "HAProxy, TCP", config: "`req.ssl_sni -i`", host: "haproxy-tcp-i.test", start: haproxyTCP(sniCase), want: want{answers: all, by: "U"}},
		{software: "Varnish behind HAProxy", config: "`host != \"x\"`", host: "varnish-exact.test", start: varnish(varnishExact), want: unknownHost},
		{software: "Varnish behind HAProxy", config: "`host !~`, without letter case and port", host: "varnish-regex.test", start: varnish(varnishRegex), want: want{answers: all, by: "U"}},
		{software: "Apache", config: "`ServerName`", host: "apache.test", start: apache, want: want{answers: all, by: "U"}},
		{software: "nginx", config: "port 8443: `server_name`, 444 for others", host: "nginx-port.test", port: ":8443", start: nginx(nginxServerName), want: want{answers: all, by: "U"}},
		{software: "HAProxy", config: "port 8443: `hdr(host) -i` with the port", host: "haproxy-port.test", port: ":8443", start: haproxyHTTP(haproxyPort), want: want{answers: caseOnly, by: "U"}},
		{software: "HAProxy", config: "port 8443: `hdr(host),field(1,:) -i`", host: "haproxy-port-field.test", port: ":8443", start: haproxyHTTP(haproxyHost), want: want{answers: all, by: "U"}},
		// Under a public name the order is another.
		{software: "nginx", config: "as ghcr.io", host: "ghcr.io", fast: true, start: nginx(nginxServerName), want: want{answers: all, by: "B"}},
		{software: "nginx", config: "as Docker Hub", host: hubRegistry, start: nginx(nginxServerName), want: want{answers: all, by: "U"}},
		{software: "HAProxy", config: "as quay.io, `hdr(host) -i`", host: "quay.io", start: haproxyHTTP(haproxyCase), want: want{answers: caseOnly, by: "U"}},
		{software: "HAProxy", config: "as us.gcr.io, `ssl_fc_sni`", host: "us.gcr.io", start: haproxyHTTP(haproxySNI), want: want{answers: portOnly, by: "P"}},
		{software: "Caddy", config: "site address", host: "caddy.test", start: caddy, want: want{answers: all, by: "U"}},
	}
}

func registries() []registry {
	return []registry{
		{"distribution 3", "tokens", "distribution.test", distribution(withTokens), want{answers: all, by: "U"}},
		{"distribution 3", "htpasswd", "distribution-basic.test", distribution(withHtpasswd), nobodyPulls},
		{"docker-registry 2.8", "tokens", "docker-registry.test", dockerRegistry(withTokens), want{answers: all, by: "U"}},
		{"docker-registry 2.8", "htpasswd", "docker-registry-basic.test", dockerRegistry(withHtpasswd), nobodyPulls},
		{"distribution 3 behind nginx", "`limit_except`: asks who writes", "limit-except.test", limitExcept, want{answers: all}},
		{"olareg 0.1", "asks nobody", "olareg.test", olareg, want{answers: all}},
		{"zot 1.4", "tokens", "zot.test", zot(zotTokens), want{answers: all, by: "U"}},
		{"zot 1.4", "htpasswd, `anonymousPolicy`", "zot-basic.test", zot(zotAnonymous), want{answers: all}},
		{"Gitea 1.23 behind nginx", "its own tokens", "gitea.test", gitea, want{answers: all, by: "U"}},
	}
}
