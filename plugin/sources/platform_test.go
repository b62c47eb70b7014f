package sources

import (
	"testing"

	"github.com/containerd/platforms"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

// TestDaemonPlatform: Docker Desktop builds for Linux, whatever it runs on.
func TestDaemonPlatform(t *testing.T) {
	for want, machine := range map[string]ocispecs.Platform{
		"linux/amd64":   {OS: "windows", Architecture: "amd64", OSVersion: "10.0.20348"},
		"linux/arm64":   {OS: "darwin", Architecture: "arm64", Variant: "v8"},
		"linux/arm/v7":  {OS: "linux", Architecture: "arm", Variant: "v7"},
		"freebsd/amd64": {OS: "freebsd", Architecture: "amd64"},
	} {
		require.Equal(t, want, platforms.FormatAll(daemonPlatform(machine)))
	}
}
