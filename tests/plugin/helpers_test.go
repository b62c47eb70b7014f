package plugin

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

// helpers is a folder of docker-credential-* programs.
type helpers struct {
	dir  string
	path string
}

// newHelpers writes a helper of each kind: good and stale answer for every host,
// until the login is erased; empty knows no host.
func newHelpers(t *testing.T, e *harness.Env) *helpers {
	t.Helper()
	h := &helpers{dir: t.TempDir()}
	environ := e.Environ()
	i := slices.IndexFunc(environ, func(kv string) bool { return strings.HasPrefix(kv, "PATH=") })
	for n, kv := range environ {
		if strings.HasPrefix(kv, "PATH=") {
			i = n
		}
	}
	h.path = strings.TrimPrefix(environ[i], "PATH=")
	keeps := func(l harness.Login) string {
		return fmt.Sprintf(`host=$(cat)
echo "$1 $host" >>"$0.log"
[ -e "$0.erased" ] && { echo "credentials not found in native keychain"; exit 1; }
case $1 in
get) printf '{"ServerURL":"%%s","Username":"%%s","Secret":"%%s"}' "$host" '%s' '%s' ;;
erase) : >"$0.erased" ;;
esac
`, l.User, l.Password)
	}
	for name, script := range map[string]string{
		"good":    keeps(harness.Good),
		"stale":   keeps(harness.Stale),
		"empty":   "cat >/dev/null; echo 'credentials not found in native keychain'; exit 1\n",
		"failing": fmt.Sprintf("cat >/dev/null; echo 'the keychain is locked'; echo '%s' >&2; exit 1\n", harness.StalePassword),
		"locked":  "cat >/dev/null; echo 'the keychain is locked'; exit 1\n",
		"noise":   fmt.Sprintf("cat >/dev/null; echo 'password: %s'\n", harness.StalePassword),
		"slow":    "cat >/dev/null; sleep 600\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(h.dir, "docker-credential-"+name), []byte("#!/bin/sh\n"+script), 0o700))
	}
	return h
}

func (h *helpers) env() []string {
	return []string{"PATH=" + h.dir + string(os.PathListSeparator) + h.path}
}

// asked is what a helper was asked, line by line: the action and the host.
func (h *helpers) asked(t *testing.T, name string) []string {
	t.Helper()
	dt, err := os.ReadFile(filepath.Join(h.dir, "docker-credential-"+name+".log"))
	require.NoError(t, err)
	return strings.Split(strings.TrimSpace(string(dt)), "\n")
}
