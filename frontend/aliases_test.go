package frontend

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAliasOrderOfADigest: an image that is pinned by digest is asked for by the
// port alone last, whatever the registry answers best.
func TestAliasOrderOfADigest(t *testing.T) {
	for suffix, aliases := range map[string][]string{
		":1":                        {"quay.io:443", "QUAY.IO", "QUAY.IO:443"},
		"@" + testDigest.String():   {"QUAY.IO", "QUAY.IO:443", "quay.io:443"},
		":1@" + testDigest.String(): {"QUAY.IO", "QUAY.IO:443", "quay.io:443"},
	} {
		answers := map[string][]string{"quay.io/a/b" + suffix: {refused}}
		want := []string{"quay.io/a/b" + suffix}
		for _, host := range aliases {
			answers[host+"/a/b"+suffix] = []string{badTLS}
			want = append(want, host+"/a/b"+suffix)
		}
		gw := newFake(t, answers)
		require.Error(t, config(t, newClient(gw, defaults()), "quay.io/a/b"+suffix))
		require.Equal(t, want, gw.asked())
	}
}
