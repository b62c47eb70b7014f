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
			got, err := without([]byte(tc.text), auths, []string{"a"})
			require.NoError(t, err)
			require.Equal(t, tc.want, string(got))
		})
	}
	for _, bad := range []string{"", "[]", `{"auths":{"a":{}}`, `{"auths":{"a":{},}}`, "{} // a comment"} {
		_, err := without([]byte(bad), auths, []string{"a"})
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
		got, err := without([]byte(text), auths, []string{key})
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
		wg.Go(func() { _ = edit(name, func(text []byte) ([]byte, error) { return without(text, auths, []string{k}) }) })
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

// TestWithoutHelper: what docker looks up for the host afterwards, and nothing else, is
// another; the style of the file stays.
func TestWithoutHelper(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"none", "{\n\t\"auths\": {},\n\t\"credsStore\": \"x\"\n}", "{\n\t\"auths\": {},\n\t\"credsStore\": \"x\",\n\t\"credHelpers\": {\n\t\t\"A.TEST:443\": \"\"\n\t}\n}"},
		{"four spaces", "{\n    \"credsStore\": \"x\"\n}\n", "{\n    \"credsStore\": \"x\",\n    \"credHelpers\": {\n        \"A.TEST:443\": \"\"\n    }\n}\n"},
		{"others", "{\n\t\"credHelpers\": {\n\t\t\"b\": \"y\"\n\t}\n}", "{\n\t\"credHelpers\": {\n\t\t\"b\": \"y\",\n\t\t\"A.TEST:443\": \"\"\n\t}\n}"},
		{"one line", `{"credsStore":"x","n":1e3}`, `{"credsStore":"x","n":1e3,"credHelpers":{"A.TEST:443": ""}}`},
		{"empty object", `{"credHelpers": {}}`, `{"credHelpers": {"A.TEST:443": ""}}`},
		{"empty file", `{}`, `{"credHelpers": {"A.TEST:443": ""}}`},
		{"other letter case", `{"CREDHELPERS":{"b":"y"}}`, `{"CREDHELPERS":{"b":"y","A.TEST:443":""}}`},
		{"already there", `{"credHelpers":{"A.TEST:443":"y"}}`, `{"credHelpers":{"A.TEST:443":"y"}}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := withoutHelper([]byte(tc.text), []string{"A.TEST:443"})
			require.NoError(t, err)
			require.Equal(t, tc.want, string(got))
			file := configfile.New("")
			require.NoError(t, file.LoadFromReader(bytes.NewReader(got)))
			require.Contains(t, file.CredentialHelpers, "A.TEST:443")
			if tc.name != "already there" {
				back, err := without(got, credHelpers, []string{"A.TEST:443"})
				require.NoError(t, err)
				require.NotContains(t, string(back), "A.TEST")
			}
		})
	}
	for _, bad := range []string{"", "[]", `{"credHelpers":[]}`, `{"credHelpers":null}`, "{} // a comment"} {
		_, err := withoutHelper([]byte(bad), []string{"A.TEST:443"})
		require.Error(t, err, bad)
	}
}

// FuzzWithoutHelper: docker reads what it read before, and the entry.
func FuzzWithoutHelper(f *testing.F) {
	f.Add(`{"credHelpers": {"b": "y"} , "auths": {"a": {"auth": "dTpw"}}}`, "A.TEST")
	f.Add(`{"CREDHELPERS":{"b":"y"},"credHelpers":{"a":"x"}}`, "a\"\n")
	f.Fuzz(func(t *testing.T, text, host string) {
		before := configfile.New("")
		if before.LoadFromReader(strings.NewReader(text)) != nil {
			return
		}
		got, err := withoutHelper([]byte(text), []string{host})
		if err != nil {
			return // it has more than docker reads
		}
		after := configfile.New("")
		require.NoError(t, after.LoadFromReader(bytes.NewReader(got)))
		require.Equal(t, before.AuthConfigs, after.AuthConfigs)
		require.Equal(t, before.CredentialsStore, after.CredentialsStore)
		for k, v := range before.CredentialHelpers {
			require.Equal(t, v, after.CredentialHelpers[k])
		}
	})
}
