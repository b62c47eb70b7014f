package field

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

// TestDocumentedLines: what docs/registries.md tells administrators to write is what the
// rows here run with.
func TestDocumentedLines(t *testing.T) {
	root, err := harness.Checkout()
	require.NoError(t, err)
	page, err := os.ReadFile(filepath.Join(root, "docs", "registries.md"))
	require.NoError(t, err)
	c := &conf{Host: "reg.example.com"}
	for _, line := range []string{
		haproxyHost, haproxySNIi, "use_backend registry if { " + sniCase + " }", varnishRegex,
		"server_name {{.Host}};", "proxy_set_header Host $http_host;", "ServerName {{.Host}}",
	} {
		require.Contains(t, string(page), c.fill(t, line))
	}
	require.Contains(t, nginxServerName, "server_name {{.Host}};")
	require.Contains(t, nginxPass, "proxy_set_header Host $http_host;")
}
