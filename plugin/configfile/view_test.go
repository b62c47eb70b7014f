package configfile

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/docker/cli/cli/config"
	"github.com/stretchr/testify/require"
)

func TestView(t *testing.T) {
	dir := t.TempDir()
	text := `{"auths":{"ghcr.io":{"auth":"dTpw"}},"CredsStore":"x","credHelpers":{"a":"b"},"currentContext":"remote","HttpHeaders":{"A":"b"},"unknown":1}`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "config.json"), []byte(text), 0o600))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "contexts", "meta"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ca.pem"), []byte("ca"), 0o600))
	view, remove, err := View(dir, WithoutCredentials)
	require.NoError(t, err)
	cfg, err := config.Load(view)
	require.NoError(t, err)
	require.Equal(t, "remote", cfg.CurrentContext)
	require.Equal(t, map[string]string{"A": "b"}, cfg.HTTPHeaders)
	require.Empty(t, cfg.CredentialsStore)
	require.Empty(t, cfg.CredentialHelpers)
	require.NotContains(t, cfg.AuthConfigs, "ghcr.io")
	require.True(t, cfg.ContainsAuth(), "or the system's store would be taken")
	require.DirExists(t, filepath.Join(view, "contexts", "meta"))
	require.FileExists(t, filepath.Join(view, "ca.pem"))
	require.NoError(t, remove())
	require.NoDirExists(t, view)
	require.DirExists(t, filepath.Join(dir, "contexts", "meta"))
	now, err := os.ReadFile(filepath.Join(dir, "config.json"))
	require.NoError(t, err)
	require.Equal(t, text, string(now))

	view, remove, err = View(filepath.Join(dir, "missing"), WithoutCredentials)
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(view, "config.json"))
	require.NoError(t, remove())
	_, _, err = View(dir, func(map[string]json.RawMessage) error { return os.ErrInvalid })
	require.ErrorIs(t, err, os.ErrInvalid)
}
