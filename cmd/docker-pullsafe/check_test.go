package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// hostile are characters that change how a terminal shows what is around them.
var hostile = []string{"\x1b[2J\x1b]0;title\x07", "\x1bc\b\x7f", "\u0085\u009b2J\u009d0;title\u009c", "\u202e\u2066\u200b\ufeff", "\r\xff"}

// requirePrintable: text has nothing of hostile.
func requirePrintable(t *testing.T, text string) {
	t.Helper()
	require.True(t, utf8.ValidString(text))
	for i, r := range text {
		bad := unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Cf, r)
		require.False(t, bad, "%q at %d of %q", r, i, text)
	}
}

// inputs are files that are wrong, or name images that cannot be pulled, with s in
// every place that an answer can quote.
func inputs(s string) map[string]string {
	service := "services:\n  web:\n    "
	return map[string]string{
		"unknown/Dockerfile":  "FROM scratch\nBAD" + s + " x" + s + "y\n",
		"flag/Dockerfile":     "FROM scratch\nCOPY --fr" + s + "om=x / /\n",
		"value/Dockerfile":    "FROM scratch\nCOPY --link=" + s + " / /\n",
		"base/Dockerfile":     "FROM ghcr.io/" + s + "/x\n",
		"stage/Dockerfile":    "FROM scratch AS a" + s + "b\n",
		"platform/Dockerfile": "FROM --platform=a" + s + "b scratch\n",
		"argument/Dockerfile": "ARG A=x" + s + "y\nFROM $A\n",
		"word/Dockerfile":     "FROM ${A" + s + "\n",
		"mount/Dockerfile":    "FROM scratch\nRUN --mount=from=x" + s + "y,target=/ true\n",
		"target/Dockerfile":   "FROM scratch\nCOPY --from=" + s + "9 / /\n",
		"heredoc/Dockerfile":  "FROM scratch\nRUN <<E" + s + "\n",
		"image/Dockerfile":    "FROM 127.0.0.1:1/a:1 " + s + "\n",
		"line/Dockerfile":     "FROM 127.0.0.1:1/a:1 AS b\nRUN --mount=from=127.0.0.1:1/a:2,target=/x echo " + s + "\n",
		"parse/c.yaml":        "services: [" + s + "\n",
		"key/c.yaml":          service + "a" + s + "b: c\n",
		"build/c.yaml":        service + "build: {context: \"a" + s + "b\"}\n",
		"file/c.yaml":         service + "build: {dockerfile: \"a" + s + "b\"}\n",
		"remote/c.yaml":       service + "build: {context: \"https://a.test/" + s + ".git\"}\n",
		"platform/c.yaml":     service + "platform: \"a" + s + "b\"\n    image: x\n",
		"name/c.yaml":         "services:\n  \"w" + s + "b\":\n    image: x\n",
		"image/c.yaml":        service + "image: \"a" + s + "b\"\n",
		"variable/c.yaml":     service + "image: \"${A" + s + "}\"\n",
		"unset/c.yaml":        service + "image: 127.0.0.1:1/a:1\n    hostname: \"${UNSET?" + s + "}\"\n",
		"inline/c.yaml":       service + "build: {dockerfile_inline: \"BAD" + s + "\"}\n",
		"place/c.yaml":        service + "image: 127.0.0.1:1/a:1 # " + s + "\n",
		"bake/b.hcl":          "target \"a" + s + "b\" {}\n",
	}
}

// TestCheckPrintsWhatPrints: whatever a Dockerfile, a compose file or a bake file
// holds, and wherever it is quoted, the terminal shows it as text.
func TestCheckPrintsWhatPrints(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("shell scripts stand in for programs")
	}
	bin := t.TempDir()
	script := "#!/bin/sh\n[ \"$1\" = buildx ] && shift\n[ \"$1\" = version ] && exit\ncat \"$5\" >&2\nexit 1\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "docker"), []byte(script), 0o700))
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	quoted := 0
	for _, s := range hostile {
		dir := t.TempDir()
		for name, text := range inputs(s) {
			t.Run(fmt.Sprintf("%s %q", name, s), func(t *testing.T) {
				file := filepath.Join(dir, name)
				if os.MkdirAll(filepath.Join(filepath.Dir(file), "odd"+s), 0o700) == nil {
					file = filepath.Join(filepath.Dir(file), "odd"+s, filepath.Base(file))
				}
				require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
				require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
				for _, format := range []string{formatTable, formatJSON, formatGitHub} {
					out, errOut, _ := runCommand(t, "", "check", "--format", format, "--timeout", "1s", "-f", file)
					requirePrintable(t, out)
					requirePrintable(t, errOut)
					if strings.Contains(out+errOut, "odd") {
						quoted++
					}
				}
			})
		}
	}
	require.Positive(t, quoted)
}

// TestSummary is written behind what a file has already.
func TestSummary(t *testing.T) {
	dir := t.TempDir()
	dockerfile, summary := filepath.Join(dir, "Dockerfile"), filepath.Join(dir, "summary.md")
	require.NoError(t, os.WriteFile(dockerfile, []byte("FROM scratch\n"), 0o600))
	require.NoError(t, os.WriteFile(summary, []byte("before\n"), 0o600))
	for range 2 {
		out, errOut, code := runCommand(t, "", "check", "--format=github", "--summary", summary, dockerfile)
		require.Zero(t, code, errOut)
		require.NotContains(t, out, "###")
	}
	got, err := os.ReadFile(summary)
	require.NoError(t, err)
	const once = "### docker pullsafe check\n\n```text\nNo images are named: there is nothing to check.\n```\n\n"
	require.Equal(t, "before\n"+once+once, string(got))

	_, errOut, code := runCommand(t, "", "check", "--summary", dir, dockerfile)
	require.Equal(t, exitUsage, code)
	require.Contains(t, errOut, "--summary: ")
}

// TestCertFolders: where the daemon of each system has its certificates.
func TestCertFolders(t *testing.T) {
	env := func(values map[string]string) func(string) string {
		return func(name string) string { return values[name] }
	}
	for _, tc := range []struct {
		machine certMachine
		want    []string
	}{
		{certMachine{os: "linux", home: "/home/u", config: "/home/u/.config", getenv: env(nil)}, []string{"/etc/docker/certs.d", "/home/u/.config/docker/certs.d", "/home/u/.docker/certs.d"}},
		{certMachine{os: "darwin", home: "/Users/u", getenv: env(nil)}, []string{"/etc/docker/certs.d", "/Users/u/.docker/certs.d"}},
		{certMachine{os: "windows", home: "C:/Users/u", config: "C:/Users/u/AppData/Roaming", getenv: env(map[string]string{"ProgramData": "C:/ProgramData"})}, []string{"C:/ProgramData/docker/certs.d", "C:/Users/u/.docker/certs.d"}},
		{certMachine{os: "windows", getenv: env(nil)}, nil},
	} {
		var got []string
		for _, folder := range tc.machine.certFolders() {
			got = append(got, filepath.ToSlash(folder)) // where the test runs on Windows
		}
		require.Equal(t, tc.want, got, tc.machine.os)
	}
}
