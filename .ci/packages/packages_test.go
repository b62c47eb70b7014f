package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

// checkout is the folder of the whole repository.
const checkout = "../.."

// platforms are those that docker-bake.hcl builds the plugin for, as folders.
func platforms(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(checkout, "docker-bake.hcl"))
	require.NoError(t, err)
	m := regexp.MustCompile(`(?s)target "plugin-cross" \{.*?platforms = \[(.*?)\]`).FindSubmatch(text)
	require.NotNil(t, m)
	var list []string
	for _, quoted := range regexp.MustCompile(`"([^"]+)"`).FindAllSubmatch(m[1], -1) {
		list = append(list, strings.ReplaceAll(string(quoted[1]), "/", "_"))
	}
	require.Greater(t, len(list), 8)
	return list
}

// programs is a folder with a file for each platform that stands for its program.
func programs(t *testing.T, platforms []string) string {
	t.Helper()
	dir := t.TempDir()
	for _, folder := range platforms {
		p := program{folder: folder, os: strings.Split(folder, "_")[0]}
		require.NoError(t, os.Mkdir(filepath.Join(dir, folder), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, folder, p.file()), []byte("program for "+folder), 0o700))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "provenance.json"), []byte("{}"), 0o600))
	return dir
}

// made is the output for a folder of programs.
func made(t *testing.T, opt options) map[string][]byte {
	t.Helper()
	opt.epoch = time.Unix(1700000000, 0).UTC()
	opt.output, opt.source = filepath.Join(t.TempDir(), "out"), checkout
	require.NoError(t, run(opt))
	files := map[string][]byte{}
	entries, err := os.ReadDir(opt.output)
	require.NoError(t, err)
	for _, entry := range entries {
		files[entry.Name()], err = os.ReadFile(filepath.Join(opt.output, entry.Name()))
		require.NoError(t, err)
	}
	return files
}

// TestFiles: what a release has, and that it comes out the same again.
func TestFiles(t *testing.T) {
	all := platforms(t)
	files := made(t, options{version: "v1.2.3", binaries: programs(t, all)})
	require.Equal(t, []string{
		"checksums.txt",
		"docker-pullsafe-1.2.3-1.aarch64.rpm", "docker-pullsafe-1.2.3-1.armv7hl.rpm", "docker-pullsafe-1.2.3-1.ppc64le.rpm",
		"docker-pullsafe-1.2.3-1.riscv64.rpm", "docker-pullsafe-1.2.3-1.s390x.rpm", "docker-pullsafe-1.2.3-1.x86_64.rpm",
		"docker-pullsafe-darwin-amd64.tar.gz", "docker-pullsafe-darwin-arm64.tar.gz",
		"docker-pullsafe-linux-amd64.tar.gz", "docker-pullsafe-linux-arm-v7.tar.gz", "docker-pullsafe-linux-arm64.tar.gz",
		"docker-pullsafe-linux-ppc64le.tar.gz", "docker-pullsafe-linux-riscv64.tar.gz", "docker-pullsafe-linux-s390x.tar.gz",
		"docker-pullsafe-windows-amd64.zip", "docker-pullsafe-windows-arm64.zip",
		"docker-pullsafe.json", "docker-pullsafe.rb",
		"docker-pullsafe_1.2.3-1_amd64.deb", "docker-pullsafe_1.2.3-1_arm64.deb", "docker-pullsafe_1.2.3-1_armhf.deb",
		"docker-pullsafe_1.2.3-1_ppc64el.deb", "docker-pullsafe_1.2.3-1_riscv64.deb", "docker-pullsafe_1.2.3-1_s390x.deb",
		"docker-pullsafe_1.2.3-r1_aarch64.apk", "docker-pullsafe_1.2.3-r1_armv7.apk", "docker-pullsafe_1.2.3-r1_ppc64le.apk",
		"docker-pullsafe_1.2.3-r1_riscv64.apk", "docker-pullsafe_1.2.3-r1_s390x.apk", "docker-pullsafe_1.2.3-r1_x86_64.apk",
	}, slices.Sorted(maps.Keys(files)))

	again := programs(t, all)
	later := time.Now().Add(time.Hour)
	require.NoError(t, os.Chtimes(filepath.Join(again, "linux_amd64", name), later, later))
	for file, data := range made(t, options{version: "v1.2.3", binaries: again}) {
		require.True(t, bytes.Equal(files[file], data), "%s differs", file)
	}
}

// TestPrerelease: versions in the form of each packager, older than the release, and
// in names that GitHub keeps.
func TestPrerelease(t *testing.T) {
	for version, want := range map[string][]string{
		"v1.2.3-rc.1": {"docker-pullsafe-1.2.3-rc.1-1.x86_64.rpm", "docker-pullsafe_1.2.3-rc.1-1_amd64.deb", "docker-pullsafe_1.2.3_rc1-r1_x86_64.apk"},
		"v1.2.3-dev":  {"docker-pullsafe-1.2.3-dev-1.x86_64.rpm", "docker-pullsafe_1.2.3-dev-1_amd64.deb", "docker-pullsafe_1.2.3_pre-r1_x86_64.apk"},
	} {
		files := made(t, options{version: version, binaries: programs(t, []string{"linux_amd64"}), partial: true})
		for _, file := range want {
			require.Contains(t, files, file)
		}
		for file := range files {
			require.Regexp(t, `^[\w.-]+$`, file)
		}
	}
}

// TestArchives: each holds the program of its platform, and the licences.
func TestArchives(t *testing.T) {
	files := made(t, options{version: "v1.2.3", binaries: programs(t, platforms(t))})
	require.Equal(t, "program for linux_arm_v7", string(untar(t, files["docker-pullsafe-linux-arm-v7.tar.gz"])[name]))
	for file, data := range files {
		var got map[string][]byte
		program := name
		switch filepath.Ext(file) {
		case ".gz":
			got = untar(t, data)
		case ".zip":
			got, program = unzip(t, data), name+".exe"
		default:
			continue
		}
		require.ElementsMatch(t, []string{program, "LICENSE", "LICENSES.txt"}, slices.Collect(maps.Keys(got)), file)
		folder := strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(file, name+"-"), ".tar.gz"), ".zip")
		require.Equal(t, "program for "+strings.ReplaceAll(folder, "-", "_"), string(got[program]))
	}
}

func untar(t *testing.T, data []byte) map[string][]byte {
	t.Helper()
	plain, err := gzip.NewReader(bytes.NewReader(data))
	require.NoError(t, err)
	files := map[string][]byte{}
	for r := tar.NewReader(plain); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		require.NoError(t, err)
		require.Equal(t, header.Name == name, header.Mode&0o111 != 0, "mode of %s", header.Name)
		files[header.Name], err = io.ReadAll(r)
		require.NoError(t, err)
	}
}

func unzip(t *testing.T, data []byte) map[string][]byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	files := map[string][]byte{}
	for _, f := range r.File {
		content, err := f.Open()
		require.NoError(t, err)
		files[f.Name], err = io.ReadAll(content)
		require.NoError(t, err)
	}
	return files
}

// TestManifests: the formula and the manifest name archives of this release, by
// the checksums that checksums.txt has for them.
func TestManifests(t *testing.T) {
	files := made(t, options{version: "v1.2.3", binaries: programs(t, platforms(t))})
	sum := map[string]string{}
	for line := range strings.Lines(string(files[checksumFile])) {
		hash, file, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		require.True(t, ok, line)
		sum[file] = hash
	}
	require.Len(t, sum, len(files)-1)
	got, err := checksums(writeAll(t, files))
	require.NoError(t, err)
	for file, hash := range sum {
		require.Equal(t, got[file], hash, file)
	}

	rb := string(files[name+".rb"])
	const release = "https://github.com/org/pullsafe/releases/download/v1.2.3/"
	pairs := regexp.MustCompile(`on_(macos|linux) do|on_(arm|intel) do\n\s+url "(.*)"\n\s+sha256 "(.*)"`).FindAllStringSubmatch(rb, -1)
	var urls []string
	for _, m := range pairs {
		if m[3] != "" {
			file := strings.TrimPrefix(m[3], release)
			require.Equal(t, sum[file], m[4], file)
			urls = append(urls, m[2]+" "+file)
		} else {
			urls = append(urls, m[1])
		}
	}
	require.Equal(t, []string{
		"macos", "arm docker-pullsafe-darwin-arm64.tar.gz", "intel docker-pullsafe-darwin-amd64.tar.gz",
		"linux", "arm docker-pullsafe-linux-arm64.tar.gz", "intel docker-pullsafe-linux-amd64.tar.gz",
	}, urls)
	require.Contains(t, rb, "class DockerPullsafe < Formula\n")
	require.Contains(t, rb, "\n  version \"1.2.3\"\n")

	var manifest scoopManifest
	require.NoError(t, json.Unmarshal(files[name+".json"], &manifest))
	require.Equal(t, "1.2.3", manifest.Version)
	require.Equal(t, map[string]scoopArchive{
		"64bit": {URL: release + "docker-pullsafe-windows-amd64.zip", Hash: sum["docker-pullsafe-windows-amd64.zip"]},
		"arm64": {URL: release + "docker-pullsafe-windows-arm64.zip", Hash: sum["docker-pullsafe-windows-arm64.zip"]},
	}, manifest.Architecture)
	require.Equal(t, "docker-pullsafe.exe", manifest.Bin)
}

func writeAll(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for file, data := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), data, 0o600))
	}
	return dir
}

func TestBadInput(t *testing.T) {
	good := options{version: "v1.2.3", binaries: programs(t, []string{"linux_amd64"}), output: t.TempDir(), source: checkout, partial: true, epoch: time.Unix(1700000000, 0).UTC()}
	require.NoError(t, run(good))
	entries, err := os.ReadDir(good.output)
	require.NoError(t, err)
	require.Len(t, entries, 5, "a platform, without formula and manifest")

	for want, change := range map[string]func(*options){
		`"1.2.3" is not a version`:    func(o *options) { o.version = "1.2.3" },
		`"v1.2.3.m" is not a version`: func(o *options) { o.version = "v1.2.3.m" },
		"docker-pullsafe-darwin-arm64.tar.gz is missing": func(o *options) {
			o.partial = false
			o.binaries = programs(t, []string{"windows_amd64", "windows_arm64"})
		},
		"no programs":                           func(o *options) { o.binaries = filepath.Join(o.binaries, "none") },
		"no folder of a platform":               func(o *options) { o.binaries = t.TempDir() },
		"linux is not the folder of a platform": func(o *options) { o.binaries = programs(t, []string{"linux"}) },
		"LICENSE: no such file or directory":    func(o *options) { o.source = t.TempDir() },
	} {
		opt := good
		change(&opt)
		require.ErrorContains(t, run(opt), want)
	}
	for _, seconds := range []string{"", "yesterday"} {
		_, err := epoch(seconds)
		require.ErrorContains(t, err, "SOURCE_DATE_EPOCH")
	}
}
