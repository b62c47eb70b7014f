package fix

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/stretchr/testify/require"
)

func TestWithoutAuths(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"first", `{"auths": {"a": {"x": [1, 2]}, "b": {}}, "n": 1.0}`, `{"auths": { "b": {}}, "n": 1.0}`},
		{"last", "{\"auths\": {\n\t\"b\": {} ,\n\t\"a\": {}\n}}", "{\"auths\": {\n\t\"b\": {}\n}}"},
		{"only", "{\n  \"auths\": {\n    \"a\": {}\n  }\n}\n", "{\n  \"auths\": {}\n}\n"},
		{"twice", `{"auths":{"a":{},"b":{},"a":{}}}`, `{"auths":{"b":{}}}`},
		{"auths twice", `{"auths":{"a":{}},"Auths":{"a":{},"b":{}}}`, `{"auths":{},"Auths":{"b":{}}}`},
		{"escaped", `{"auths":{"\u0061":{}}}`, `{"auths":{}}`},
		{"nowhere", ` {"auths" : { "b" : {} } , "a":{} } `, ` {"auths" : { "b" : {} } , "a":{} } `},
		{"no auths", `{"credHelpers":{"a":"x"}}`, `{"credHelpers":{"a":"x"}}`},
		{"null", `{"auths":null}`, `{"auths":null}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := withoutAuths([]byte(tc.text), []string{"a"})
			require.NoError(t, err)
			require.Equal(t, tc.want, string(got))
		})
	}
	for _, bad := range []string{"", "[]", `{"auths":{"a":{}}`, `{"auths":{"a":{},}}`, "{} // a comment"} {
		_, err := withoutAuths([]byte(bad), []string{"a"})
		require.Error(t, err, bad)
	}
}

// FuzzWithoutAuths: what docker reads of a file afterwards is what it read before,
// without the key, and nothing else is another value.
func FuzzWithoutAuths(f *testing.F) {
	f.Add(`{"auths": {"a": {"auth": "dTpw", "x": 1} , "b":{}}, "y": [1e3]}`, "a")
	f.Add(`{"AUTHS":{"https://a/v1/":{}},"auths":{"a":{},"a":{"identitytoken":"x"}}}`, "https://a/v1/")
	f.Add(`{"auths":{"a":null},"psFormat":"\u2028<"}`, "a")
	f.Fuzz(func(t *testing.T, text, key string) {
		before := configfile.New("")
		if before.LoadFromReader(strings.NewReader(text)) != nil {
			return
		}
		got, err := withoutAuths([]byte(text), []string{key})
		if err != nil {
			return // it has more than docker reads
		}
		after := configfile.New("")
		require.NoError(t, after.LoadFromReader(bytes.NewReader(got)))
		want := maps.Clone(before.AuthConfigs)
		delete(want, key)
		require.Equal(t, len(want), len(after.AuthConfigs))
		for k, auth := range want {
			require.Equal(t, auth, after.AuthConfigs[k])
		}
		require.Equal(t, rest(t, []byte(text)), rest(t, got))
	})
}

// rest is all keys of a file but "auths".
func rest(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var out map[string]any
	require.NoError(t, json.Unmarshal(text, &out))
	maps.DeleteFunc(out, func(k string, _ any) bool { return strings.EqualFold(k, "auths") })
	return out
}

// TestRemoveAuthsAtOnce: programs that write the same file lose nothing of each
// other's.
func TestRemoveAuthsAtOnce(t *testing.T) {
	name := filepath.Join(t.TempDir(), "config.json")
	keys := []string{"a", "b", "c", "d"}
	require.NoError(t, os.WriteFile(name, []byte(`{"auths":{"a":{},"b":{},"c":{},"d":{},"e":{}}}`), 0o600))
	var wg sync.WaitGroup
	for _, k := range keys {
		wg.Go(func() { _ = removeAuths(name, []string{k}) })
	}
	wg.Wait()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	require.True(t, json.Valid(text))
	require.Contains(t, string(text), `"e"`)

	left, err := os.ReadDir(filepath.Dir(name))
	require.NoError(t, err)
	require.Len(t, left, 1, "no temporary file")
}
