package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pkg/errors"
)

const (
	dockerCLI  = "github.com/docker/cli"
	buildx     = "github.com/docker/buildx"
	containerd = "github.com/containerd/containerd/v2"
	helpers    = "github.com/docker/docker-credential-helpers"
)

// source is a file or folder of another module whose behaviour pullsafe relies on:
// no compiler tells when it changes.
type source struct {
	module, path string
	why          string
}

var relied = []source{
	{buildkit, "frontend/dockerfile/builder", "runs behind the decorator; what it asks for is what `frontend` answers"},
	{buildkit, "frontend/dockerfile/dockerfile2llb", "which images a target needs, and in which order (`frontend/references`)"},
	{buildkit, "frontend/dockerfile/instructions", "what an instruction is (`frontend/references`)"},
	{buildkit, "frontend/dockerfile/parser", "directives and positions (`frontend/references`)"},
	{buildkit, "frontend/dockerfile/shell", "expansion of words (`frontend/references`)"},
	{buildkit, "frontend/dockerfile/linter", "form and suppression of the warning"},
	{buildkit, "frontend/dockerui", "options, named contexts, where the Dockerfile is read (`frontend/references`)"},
	{buildkit, "frontend/gateway/gateway.go", "what the daemon does with a request of the frontend image; its errors"},
	{buildkit, "frontend/gateway/grpcclient", "the same on the side of the image: capabilities, errors, lazy references"},
	{buildkit, "frontend/gateway/forwarder", "the same with the frontend in process, as the tests run it"},
	{buildkit, "frontend/subrequests", "`--call=preflight` is one"},
	{buildkit, "client/llb/marshal.go", "how definitions are written (`llb/rewrite.go`)"},
	{buildkit, "client/llb/source.go", "how references are normalised (`llb/source.go`)"},
	{buildkit, "client/llb/sourceresolver", "the metadata request"},
	{buildkit, "sourcepolicy", "convert rules: order, wildcards, what starts again (`llb/policy.go`)"},
	{buildkit, "solver/llbsolver/bridge.go", "the name of the step is made before policies; words of errors (`frontend/diagnosis`)"},
	{buildkit, "solver/llbsolver/policy.go", "words of a denial (`frontend/diagnosis`)"},
	{buildkit, "solver/llbsolver/result.go", "descriptions of a vertex by digest (`llb/rewrite.go`)"},
	{buildkit, "solver/llbsolver/provenance", "which images provenance names"},
	{buildkit, "solver/scheduler.go", "a second solve merges with the steps of the first (`mergeTo`)"},
	{buildkit, "source/containerimage", "when an image is resolved and pulled, and by which session"},
	{buildkit, "session/auth", "credentials are asked for by the host as it is written; words of token errors (`plugin/probe`)"},
	{buildkit, "util/resolver", "hosts, mirrors, plain HTTP, authorization by the host as it is written (`llb`)"},
	{buildkit, "util/contentutil/source.go", "content is labelled with the host without its port"},
	{buildkit, "util/imageutil", "how a manifest and its platform are chosen; words of errors"},
	{containerd, "core/remotes/docker", "requests to registries and the words of their errors (`frontend/diagnosis`)"},
	{dockerCLI, "cli/config/configfile/file.go", "which login belongs to a host (`plugin/credentials`)"},
	{dockerCLI, "cli/config/credentials", "credential helpers (`plugin/credentials`)"},
	{dockerCLI, "cli/command/registry/logout.go", "what `docker logout` removes (`plugin/credentials`)"},
	{dockerCLI, "cmd/docker/docker.go", "when hooks of plugins are called (`plugin/hook`)"},
	{dockerCLI, "cmd/docker/builder.go", "which commands go to the builder's alias"},
	{helpers, "client", "the protocol of credential helpers (`plugin/credentials`)"},
	{buildx, "util/dockerutil/dockerconfig", "logins by scope (`plugin/credentials`)"},
}

// changedSource is a relied source and what became of it.
type changedSource struct {
	source
	gone  bool
	files []fileDiff
}

// fileDiff counts the lines of a file that changed.
type fileDiff struct {
	name           string
	added, removed int
}

// diffSource compares a source in two folders of its module.
func diffSource(ctx context.Context, s source, before, after string) (*changedSource, error) {
	c := &changedSource{source: s}
	if _, err := os.Stat(filepath.Join(after, s.path)); os.IsNotExist(err) {
		c.gone = true
		return c, nil
	}
	old := filepath.Join(before, s.path)
	if _, err := os.Stat(old); os.IsNotExist(err) {
		old = os.DevNull
	}
	cmd := []string{"diff", "--no-index", "--no-renames", "--no-ext-diff", "--numstat", "-z", "--", old, filepath.Join(after, s.path)}
	out, err := git(ctx, after, cmd...)
	if err != nil && len(out) == 0 {
		return nil, err // it ends with 1 when there are differences
	}
	c.files, err = parseNumstat(out, before, after)
	return c, err
}

// parseNumstat reads what `git diff --no-index --numstat -z` prints: the counts,
// and behind each of them the old and the new file.
func parseNumstat(out []byte, before, after string) ([]fileDiff, error) {
	var list []fileDiff
	parts := strings.Split(string(bytes.TrimSuffix(out, []byte{0})), "\x00")
	if len(out) == 0 {
		return nil, nil
	}
	for chunk := range slices.Chunk(parts, 3) {
		counts := strings.Split(chunk[0], "\t")
		if len(chunk) != 3 || len(counts) != 3 {
			return nil, errors.Errorf("git diff --numstat: %q", chunk)
		}
		path := chunk[2]
		if path == os.DevNull {
			path = chunk[1]
		}
		path = strings.TrimPrefix(strings.TrimPrefix(path, after+"/"), before+"/")
		if !isSource(path) {
			continue
		}
		d := fileDiff{name: path}
		// A binary file has "-".
		d.added, _ = strconv.Atoi(counts[0])
		d.removed, _ = strconv.Atoi(counts[1])
		list = append(list, d)
	}
	return list, nil
}

// isSource leaves out tests and what is generated from something else.
func isSource(path string) bool {
	return !strings.HasSuffix(path, "_test.go") && !strings.HasSuffix(path, ".pb.go") &&
		!strings.HasSuffix(path, ".md") && !strings.Contains(path, "/testdata/")
}

// counts tells the size of a change, of each file if there are few.
func (c *changedSource) counts() string {
	const few = 4
	added, removed := 0, 0
	var each []string
	for _, d := range c.files {
		added, removed = added+d.added, removed+d.removed
		name := strings.TrimPrefix(strings.TrimPrefix(d.name, c.path), "/")
		if name == "" {
			return fmt.Sprintf("+%d −%d", added, removed)
		}
		each = append(each, fmt.Sprintf("%s +%d −%d", name, d.added, d.removed))
	}
	if len(each) > few {
		each = append(each[:few-1], fmt.Sprintf("%d more", len(each)-few+1))
	}
	return fmt.Sprintf("+%d −%d: %s", added, removed, strings.Join(each, ", "))
}
