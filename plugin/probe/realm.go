package probe

import (
	"net"
	"net/netip"
	"net/url"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/pkg/errors"
)

// checkRealm tells whether credentials may be sent to the token service that a
// registry names: over TLS, or without it if both are on this machine. A registry
// elsewhere must not lead them to this machine or its link: a token service there
// is one that an attacker hopes to find.
func checkRealm(realm string, registry *url.URL) error {
	u, err := url.Parse(realm)
	if err != nil || u.Host == "" || u.User != nil {
		return errors.New("invalid token auth challenge realm: not the address of a token service")
	}
	local := isLoopback(registry.Host)
	switch {
	case u.Scheme != "https" && (u.Scheme != "http" || !local || !isLoopback(u.Host)):
		return errors.Errorf("invalid token auth challenge realm: credentials are not sent to %s without TLS", u.Host)
	case !local && isNear(u.Hostname()):
		return errors.Errorf("invalid token auth challenge realm: %s is on this machine, the registry is not", u.Host)
	}
	return nil
}

// isLoopback is BuildKit's rule for registries without TLS.
func isLoopback(host string) bool {
	ok, err := docker.MatchLocalhost(host)
	return err == nil && ok
}

// isNear is true for addresses of this machine and of its link, where clouds
// keep their metadata.
func isNear(host string) bool {
	if host == "localhost" || isLoopback(net.JoinHostPort(host, "443")) {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && (addr.Unmap().IsLoopback() || addr.Unmap().IsLinkLocalUnicast() || addr.IsUnspecified())
}
