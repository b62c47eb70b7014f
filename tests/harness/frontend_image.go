package harness

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	"github.com/pkg/errors"
)

// FrontendTarget is what BuildKit reads of a frontend image besides its files.
type FrontendTarget struct {
	Labels     map[string]string
	Entrypoint []string
}

// frontendStage is the stage of the checkout's Dockerfile that is published.
const frontendStage = "frontend"

// ReadFrontendTarget reads labels and entry point of the stage "frontend", so
// that tests run an image like the published one.
func ReadFrontendTarget(dockerfile string) (*FrontendTarget, error) {
	stages, _, lex, err := ParseDockerfile(dockerfile)
	if err != nil {
		return nil, err
	}
	i, ok := instructions.HasStage(stages, frontendStage)
	if !ok {
		return nil, errors.Errorf("%s has no stage %q", dockerfile, frontendStage)
	}
	t := &FrontendTarget{Labels: map[string]string{}}
	for _, cmd := range stages[i].Commands {
		switch c := cmd.(type) {
		case *instructions.LabelCommand:
			for _, kv := range c.Labels {
				// The parser leaves the quotes for the shell to remove.
				value, _, err := lex.ProcessWord(kv.Value, shell.EnvsFromSlice(nil))
				if err != nil {
					return nil, errors.Wrapf(err, "%s: label %s", dockerfile, kv.Key)
				}
				t.Labels[kv.Key] = value
			}
		case *instructions.EntrypointCommand:
			if c.PrependShell {
				return nil, errors.Errorf("%s: the entry point of %q needs a shell", dockerfile, frontendStage)
			}
			t.Entrypoint = c.CmdLine
		}
	}
	if len(t.Entrypoint) == 0 {
		return nil, errors.Errorf("%s: stage %q has no entry point", dockerfile, frontendStage)
	}
	return t, nil
}

// ParseDockerfile returns the stages of a Dockerfile, its arguments before the
// first of them, and what expands their words.
func ParseDockerfile(file string) ([]instructions.Stage, []instructions.ArgCommand, *shell.Lex, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, nil, errors.WithStack(err)
	}
	ast, err := parser.Parse(bytes.NewReader(b))
	if err != nil {
		return nil, nil, nil, errors.Wrap(err, file)
	}
	stages, args, err := instructions.Parse(ast.AST, linter.New(&linter.Config{}))
	return stages, args, shell.NewLex(ast.EscapeToken), errors.Wrap(err, file)
}

// CheckoutTarget is ReadFrontendTarget of the checkout's Dockerfile.
func CheckoutTarget() (*FrontendTarget, error) {
	root, err := Checkout()
	if err != nil {
		return nil, err
	}
	return ReadFrontendTarget(filepath.Join(root, "Dockerfile"))
}

// BuildBinary builds a package of the checkout as the image has it, once in an
// environment, and returns the file.
func (e *Env) BuildBinary(ctx context.Context, pkg string) (string, error) {
	return e.buildBinary(ctx, filepath.Base(pkg), "-s -w", "", pkg)
}

func (e *Env) buildBinary(ctx context.Context, name, ldflags, tags, pkg string) (string, error) {
	return e.cached("build "+name, func() (string, error) {
		root, err := Checkout()
		if err != nil {
			return "", err
		}
		out := filepath.Join(e.Dir, name)
		return out, e.Go(ctx, root, "build", "-buildvcs=false", "-trimpath", "-tags", tags, "-ldflags", ldflags, "-o", out, pkg)
	})
}

// Go runs the go command in a folder. It ends with the environment.
func (e *Env) Go(ctx context.Context, dir string, args ...string) error {
	ctx, done, err := e.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	// Not the environment of SetProcessEnv: go may have to reach its module
	// proxy, which the harness's network would refuse.
	cmd.Env = append(startEnviron(), "CGO_ENABLED=0")
	b, err := cmd.CombinedOutput()
	return errors.Wrapf(err, "go %s: %s", strings.Join(args, " "), b)
}

// Channels of the frontend image, as upstream has them.
const (
	ChannelMainline = "mainline"
	ChannelLabs     = "labs"
)

// BuildFrontend builds cmd/pullsafe-frontend for a channel as the Dockerfile
// does: with the build tags of the channel and its name in -version.
func (e *Env) BuildFrontend(ctx context.Context, channel string) (string, error) {
	root, err := Checkout()
	if err != nil {
		return "", err
	}
	pkg := "cmd/pullsafe-frontend"
	tags, err := os.ReadFile(filepath.Join(root, pkg, "release", channel, "tags"))
	if err != nil {
		return "", errors.WithStack(err)
	}
	return e.buildBinary(ctx, filepath.Base(pkg)+"-"+channel, "-s -w -X "+modulePath+"/version.Channel="+channel, strings.TrimSpace(string(tags)), "./"+pkg)
}

// PushFrontend builds cmd/pullsafe-frontend and pushes its image, of the channel
// mainline.
func (e *Env) PushFrontend(ctx context.Context, r *Registry, repositoryTag string) (digest string, err error) {
	target, err := CheckoutTarget()
	if err != nil {
		return "", err
	}
	binary, err := e.BuildFrontend(ctx, ChannelMainline)
	if err != nil {
		return "", err
	}
	return r.PushBinary(ctx, repositoryTag, binary, target)
}

// PushUpstreamFrontend pushes an image of BuildKit's own frontend of the same
// version. Its labels are the checkout's: upstream's are the same.
func (e *Env) PushUpstreamFrontend(ctx context.Context, r *Registry, repositoryTag string) (digest string, err error) {
	target, err := CheckoutTarget()
	if err != nil {
		return "", err
	}
	return r.PushBinary(ctx, repositoryTag, e.Tools.Path(ToolFrontend), target)
}

// PushBinary pushes an image of nothing but a program at the target's entry point.
func (r *Registry) PushBinary(ctx context.Context, repositoryTag, binary string, target *FrontendTarget) (digest string, err error) {
	b, err := os.ReadFile(binary)
	if err != nil {
		return "", errors.WithStack(err)
	}
	return r.Push(ctx, repositoryTag, Image{
		Files:     map[string]string{target.Entrypoint[0]: string(b)},
		Config:    v1.Config{Entrypoint: target.Entrypoint, Labels: target.Labels, WorkingDir: "/"},
		Platforms: []string{"linux/" + runtime.GOARCH},
	})
}
