package install

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/stretchr/testify/require"
)

var texts = map[string]string{
	"empty":             "{}",
	"empty, a line":     "{\n}\n",
	"docker's":          "{\n\t\"auths\": {\n\t\t\"ghcr.io\": {\n\t\t\t\"auth\": \"dTpw\"\n\t\t}\n\t}\n}",
	"two spaces":        "{\n  \"auths\": {},\n  \"x\": [1.0, 1e3],\n  \"credsStore\": \"x\"\n}\n",
	"windows":           "{\r\n    \"auths\": {}\r\n}\r\n",
	"one line":          `{"auths":{"a":{"auth":"dTpw"}},"unknown":null}`,
	"one line, spaces":  ` { "auths": {} , "unknown": "\u2028" } `,
	"empty objects":     "{\n\t\"plugins\": {},\n\t\"aliases\": { },\n\t\"features\": {\n\t}\n}",
	"another alias":     "{\n\t\"aliases\": {\n\t\t\"builder\": \"buildx\"\n\t}\n}",
	"hooks of others":   "{\n\t\"features\": {\"hooks\": \"false\", \"x\": \"y\"},\n\t\"plugins\": {\"scout\": {\"hooks\": \"pull\"}, \"pullsafe\": {\"error-hooks\": \"pull\"}}\n}",
	"other letter case": "{\"Aliases\": {\"builder\": \"x\"}, \"PLUGINS\": {}}",
}

func TestOnAndOff(t *testing.T) {
	for name, text := range texts {
		for _, withHooks := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				on, err := On([]byte(text), withHooks, false)
				require.NoError(t, err)
				cfg := configfile.New("")
				require.NoError(t, cfg.LoadFromReader(strings.NewReader(string(on))), string(on))
				require.Equal(t, Plugin, cfg.Aliases["builder"])
				if withHooks {
					require.Equal(t, ErrorHooks, cfg.Plugins["pullsafe"]["error-hooks"])
					require.Equal(t, "true", cfg.Features["hooks"])
				}
				again, err := On(on, withHooks, false)
				require.NoError(t, err)
				require.Equal(t, string(on), string(again))

				off, remove, err := Off(on)
				require.NoError(t, err)
				require.False(t, remove)
				require.Equal(t, text, string(off))
			})
		}
	}
}

// TestOffAfterDockerLogin: docker writes the file anew, laid out in its own way.
func TestOffAfterDockerLogin(t *testing.T) {
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			on, err := On([]byte(text), true, false)
			require.NoError(t, err)
			off, _, err := Off(saved(t, on))
			require.NoError(t, err)
			var got, want map[string]any
			require.NoError(t, json.Unmarshal(saved(t, off), &got)) // which drops what is empty, as it did before
			require.NoError(t, json.Unmarshal(saved(t, []byte(text)), &want))
			require.Equal(t, want, got)
		})
	}
	// As docker has it, byte for byte.
	text := texts["docker's"]
	on, err := On([]byte(text), true, false)
	require.NoError(t, err)
	off, _, err := Off(saved(t, on))
	require.NoError(t, err)
	require.Equal(t, text, string(off))
}

// saved is what docker makes of a configuration when it writes it.
func saved(t *testing.T, text []byte) []byte {
	t.Helper()
	name := filepath.Join(t.TempDir(), "config.json")
	require.NoError(t, os.WriteFile(name, text, 0o600))
	cfg := configfile.New(name)
	require.NoError(t, cfg.LoadFromReader(strings.NewReader(string(text))))
	require.NoError(t, cfg.Save())
	out, err := os.ReadFile(name)
	require.NoError(t, err)
	return out
}

func TestHooksLater(t *testing.T) {
	text := texts["another alias"]
	on, err := On([]byte(text), false, false)
	require.NoError(t, err)
	on, err = On(on, true, false)
	require.NoError(t, err)
	require.Contains(t, string(on), `"install-was-builder": "buildx"`)
	off, _, err := Off(on)
	require.NoError(t, err)
	require.Equal(t, text, string(off))
}

func TestOffLeavesOthers(t *testing.T) {
	on, err := On([]byte("{}"), true, false)
	require.NoError(t, err)
	off, _, err := Off([]byte(strings.Replace(string(on), `"builder":"pullsafe"`, `"builder":"buildx"`, 1)))
	require.NoError(t, err)
	require.Equal(t, []byte(`{"aliases":{"builder":"buildx"}}`), off, "changed since") //nolint:testifylint // to the byte
	off, _, err = Off([]byte(`{"aliases": {"builder": "pullsafe"}, "plugins": {"pullsafe": {"error-hooks": "build,pull,pullsafe build,buildx build,compose pull,compose"}}}`))
	require.NoError(t, err)
	require.Equal(t, `{"aliases": {}, "plugins": {"pullsafe": {"error-hooks": "build,pull,pullsafe build,buildx build,compose pull,compose"}}}`, string(off), "written by hand") //nolint:testifylint // to the byte
}

func TestBadConfig(t *testing.T) {
	for _, text := range []string{"", "[]", "{", `{"aliases":[]}`, `{"aliases":{"builder":1}}`, `{"aliases":{},"Aliases":{}}`, `{"a":1,}`, "{} //"} {
		_, err := On([]byte(text), true, false)
		require.Error(t, err, text)
		_, _, err = Off([]byte(text))
		require.Error(t, err, text)
	}
}

func TestFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes and symbolic links")
	}
	dir := t.TempDir()
	name := filepath.Join(dir, "sub", "config.json")
	f, err := Find(name)
	require.NoError(t, err)
	require.True(t, f.Missing)
	list, err := f.Read(true)
	require.NoError(t, err)
	require.Len(t, list, 3)
	require.False(t, list[0].Done())
	require.NoError(t, f.On(true))
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	//nolint:testifylint // to the byte
	require.Equal(t, "{\n\t\"aliases\": {\n\t\t\"builder\": \"pullsafe\"\n\t},\n\t\"features\": {\n\t\t\"hooks\": \"true\"\n\t},\n\t\"plugins\": {\n\t\t\"pullsafe\": {\n"+
		"\t\t\t\"error-hooks\": \"build,pull,pullsafe build,buildx build,compose pull,compose\",\n\t\t\t\"install-added\": \"aliases,aliases.builder,config.json,features,features.hooks,plugins,plugins.pullsafe,plugins.pullsafe.error-hooks\"\n\t\t}\n\t}\n}", string(text))

	link := filepath.Join(dir, "link.json")
	require.NoError(t, os.Symlink(name, link))
	f, err = Find(link)
	require.NoError(t, err)
	require.NoError(t, f.Off())
	require.NoFileExists(t, name)
	_, err = Find(link)
	require.Error(t, err, "a link that leads nowhere")

	require.NoError(t, os.WriteFile(name, []byte(texts["docker's"]), 0o640))
	f, err = Find(link)
	require.NoError(t, err)
	require.NoError(t, f.On(false))
	info, err := os.Stat(name)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode().Perm())
	require.NoError(t, f.Off())
	text, err = os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, texts["docker's"], string(text))
	info, err = os.Lstat(link)
	require.NoError(t, err)
	require.Equal(t, os.ModeSymlink, info.Mode().Type())
}

// FuzzOnAndOff: whatever docker reads comes back to the byte.
func FuzzOnAndOff(f *testing.F) {
	for _, text := range texts {
		f.Add(text, true)
	}
	f.Fuzz(func(t *testing.T, text string, withHooks bool) {
		on, err := On([]byte(text), withHooks, false)
		if err != nil || strings.Contains(strings.ToLower(text), "install-") || strings.Contains(text, `\`) || strings.Contains(text, Plugin) {
			return
		}
		off, _, err := Off(on)
		require.NoError(t, err)
		require.Equal(t, text, string(off))
	})
}
