package diagnosis

import "strings"

// netErrors open the texts of Go's net, http, tls and http2 packages.
var netErrors = []string{
	"dial ", "lookup ", "read tcp", "write tcp", "read udp", "read: connection", "eof", "unexpected eof", "short read: ", "net/http: ", "http2: ",
	"stream error: ", "proxyconnect ", "context deadline exceeded", "i/o timeout", "connection reset", "socks connect",
	"tls handshake timeout", "use of closed network connection", "no such host", "connection refused",
	"fetching auth token from session: context deadline exceeded", "rpc error: code = unavailable", "error reading from server: eof",
}

var tlsErrors = []string{
	"tls: ", "x509: ", "remote error: tls", "local error: tls", "http: server gave http response to https client",
	"certificate ", "net/http: http/1.x transport connection broken: malformed http response",
}

// tls: the certificate or the protocol. A connection whose bytes were changed is the
// network's fault.
func (f *facts) tls() bool {
	said := f.clientError()
	return f.code == "" && !containsAny(said, damagedConnection) &&
		(hasAnyPrefix(said, tlsErrors) || f.registryCall() && !strings.HasPrefix(said, "proxyconnect ") && containsAny(said, []string{": x509: ", "http: server gave http response to https client"}))
}

// network: the HTTP client failed, or a redirect or a proxy answered in the
// registry's place.
func (f *facts) network() bool {
	switch {
	case f.status >= 300 && f.status < 400, f.status == 407:
		return true
	case f.status > 0 || f.code != "":
		return false
	}
	said := f.clientError()
	return (hasAnyPrefix(said, netErrors) || containsAny(said, damagedConnection)) && (f.ref != "" || f.registryCall())
}

// unknownTransport: what else the HTTP client can say, for example a proxy's
// refusal, which is a status text alone.
func (f *facts) unknownTransport() bool {
	return f.hasTransport && f.registryCall() && f.status == 0 && f.code == ""
}

// clientError is where the HTTP client's own words stand, lowered.
func (f *facts) clientError() string {
	if f.status > 0 {
		return ""
	}
	if f.hasTransport {
		return lower(f.transport)
	}
	return lower(f.core)
}

// registryCalls tell BuildKit's and dockerd's requests to a registry from those
// of a RUN step: a Go program in it prints the same Get "URL": dial tcp ...
var registryCalls = []string{"failed to do request: ", "failed to fetch oauth token", "failed to fetch anonymous token", "failed to copy: ", "failed to authorize: ", "httpreadseeker: ", "error response from daemon: ", "failed to resolve source metadata for "}

func (f *facts) registryCall() bool {
	return f.ref != "" || strings.Contains(f.url, "/v2/") || containsAny(f.low, registryCalls)
}
