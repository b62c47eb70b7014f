package sources

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/moby/buildkit/frontend/dockerfile/dfgitutil"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// Input is what a user named.
type Input struct {
	// Args are folders, files, references, or with a bake or compose file the
	// targets or services of it.
	Args []string
	// Files are given by -f; "-" is standard input.
	Files         []string
	Target        string
	BuildArgs     map[string]string
	BuildContexts map[string]string
	Platforms     []ocispecs.Platform

	Stdin io.Reader
	// Buildx runs buildx with arguments and returns what it printed.
	Buildx func(ctx context.Context, args ...string) ([]byte, error)
}

// kind is what a file holds.
type kind int

const (
	kindDockerfile kind = iota
	kindBake
	kindCompose
)

// kindOf goes by the name, as buildx does.
func kindOf(file string) kind {
	switch strings.ToLower(filepath.Ext(file)) {
	case ".hcl", ".json":
		return kindBake
	case ".yml", ".yaml":
		return kindCompose
	default:
		return kindDockerfile
	}
}

// Find finds the references of an input. Nothing named means the Dockerfile of
// the working directory.
//
// It ends with its context, whatever it is at: neither compose-go nor BuildKit's parser
// looks at one, and standard input may never end. What it was at is then left behind.
func Find(ctx context.Context, in Input) (*Set, error) {
	in.Files = slices.Clone(in.Files)
	type found struct {
		set *Set
		err error
	}
	done := make(chan found, 1)
	go func() {
		set, err := in.find(ctx)
		done <- found{set, err}
	}()
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case f := <-done:
		return f.set, f.err
	}
}

func (in *Input) find(ctx context.Context) (*Set, error) {
	set := newSet(*in)
	var names []string
	for _, arg := range in.Args {
		if len(in.Files) > 0 && kindOf(in.Files[0]) != kindDockerfile {
			names = append(names, arg)
			continue
		}
		if err := in.arg(ctx, set, arg); err != nil {
			return nil, err
		}
	}
	if len(in.Args) == 0 && len(in.Files) == 0 {
		return set, in.folder(ctx, set, ".")
	}
	return set, in.files(ctx, set, names)
}

// arg is a path or a reference.
func (in *Input) arg(ctx context.Context, set *Set, arg string) error {
	st, err := os.Stat(arg)
	switch {
	case isRemote(arg) && err != nil:
		return errRemote(arg)
	case err == nil && st.IsDir() && len(in.Files) > 0:
		return nil // the context of the Dockerfile, as in `docker build -f FILE PATH`
	case err == nil && st.IsDir():
		return in.folder(ctx, set, arg)
	case err == nil:
		return in.file(ctx, set, arg)
	case isPath(arg):
		return errors.Wrap(err, "no such folder or file")
	case len(in.Files) > 0:
		return errors.Errorf("%s is not a folder: references cannot be checked together with -f", arg)
	}
	return set.addName(arg)
}

// file is a file that was named without -f.
func (in *Input) file(ctx context.Context, set *Set, file string) error {
	if kindOf(file) != kindDockerfile {
		return errors.Errorf("to check what %s builds, use -f %s", file, file)
	}
	return set.addDockerfile(ctx, build{dockerfile: filepath.Clean(file)}, in.Stdin)
}

// folder is the context of a build.
func (in *Input) folder(ctx context.Context, set *Set, dir string) error {
	file := filepath.Join(dir, defaultDockerfile)
	if _, err := os.Stat(file); err == nil {
		return set.addDockerfile(ctx, build{dockerfile: file}, in.Stdin)
	}
	for _, other := range []string{
		"docker-bake.hcl", "docker-bake.json", "compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml",
	} {
		other = filepath.Join(dir, other)
		if _, err := os.Stat(other); err == nil {
			return errors.Errorf("there is no Dockerfile in %s; to check what %s builds, use -f %s", dir, filepath.Base(other), other)
		}
	}
	return errors.Errorf("there is no Dockerfile in %s: name a folder, a file with -f, or an image", dir)
}

// files are those given by -f, all of one kind.
func (in *Input) files(ctx context.Context, set *Set, names []string) error {
	if len(in.Files) == 0 {
		return nil
	}
	k := kindOf(in.Files[0])
	for _, f := range in.Files[1:] {
		if kindOf(f) != k {
			return errors.Errorf("%s and %s are of different kinds: check one after the other", in.Files[0], f)
		}
	}
	for _, f := range in.Files {
		if _, err := os.Stat(f); err != nil && f != stdinName {
			if isRemote(f) {
				return errRemote(f)
			}
			return errors.Wrap(err, "cannot read the file")
		}
	}
	if k != kindDockerfile && (in.Target != "" || len(in.BuildArgs) > 0 || len(in.BuildContexts) > 0) {
		return errors.Errorf("--target, --build-arg and --build-context are for a Dockerfile: %s sets its own", in.Files[0])
	}
	switch k {
	case kindBake:
		return in.bake(ctx, set, names)
	case kindCompose:
		return in.compose(ctx, set, names)
	case kindDockerfile:
	}
	if len(in.Files) > 1 {
		return errors.New("a build has one Dockerfile: give -f once")
	}
	return set.addDockerfile(ctx, build{dockerfile: filepath.Clean(in.Files[0])}, in.Stdin)
}

// isPath tells a path that does not exist from a reference.
func isPath(arg string) bool {
	arg = filepath.ToSlash(arg)
	return arg == "." || arg == ".." || filepath.IsAbs(arg) || strings.HasPrefix(arg, "/") || strings.HasPrefix(arg, "./") || strings.HasPrefix(arg, "../")
}

// isRemote is buildx's rule for contexts that are not on this machine.
func isRemote(arg string) bool {
	if strings.HasPrefix(arg, "https://") || strings.HasPrefix(arg, "http://") {
		return true
	}
	_, ok, _ := dfgitutil.ParseGitRef(arg)
	return ok
}

func errRemote(arg string) error {
	return errors.Errorf("%s is not on this machine: check reads local files only; fetch it, or name its images", withoutUser(arg))
}

// withoutUser removes what can be a password in the address of a repository.
func withoutUser(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return address
	}
	host, path, _ := strings.Cut(rest, "/")
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		host = host[i+1:]
	}
	if i := strings.IndexByte(path, '?'); i >= 0 {
		path = path[:i]
	}
	return scheme + "://" + host + "/" + path
}

// hostPlatform is what a daemon on this machine builds on.
func hostPlatform() ocispecs.Platform { return daemonPlatform(platforms.DefaultSpec()) }

// daemonPlatform is what a daemon on a machine builds on: Linux in a virtual machine on
// macOS and Windows, where Docker Desktop runs Linux containers unless it is switched.
func daemonPlatform(machine ocispecs.Platform) ocispecs.Platform {
	p := platforms.Normalize(machine)
	if p.OS == "darwin" || p.OS == "windows" {
		p.OS, p.OSVersion, p.OSFeatures = "linux", "", nil
	}
	return p
}

// contextKey is the name of a named context as buildx passes it on.
func contextKey(name string) string {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return name
	}
	return strings.TrimSuffix(reference.FamiliarString(named), ":latest")
}
