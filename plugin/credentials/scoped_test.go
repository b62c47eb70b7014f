package credentials

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseScoped(t *testing.T) {
	for key, want := range map[string]scoped{
		"example.com":                    {host: "example.com"},
		"example.com/a/b":                {host: "example.com", repo: "a/b"},
		"example.com/x@y,z":              {host: "example.com", repo: "x", actions: []string{"y", "z"}},
		"example.com/a/b@":               {host: "example.com", repo: "a/b"},
		"example.com/@foo":               {host: "example.com", actions: []string{"foo"}},
		"registry-1.docker.io@pull,push": {host: "registry-1.docker.io", actions: []string{"pull", "push"}},
		"example.com:5000/x@y, y,":       {host: "example.com:5000", repo: "x", actions: []string{"y"}},
		"@pull":                          {actions: []string{"pull"}},
		"":                               {},
	} {
		require.Equal(t, want, parseScoped(key), key)
	}
}

// TestPickScoped has the cases of buildx's own test, and its precedence.
func TestPickScoped(t *testing.T) {
	for _, tc := range []struct {
		name    string
		folders []string
		scopes  []string
		want    string // "-": none
	}{
		{"no scope", []string{"h"}, nil, "-"},
		{"empty scope", []string{"h"}, []string{""}, "-"},
		{"host", []string{"h", "other"}, []string{"repository:a/b:pull"}, "h"},
		{"two resources", []string{"h"}, []string{"repository:a/b:pull", "repository:c/d:pull"}, "-"},
		{"two resources in one", []string{"h"}, []string{"repository:a/b:pull repository:c/d:pull"}, "-"},
		{"one resource twice", []string{"h@push"}, []string{"repository:a/b:pull", "repository:a/b:push"}, "h@push"},
		{"action", []string{"h@pull"}, []string{"repository:a/b:pull"}, "h@pull"},
		{"other action", []string{"h@push"}, []string{"repository:a/b:pull"}, "-"},
		{"one of the actions", []string{"h/a/b@push"}, []string{"repository:a/b:pull,push"}, "h/a/b@push"},
		{"not all actions", []string{"h/a/b@pull,push"}, []string{"repository:a/b:pull"}, "-"},
		{"other repository", []string{"h/a/b"}, []string{"repository:a/b2:pull"}, "-"},
		{"repository before host", []string{"h@pull", "h/a/b"}, []string{"repository:a/b:pull"}, "h/a/b"},
		{"more actions first", []string{"h", "h@pull"}, []string{"repository:a/b:pull"}, "h@pull"},
		{"registry scope", []string{"h@*"}, []string{"registry:catalog:*"}, "h@*"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var all []scoped
			for _, f := range tc.folders {
				s := parseScoped(f)
				s.dir = f
				all = append(all, s)
			}
			got, ok := pickScoped(all, "h", tc.scopes)
			require.Equal(t, tc.want != "-", ok)
			if ok {
				require.Equal(t, tc.want, got.dir)
			}
		})
	}
}
