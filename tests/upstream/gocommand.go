package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/pkg/errors"
	"golang.org/x/mod/modfile"
)

// projectModule is the checkout's own module.
const projectModule = "github.com/org/pullsafe"

// goTool runs the go command. Its environment is that of the process but for env.
type goTool struct {
	env []string
}

// run runs the go command in a folder. It never fetches another toolchain, so that
// what it resolves is right for the Go that builds the checkout.
func (g goTool) run(ctx context.Context, dir string, args ...string) ([]byte, error) {
	env := append(append(os.Environ(), "GOWORK=off", "GOTOOLCHAIN=local"), g.env...)
	return command(ctx, dir, env, "go", args...)
}

// command returns the standard output of a program. The error holds what it
// printed to standard error.
func command(ctx context.Context, dir string, env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, env
	// Time to remove what it has begun.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		text := strings.TrimSpace(stderr.String())
		if text == "" {
			text = err.Error()
		}
		return stdout.Bytes(), errors.Errorf("%s %s: %s", name, strings.Join(args, " "), text)
	}
	return stdout.Bytes(), nil
}

// git runs Git in the checkout.
func git(ctx context.Context, root string, args ...string) ([]byte, error) {
	return command(ctx, root, os.Environ(), "git", args...)
}

// moduleVersion is what the go command says of a version of a module.
type moduleVersion struct {
	Path, Version string
	// GoMod is the version's go.mod file in the module cache, Dir its source.
	GoMod, Dir string
	Error      string
	Versions   []string
}

func (g goTool) moduleVersion(ctx context.Context, dir string, args ...string) (*moduleVersion, error) {
	out, err := g.run(ctx, dir, args...)
	m := &moduleVersion{}
	if jsonErr := json.Unmarshal(out, m); err == nil {
		err = errors.WithStack(jsonErr)
	}
	return m, err
}

// versions are the tagged versions of a module in ascending order, without those
// that its author has retracted.
func (g goTool) versions(ctx context.Context, dir, path string) ([]string, error) {
	m, err := g.moduleVersion(ctx, dir, "list", "-m", "-json", "-versions", path)
	return m.Versions, err
}

// query resolves a version, or a query such as "upgrade", without fetching more
// than its go.mod.
func (g goTool) query(ctx context.Context, dir, path, version string) (*moduleVersion, error) {
	return g.moduleVersion(ctx, dir, "list", "-m", "-json", path+"@"+version)
}

// download fetches the source of a version.
func (g goTool) download(ctx context.Context, dir, path, version string) (*moduleVersion, error) {
	m, err := g.moduleVersion(ctx, dir, "mod", "download", "-json", path+"@"+version)
	if m.Error != "" {
		return nil, errors.New(m.Error)
	}
	return m, err
}

// readModFile reads a go.mod file.
func readModFile(path string) (*modfile.File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	f, err := modfile.Parse(path, data, nil)
	return f, errors.WithStack(err)
}

// required is the version of a module that a go.mod file requires.
func required(f *modfile.File, path string) string {
	for _, r := range f.Require {
		if r.Mod.Path == path {
			return r.Mod.Version
		}
	}
	return ""
}

// goLine is the version of Go that a go.mod file demands.
func goLine(f *modfile.File) string {
	if f.Go == nil {
		return ""
	}
	return f.Go.Version
}

// findCheckout is the root folder of the checkout that holds the working
// directory.
func findCheckout(ctx context.Context) (string, error) {
	out, err := git(ctx, ".", "rev-parse", "--show-toplevel")
	if err != nil {
		return "", errors.Wrap(err, "the summary compares with a Git revision")
	}
	root := strings.TrimSpace(string(out))
	f, err := readModFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return "", err
	}
	if f.Module == nil || f.Module.Mod.Path != projectModule {
		return "", errors.Errorf("%s is not a checkout of %s", root, projectModule)
	}
	return root, nil
}
