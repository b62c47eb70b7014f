package main

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// certMachine is what the folders of certificates depend on.
type certMachine struct {
	os     string              // as in runtime.GOOS
	home   string              // of the user; empty if there is none
	config string              // of the user, for programs; empty if there is none
	getenv func(string) string // the environment
}

// certFolders are those of this machine.
func certFolders() []string {
	m := certMachine{os: runtime.GOOS, getenv: os.Getenv}
	m.home, _ = os.UserHomeDir()
	m.config, _ = os.UserConfigDir()
	return m.certFolders()
}

// certFolders are where Docker Engine, rootless Docker and Docker Desktop look for the
// certificates of registries (moby, registry/config_unix.go, config_windows.go;
// https://docs.docker.com/desktop/troubleshoot-and-support/faqs/macfaqs/, windowsfaqs/).
func (m certMachine) certFolders() []string {
	var folders []string
	add := func(elem ...string) {
		if elem[0] == "" {
			return
		}
		if dir := filepath.Join(append(elem, "certs.d")...); !slices.Contains(folders, dir) {
			folders = append(folders, dir)
		}
	}
	if m.os == "windows" {
		add(m.getenv("ProgramData"), "docker")
	} else {
		add("/etc", "docker")
		add(m.config, "docker")
	}
	add(m.home, ".docker")
	return folders
}
