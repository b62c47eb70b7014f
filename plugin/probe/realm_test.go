package probe

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckRealm(t *testing.T) {
	for _, tc := range []struct {
		realm, registry string
		ok              bool
	}{
		{"https://auth.docker.io/token", "https://registry-1.docker.io/v2/", true},
		{"https://ghcr.io/token", "https://ghcr.io/v2/", true},
		{"https://10.0.0.5:8443/token", "https://registry.corp/v2/", true},
		{"http://127.0.0.1:5000/token", "http://127.0.0.1:5000/v2/", true},
		{"http://localhost:5001/token", "http://127.0.0.1:5000/v2/", true},
		{"https://auth.test/token", "http://127.0.0.1:5000/v2/", true},
		{"http://ghcr.io/token", "https://ghcr.io/v2/", false},
		{"http://auth.test/token", "http://127.0.0.1:5000/v2/", false},
		{"http://127.0.0.1/token", "https://ghcr.io/v2/", false},
		{"https://127.0.0.1/token", "https://ghcr.io/v2/", false},
		{"https://localhost/token", "https://ghcr.io/v2/", false},
		{"https://[::1]:443/token", "https://ghcr.io/v2/", false},
		{"https://[::ffff:127.0.0.1]/token", "https://ghcr.io/v2/", false},
		{"https://169.254.169.254/latest/meta-data", "https://ghcr.io/v2/", false},
		{"https://[fe80::1]/token", "https://ghcr.io/v2/", false},
		{"https://0.0.0.0/token", "https://ghcr.io/v2/", false},
		{"https://user:pw@ghcr.io/token", "https://ghcr.io/v2/", false},
		{"ftp://ghcr.io/token", "https://ghcr.io/v2/", false},
		{"//ghcr.io/token", "https://ghcr.io/v2/", false},
		{"ghcr.io/token", "https://ghcr.io/v2/", false},
		{"", "https://ghcr.io/v2/", false},
		{"https://%zz/", "https://ghcr.io/v2/", false},
	} {
		t.Run(tc.realm+" for "+tc.registry, func(t *testing.T) {
			registry, err := url.Parse(tc.registry)
			require.NoError(t, err)
			err = checkRealm(tc.realm, registry)
			require.Equal(t, tc.ok, err == nil, "%v", err)
		})
	}
}
