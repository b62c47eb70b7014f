package harness

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pkg/errors"
)

// modulePath tells the checkout's go.mod from that of a module around it.
const modulePath = "github.com/org/pullsafe"

// Tools is the folder of the programs that tests/tools/build.sh makes.
type Tools struct {
	// Dir holds the programs, Docker Engine's in the folders "engine" and "engine-29".
	Dir string
}

// Tool names, as build.sh knows them.
const (
	ToolBuildkitd = "buildkitd"
	ToolBuildctl  = "buildctl"
	ToolBuildx    = "buildx"
	ToolRegistry  = "registry"
	ToolFrontend  = "dockerfile-frontend"
	ToolRunc      = "runc"
	ToolBusybox   = "busybox"
	ToolEngine    = "engine"
	ToolLint      = "golangci-lint"
)

// Tools that `build.sh compat` makes besides: older daemons, the newest Docker
// Engine, and the Compose plugin.
const (
	ToolBuildkitd012 = "buildkitd-0.12"
	ToolBuildkitd017 = "buildkitd-0.17"
	ToolBuildkitd023 = "buildkitd-0.23"
	ToolBuildkitd033 = "buildkitd-0.33"
	ToolEngine29     = "engine-29"
	ToolCompose      = "compose"
)

// compatTools are the tools of `build.sh compat` alone.
var compatTools = []string{ToolBuildkitd012, ToolBuildkitd017, ToolBuildkitd023, ToolBuildkitd033, ToolEngine29, ToolCompose}

// coreTools are what builds with buildkitd need.
var coreTools = []string{ToolBuildkitd, ToolBuildx, ToolRegistry, ToolFrontend, ToolRunc, ToolBusybox}

// FindTools looks in the folder that PULLSAFE_TOOLS names, else in the one that
// build.sh names, and demands the given tools; without names, all that a build
// with buildkitd needs.
func FindTools(ctx context.Context, names ...string) (*Tools, error) {
	if len(names) == 0 {
		names = coreTools
	}
	t := &Tools{Dir: os.Getenv("PULLSAFE_TOOLS")}
	if t.Dir == "" {
		dir, err := toolsDir(ctx)
		if err != nil {
			return nil, err
		}
		t.Dir = dir
	}
	if err := t.Need(names...); err != nil {
		return nil, err
	}
	return t, nil
}

// Need returns an error that lists which of the tools are missing and how to
// get them.
func (t *Tools) Need(names ...string) error {
	var missing []string
	for _, name := range names {
		if _, err := os.Stat(t.Path(name)); err != nil {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		how := "make tools"
		if slices.ContainsFunc(missing, func(name string) bool { return slices.Contains(compatTools, name) }) {
			how = "sh tests/tools/build.sh compat"
		}
		return errors.Errorf("missing in %s: %s; run: %s", t.Dir, strings.Join(missing, ", "), how)
	}
	return nil
}

// Path is the file of a tool; for an engine, of dockerd.
func (t *Tools) Path(name string) string {
	if name == ToolEngine || name == ToolEngine29 {
		return filepath.Join(t.Dir, name, "dockerd")
	}
	return filepath.Join(t.Dir, name)
}

// Checkout is the root folder of the pullsafe checkout that holds the working
// directory, where tests and the demo run.
func Checkout() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", errors.WithStack(err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(b, []byte("module "+modulePath+"\n")) {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.Errorf("%s is not in a checkout of %s", start, modulePath)
		}
	}
}

// toolsDir asks build.sh, so that the rule for the folder's name exists once.
func toolsDir(ctx context.Context) (string, error) {
	root, err := Checkout()
	if err != nil {
		return "", errors.Wrap(err, "PULLSAFE_TOOLS is not set")
	}
	script := filepath.Join(root, "tests", "tools", "build.sh")
	out, err := exec.CommandContext(ctx, "/bin/sh", script, "-n").Output()
	if err != nil {
		return "", errors.Wrapf(err, "%s -n", script)
	}
	return strings.TrimSpace(string(out)), nil
}
