package field

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

// labOpt is a program of a root file system with a home.
func labOpt(t *testing.T, root, dir string, args ...string) harness.ProgramOpt {
	t.Helper()
	return harness.ProgramOpt{Root: tool(t, root), Dir: dir, Args: args, Env: []string{
		"-i", "PATH=/usr/sbin:/usr/bin:" + harness.LabDir, "HOME=" + harness.LabDir, "LANG=C.UTF-8",
	}}
}

// setupPass makes a key without a passphrase and a store of passwords.
func setupPass(t *testing.T, h helper, s site) {
	t.Helper()
	e := harness.T(t)
	dir, err := e.WriteFiles(map[string]string{
		"init": "#!/bin/sh\nset -e\ngpg --batch --quiet --passphrase '' --quick-generate-key lab@field.test ed25519 default never\n" +
			"fpr=$(gpg --list-keys --with-colons | sed -n 's/^fpr:*\\([0-9A-F]*\\):$/\\1/p' | head -n 1)\n" +
			"gpg --batch --quiet --passphrase '' --quick-add-key \"$fpr\" cv25519 encr never\npass init lab@field.test\n",
	})
	require.NoError(t, err)
	copyFile(t, filepath.Join(tool(t, toolPass), "docker-credential-pass"), filepath.Join(dir, "docker-credential-pass"))
	h.write(t, labOpt(t, toolDebian, dir, harness.LabDir+"/init").Script())
	out, code := h.run(t, "", "")
	require.Zero(t, code, out)
	h.write(t, labOpt(t, toolDebian, dir, "docker-credential-pass").Script())
	h.storeStale(t, s.host)
}

// Debian's helper, and where setupSecretservice puts today's.
const (
	debianSecretservice = "/usr/bin/docker-credential-secretservice"
	ownSecretservice    = harness.LabDir + "/docker-credential-secretservice"
)

// setupSecretservice runs a helper on a session bus of its own with a key ring that
// is open; without a bus, as over SSH, it can only fail.
func setupSecretservice(program string, bus bool) func(*testing.T, helper, site) {
	return func(t *testing.T, h helper, s site) {
		t.Helper()
		e := harness.T(t)
		dir, err := e.WriteFiles(map[string]string{
			"run": "#!/bin/sh\nexec dbus-run-session --config-file=" + harness.LabDir + "/bus.conf -- " + harness.LabDir + "/unlocked \"$@\" 2>/dev/null\n",
			"unlocked": "#!/bin/sh\nprintf secret | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1\n" +
				"n=0\nuntil dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner string:org.freedesktop.secrets | grep -q true; do\n" +
				"  n=$((n + 1)); [ $n -lt 100 ] || exit 1; sleep 0.05\ndone\nexec " + program + " \"$@\"\n",
			"bus.conf": `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:dir=/tmp</listen>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
`,
		})
		require.NoError(t, err)
		copyFile(t, filepath.Join(tool(t, toolSecretservice), "docker-credential-secretservice"), filepath.Join(dir, "docker-credential-secretservice"))
		if !bus {
			h.write(t, labOpt(t, toolDebianMore, dir, program).Script())
			return
		}
		h.write(t, labOpt(t, toolDebianMore, dir, harness.LabDir+"/run").Script())
		h.storeStale(t, s.host)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	require.NoError(t, err)
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	require.NoError(t, err)
	_, err = io.Copy(out, in)
	require.NoError(t, err)
	require.NoError(t, out.Close())
}
