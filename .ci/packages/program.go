package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/pkg/errors"
)

// name is that of the plugin: of its program, its packages and its archives.
const name = "docker-pullsafe"

// program is one that was built before.
type program struct {
	folder            string // linux_arm_v7
	os, arch, variant string
	path              string
}

// file is the program's name on its platform.
func (p program) file() string {
	if p.os == "windows" {
		return name + ".exe"
	}
	return name
}

// platform is its name in names of files: linux-arm-v7.
func (p program) platform() string { return strings.ReplaceAll(p.folder, "_", "-") }

// find finds the program of each platform, in the folders that buildx writes.
func find(dir string) ([]program, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, errors.Wrap(err, "no programs")
	}
	var list []program
	for _, entry := range entries {
		if !entry.IsDir() {
			continue // buildx's provenance
		}
		parts := strings.Split(entry.Name(), "_")
		if len(parts) < 2 || len(parts) > 3 {
			return nil, errors.Errorf("%s is not the folder of a platform", entry.Name())
		}
		p := program{folder: entry.Name(), os: parts[0], arch: parts[1]}
		if len(parts) == 3 {
			p.variant = parts[2]
		}
		p.path = filepath.Join(dir, p.folder, p.file())
		if _, err := os.Stat(p.path); err != nil {
			return nil, errors.Wrapf(err, "no program for %s", p.folder)
		}
		list = append(list, p)
	}
	if len(list) == 0 {
		return nil, errors.Errorf("no folder of a platform in %s", dir)
	}
	return list, nil
}
