package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pkg/errors"
	"github.com/sassoftware/go-rpmutils"
	"github.com/stretchr/testify/require"
)

const version = "v1.2.3"

// packages are those of this checkout's program for this machine, by the endings of
// their names. They are made once.
func packages(t *testing.T) map[string]string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds the program")
	}
	files, err := build()
	require.NoError(t, err)
	return files
}

var build = sync.OnceValues(func() (map[string]string, error) {
	binaries, out := filepath.Join(folder, "binaries"), filepath.Join(folder, "out")
	cmd := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags",
		"-s -w -X github.com/org/pullsafe/version.Version="+version, "-o", filepath.Join(binaries, "linux_"+runtime.GOARCH, name), "./cmd/docker-pullsafe")
	cmd.Dir, cmd.Env = checkout, append(os.Environ(), "CGO_ENABLED=0")
	if printed, err := cmd.CombinedOutput(); err != nil {
		return nil, errors.Wrapf(err, "%s", printed)
	}
	if err := run(options{version: version, binaries: binaries, output: out, source: checkout, partial: true, epoch: time.Unix(1700000000, 0).UTC()}); err != nil {
		return nil, err
	}
	files := map[string]string{}
	paths, err := filepath.Glob(filepath.Join(out, name+"*"))
	for _, path := range paths {
		files[strings.TrimPrefix(filepath.Ext(path), ".")] = path
	}
	return files, errors.WithStack(err)
})

// folder is that of the tests of this package.
var folder string

func TestMain(m *testing.M) {
	var err error
	if folder, err = os.MkdirTemp("", "packages"); err != nil {
		panic(err)
	}
	code := m.Run()
	if err := os.RemoveAll(folder); err != nil {
		panic(err)
	}
	os.Exit(code)
}

// tool is a file of the tools' cache.
func tool(t *testing.T, file string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "sh", filepath.Join(checkout, "tests/tools/build.sh"), "-n").Output()
	require.NoError(t, err)
	dir := os.Getenv("PULLSAFE_TOOLS")
	if dir == "" {
		dir = strings.TrimSpace(string(out))
	}
	path := filepath.Join(dir, file)
	_, err = os.Stat(path)
	require.NoError(t, err, "run: make tools")
	return path
}

// command runs a program of the machine.
func command(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput()
	require.NoError(t, err, "%v: %s", args, out)
	return string(out)
}

// TestDeb installs the package into a root of its own, with Debian's dpkg, where
// Debian's Docker CLI finds it; and removes it.
func TestDeb(t *testing.T) {
	deb := packages(t)["deb"]
	require.Zero(t, os.Geteuid(), "dpkg and chroot need root: sudo make integration")
	root := t.TempDir()
	command(t, "tar", "-x", "-C", root, "-f", tool(t, "rootfs.tar"))
	for _, dir := range []string{"info", "updates", "triggers"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, "var/lib/dpkg", dir), 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(root, "var/lib/dpkg/status"), nil, 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(root, "dev/null"), nil, 0o666)) // what Go programs open first
	command(t, "cp", tool(t, "engine/docker"), filepath.Join(root, "usr/bin/docker"))

	command(t, "dpkg", "--root="+root, "--install", deb)
	require.Empty(t, command(t, "dpkg", "--root="+root, "--verify"))
	require.Equal(t, "install ok installed 1.2.3-1",
		command(t, "dpkg-query", "--admindir="+filepath.Join(root, "var/lib/dpkg"), "-W", "-f", "${Status} ${Version}", name))
	inside := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Path, cmd.Dir, cmd.Env = args[0], "/", []string{"PATH=/usr/bin", "HOME=/root"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%v: %s", args, out)
		return string(out)
	}
	require.Contains(t, inside("/usr/bin/docker", "pullsafe", "version"), "docker-pullsafe "+version+" ")
	require.Contains(t, inside("/usr/bin/docker", "--help"), "pullsafe*")
	for _, file := range []string{"copyright", "LICENSES.txt"} {
		require.FileExists(t, filepath.Join(root, "usr/share/doc", name, file))
	}

	command(t, "dpkg", "--root="+root, "--remove", name)
	require.NoDirExists(t, filepath.Join(root, "usr/libexec/docker"))
	require.NoDirExists(t, filepath.Join(root, "usr/share/doc", name))
}

// TestRPM reads the package with another library than the one that has written
// it, digests included, and runs what it holds.
func TestRPM(t *testing.T) {
	data, err := os.ReadFile(packages(t)["rpm"])
	require.NoError(t, err)
	_, _, err = rpmutils.Verify(bytes.NewReader(data), nil)
	require.NoError(t, err)
	rpm, err := rpmutils.ReadRpm(bytes.NewReader(data))
	require.NoError(t, err)
	nevra, err := rpm.Header.GetNEVRA()
	require.NoError(t, err)
	require.Equal(t, []string{name, "1.2.3", "1"}, []string{nevra.Name, nevra.Version, nevra.Release})
	for tag, want := range map[int]string{
		rpmutils.LICENSE: "Apache-2.0", rpmutils.URL: homepage, rpmutils.SUMMARY: description, rpmutils.BUILDHOST: "pullsafe",
	} {
		got, err := rpm.Header.GetString(tag)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, script := range []int{rpmutils.PREIN, rpmutils.POSTIN, rpmutils.PREUN, rpmutils.POSTUN} {
		require.False(t, rpm.Header.HasTag(script), "script %d", script)
	}
	files, err := rpm.Header.GetFiles()
	require.NoError(t, err)
	root := t.TempDir()
	require.NoError(t, rpm.ExpandPayload(root))
	for _, f := range files {
		require.Equal(t, "root root", f.UserName()+" "+f.GroupName(), f.Name())
		// The library gives all files the mode 0666.
		require.NoError(t, os.Chmod(filepath.Join(root, f.Name()), os.FileMode(f.Mode())&os.ModePerm))
	}
	requireRuns(t, root)
}

// TestAPK unpacks the package as Alpine's apk does: three archives in a row.
func TestAPK(t *testing.T) {
	data, err := os.ReadFile(packages(t)["apk"])
	require.NoError(t, err)
	root, in := t.TempDir(), bytes.NewReader(data)
	var info string
	for in.Len() > 0 {
		plain, err := gzip.NewReader(in)
		require.NoError(t, err)
		plain.Multistream(false)
		for archive := tar.NewReader(plain); ; {
			header, err := archive.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			content, err := io.ReadAll(archive)
			require.NoError(t, err)
			if header.Name == ".PKGINFO" {
				info = string(content)
			}
			if header.Typeflag != tar.TypeReg || strings.HasPrefix(header.Name, ".") {
				require.NotRegexp(t, `^\.(pre|post)-`, header.Name, "a script")
				continue
			}
			target := filepath.Join(root, filepath.Clean("/"+header.Name))
			require.NoError(t, os.MkdirAll(filepath.Dir(target), 0o755))
			require.NoError(t, os.WriteFile(target, content, os.FileMode(header.Mode)&os.ModePerm))
		}
		_, err = io.Copy(io.Discard, plain)
		require.NoError(t, err)
	}
	for _, line := range []string{"pkgname = " + name, "pkgver = 1.2.3-r1", "license = Apache-2.0", "datahash = "} {
		require.Contains(t, info, line)
	}
	requireRuns(t, root)
}

// requireRuns runs the program in an unpacked package, and looks for the licences.
func requireRuns(t *testing.T, root string) {
	t.Helper()
	require.Contains(t, command(t, filepath.Join(root, pluginDir, name), "version"), "docker-pullsafe "+version+" ")
	for _, file := range []string{"LICENSE", "LICENSES.txt"} {
		require.FileExists(t, filepath.Join(root, "usr/share/licenses", name, file))
	}
}

// TestRunsAlone: the program of the archive.
func TestRunsAlone(t *testing.T) {
	data, err := os.ReadFile(packages(t)["gz"])
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, untar(t, data)[name], 0o700))
	require.Contains(t, command(t, file, "version"), "docker-pullsafe "+version+" ")
}
