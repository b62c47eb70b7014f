package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pkg/errors"
)

// build is one way in which a program is built for a release.
type build struct{ goos, goarch, tags string }

// buildsOf reads the platforms from the bake file, and the build tags of the channels
// from their folders.
func buildsOf(root string, p program) ([]build, error) {
	bake, err := os.ReadFile(filepath.Join(root, "docker-bake.hcl"))
	if err != nil {
		return nil, errors.WithStack(err)
	}
	target := regexp.MustCompile(`(?s)\ntarget "` + p.target + `" \{\n.*?\n\}`).Find(bake)
	platforms := regexp.MustCompile(`"(linux|darwin|windows)/([a-z0-9]+)(?:/[a-z0-9]+)?"`).FindAllStringSubmatch(string(target), -1)
	if len(platforms) == 0 {
		return nil, errors.Errorf("docker-bake.hcl has no target %s with platforms", p.target)
	}
	tags := []string{""}
	files, err := filepath.Glob(filepath.Join(root, p.dir(), "release", "*", "tags"))
	if err != nil {
		return nil, errors.WithStack(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, errors.WithStack(err)
		}
		if list := strings.Join(strings.Fields(string(text)), ","); !slices.Contains(tags, list) {
			tags = append(tags, list)
		}
	}
	var builds []build
	for _, platform := range platforms {
		for _, list := range tags {
			builds = append(builds, build{platform[1], platform[2], list})
		}
	}
	return builds, nil
}

// module is a module, or Go itself, with the folders of its packages that are linked.
type module struct {
	name string // its path and version
	root string
	dirs map[string]bool
}

// listed is what the go command says of a package.
type listed struct {
	Dir      string
	Standard bool
	Module   *struct {
		Path, Version, Dir string
		Main               bool
	}
}

// linked are the modules that any of the builds links, by name.
func linked(ctx context.Context, root, pkg string, builds []build) (map[string]*module, error) {
	modules := map[string]*module{}
	add := func(name, root, dir string) {
		if modules[name] == nil {
			modules[name] = &module{name: name, root: root, dirs: map[string]bool{}}
		}
		modules[name].dirs[dir] = true
	}
	goroot, err := goCommand(ctx, root, nil, "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	for _, b := range builds {
		env := []string{"GOOS=" + b.goos, "GOARCH=" + b.goarch, "CGO_ENABLED=0"}
		out, err := goCommand(ctx, root, env, "list", "-deps", "-json=Dir,Standard,Module", "-tags="+b.tags, pkg)
		if err != nil {
			return nil, err
		}
		for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
			var l listed
			if err := decoder.Decode(&l); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, errors.WithStack(err)
			}
			switch {
			case l.Standard:
				dir := strings.TrimSpace(string(goroot))
				add(standard, dir, dir)
			case l.Module.Main:
				add(l.Module.Path, l.Module.Dir, l.Module.Dir) // the files that are written here are no terms of its own
			default:
				add(l.Module.Path+" "+l.Module.Version, l.Module.Dir, l.Dir)
			}
		}
	}
	return modules, nil
}

// standard is what every program has of Go; which version, the program itself says.
const standard = "Go, its standard library and runtime"

func goCommand(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	return out, errors.Wrapf(err, "go %s: %s", strings.Join(args, " "), stderr.Bytes())
}
