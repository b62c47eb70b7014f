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
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
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
	ToolEngine29  = "engine-29"
	ToolLint      = "golangci-lint"
)

// Tools that `build.sh compat` makes besides: the Compose plugin, and older daemons, of
// which OlderBuildkitds has the list.
const (
	ToolCompose      = "compose"
	ToolBuildkitd012 = olderBuildkitd + "0.12"

	olderBuildkitd = "buildkitd-"
)

// isCompatTool tells whether `build.sh compat` alone makes a tool.
func isCompatTool(name string) bool {
	return name == ToolCompose || strings.HasPrefix(name, olderBuildkitd)
}

// OlderBuildkitds are the tools that are older daemons, the oldest first: each
// folder tests/tools/buildkit-X.Y makes one.
func OlderBuildkitds() ([]string, error) {
	root, err := Checkout()
	if err != nil {
		return nil, err
	}
	folders, err := filepath.Glob(filepath.Join(root, "tests", "tools", "buildkit-*"))
	if err != nil {
		return nil, errors.WithStack(err)
	}
	var tools []string
	for _, folder := range folders {
		tools = append(tools, olderBuildkitd+strings.TrimPrefix(filepath.Base(folder), "buildkit-"))
	}
	slices.SortFunc(tools, func(x, y string) int {
		return semver.Compare(strings.Replace(x, olderBuildkitd, "v", 1), strings.Replace(y, olderBuildkitd, "v", 1))
	})
	return tools, nil
}

// BuildKitVersion is the version of BuildKit that the checkout requires, which is
// the one of ToolBuildkitd too.
func BuildKitVersion() (string, error) {
	root, err := Checkout()
	if err != nil {
		return "", err
	}
	file := filepath.Join(root, "go.mod")
	text, err := os.ReadFile(file)
	if err != nil {
		return "", errors.WithStack(err)
	}
	mod, err := modfile.Parse(file, text, nil)
	if err != nil {
		return "", errors.WithStack(err)
	}
	for _, r := range mod.Require {
		if r.Mod.Path == "github.com/moby/buildkit" {
			return r.Mod.Version, nil
		}
	}
	return "", errors.Errorf("%s does not require BuildKit", file)
}

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
		if slices.ContainsFunc(missing, isCompatTool) {
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
