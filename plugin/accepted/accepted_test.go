package accepted

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStore(t *testing.T) {
	now := time.Now()
	s := Store{Dir: filepath.Join(t.TempDir(), "x"), Now: func() time.Time { return now }}
	a, b := Key("a", "b"), Key("ab", "")
	require.NotEqual(t, a, b)
	require.False(t, s.Has(a))
	s.Drop(a)
	s.Add(a)
	require.True(t, s.Has(a))
	require.False(t, s.Has(b))
	now = now.Add(fresh + time.Minute)
	require.False(t, s.Has(a))
	require.NoError(t, os.Chtimes(filepath.Join(s.Dir, a), now.Add(-fresh), now.Add(-fresh)))
	s.Add(b)
	require.NoFileExists(t, filepath.Join(s.Dir, a), "what is old is removed")
	now = time.Now()
	require.True(t, s.Has(b))
	s.Drop(b)
	require.False(t, s.Has(b))
	s.Add(a)
	s.Forget()
	require.NoDirExists(t, s.Dir)
	none := Store{}
	none.Add(a)
	require.False(t, none.Has(a))
}

func TestPassed(t *testing.T) {
	const provenance = `"buildx.build.provenance": {"x": 1}, `
	for text, want := range map[string]bool{
		"": false, "{}": false, `{` + provenance + `"a": 1}`: false,
		`{"frontend.pullsafe.report": {"summary": {"ok": 2}}}`:                                     false,
		`{` + provenance + `"frontend.pullsafe.report": {"summary": {"ok": 2}}}`:                   true,
		`{` + provenance + `"frontend.pullsafe.report": {"summary": {"okWithoutCredentials": 1}}}`: false,
		`{` + provenance + `"frontend.pullsafe.report": {"summary": {"notChecked": 1}}}`:           false,
	} {
		require.Equal(t, want, Passed([]byte(text)), text)
	}
}
