package main

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/apk" // these packagers register themselves
	_ "github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm"
	"github.com/pkg/errors"
)

const (
	homepage    = "https://github.com/org/pullsafe"
	description = "Docker CLI plugin that finds stored credentials which break builds"

	// pluginDir is where Docker's own packages put plugins. Docker CLIs since 19.03
	// search it (docker/cli, cli-plugins/manager/manager_unix.go).
	pluginDir = "/usr/libexec/docker/cli-plugins"
)

// recommends names the packages that have the Docker CLI. The program works without.
var recommends = map[string][]string{
	"deb": {"docker-ce-cli | docker-cli | docker.io"},
	"rpm": {"docker-cli"},
}

// licenseDir is where a distribution keeps the licences of a package.
func licenseDir(format string) string {
	if format == "deb" {
		return "/usr/share/doc/" + name
	}
	return "/usr/share/licenses/" + name
}

// pack writes one Linux package.
func (opt options) pack(p program, format string) (err error) {
	arch := p.arch + strings.TrimPrefix(p.variant, "v") // nfpm: arm7
	license := "LICENSE"
	if format == "deb" {
		license = "copyright" // Debian's policy, 12.5
	}
	info := nfpm.WithDefaults(&nfpm.Info{
		Name: name, Version: opt.version, Release: "1", Arch: arch, Platform: p.os,
		Section: "admin", Priority: "optional", Maintainer: "pullsafe <" + homepage + ">", Vendor: "pullsafe",
		Description: description, Homepage: homepage, License: "Apache-2.0",
		MTime: opt.epoch, DisableGlobbing: true,
		Overridables: nfpm.Overridables{
			Recommends: recommends[format],
			Contents: files.Contents{
				// rpm removes only folders that a package owns.
				{Destination: "/usr/share/licenses/" + name, Type: files.TypeDir, Packager: "rpm", FileInfo: &files.ContentFileInfo{Mode: 0o755, MTime: opt.epoch}},
				opt.content(p.path, path.Join(pluginDir, name), 0o755),
				opt.content(filepath.Join(opt.source, "LICENSE"), path.Join(licenseDir(format), license), 0o644),
				opt.content(filepath.Join(opt.source, "cmd", name, "LICENSES.txt"), path.Join(licenseDir(format), "LICENSES.txt"), 0o644),
			},
			RPM: nfpm.RPM{BuildHost: "pullsafe", Summary: description}, // else the name of this machine
		},
	})
	if format == "apk" {
		info.Prerelease = apkSuffix(info.Prerelease)
	}
	if err := nfpm.PrepareForPackager(info, format); err != nil {
		return errors.WithStack(err)
	}
	packager, err := nfpm.Get(format)
	if err != nil {
		return errors.WithStack(err)
	}
	// GitHub renames files that have a "~", as those of a pre-release would.
	file := strings.ReplaceAll(packager.ConventionalFileName(info), "~", "-")
	out, err := os.Create(filepath.Join(opt.output, file)) //nolint:gosec // G304: in the folder that the caller names
	if err != nil {
		return errors.WithStack(err)
	}
	defer closing(out, &err)
	return errors.WithStack(packager.Package(info, out))
}

var apkPrerelease = regexp.MustCompile(`^(alpha|beta|pre|rc)\.?(\d*)$`)

// apkSuffix is a pre-release as Alpine's versions have it: rc1 for rc.1, and "pre"
// for one that they have no word for.
func apkSuffix(prerelease string) string {
	if prerelease == "" {
		return ""
	}
	if m := apkPrerelease.FindStringSubmatch(prerelease); m != nil {
		return m[1] + m[2]
	}
	return "pre"
}

func (opt options) content(source, destination string, mode os.FileMode) *files.Content {
	return &files.Content{
		Source: source, Destination: destination,
		FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: mode, MTime: opt.epoch},
	}
}

// closing closes what was written, whose error is the last to matter.
func closing(f *os.File, err *error) {
	if closeErr := f.Close(); *err == nil {
		*err = errors.WithStack(closeErr)
	}
}
