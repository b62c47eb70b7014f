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

// ReadFrontendTarget reads labels and entry point of the stage "frontend", built
// with the given arguments, so that tests run an image like the published one.
func ReadFrontendTarget(dockerfile string, args map[string]string) (*FrontendTarget, error) {
	stages, _, lex, err := ParseDockerfile(dockerfile)
	if err != nil {
		return nil, err
	}
	i, ok := instructions.HasStage(stages, frontendStage)
	if !ok {
		return nil, errors.Errorf("%s has no stage %q", dockerfile, frontendStage)
	}
	t := &FrontendTarget{Labels: map[string]string{}}
	stage := stageReader{lex: lex, given: args}
	for _, cmd := range stages[i].Commands {
		switch c := cmd.(type) {
		case *instructions.ArgCommand:
			err = stage.declare(c)
		case *instructions.LabelCommand:
			err = stage.label(c, t.Labels)
		case *instructions.EntrypointCommand:
			if c.PrependShell {
				return nil, errors.Errorf("%s: the entry point of %q needs a shell", dockerfile, frontendStage)
			}
			t.Entrypoint = c.CmdLine
		}
		if err != nil {
			return nil, errors.Wrap(err, dockerfile)
		}
	}
	if len(t.Entrypoint) == 0 {
		return nil, errors.Errorf("%s: stage %q has no entry point", dockerfile, frontendStage)
	}
	return t, nil
}

// stageReader expands the words of a stage.
type stageReader struct {
	lex   *shell.Lex
	given map[string]string // build arguments
	env   []string          // what the stage has declared of them so far
}

func (r *stageReader) declare(c *instructions.ArgCommand) error {
	for _, arg := range c.Args {
		value, ok := r.given[arg.Key]
		if !ok && arg.Value != nil {
			var err error
			if value, err = r.expand(*arg.Value); err != nil {
				return err
			}
		}
		r.env = append(r.env, arg.Key+"="+value)
	}
	return nil
}

func (r *stageReader) label(c *instructions.LabelCommand, labels map[string]string) error {
	for _, kv := range c.Labels {
		value, err := r.expand(kv.Value)
		if err != nil {
			return err
		}
		labels[kv.Key] = value
	}
	return nil
}

// expand removes quotes too, which the parser leaves for the shell.
func (r *stageReader) expand(word string) (string, error) {
	value, _, err := r.lex.ProcessWord(word, shell.EnvsFromSlice(r.env))
	return value, errors.WithStack(err)
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

// CheckoutTarget is ReadFrontendTarget of the checkout's Dockerfile, for a channel.
func CheckoutTarget(channel string) (*FrontendTarget, error) {
	root, err := Checkout()
	if err != nil {
		return nil, err
	}
	return ReadFrontendTarget(filepath.Join(root, "Dockerfile"), map[string]string{"CHANNEL": channel})
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
		return out, e.Go(ctx, root, "build", "-buildvcs=false", "-trimpath", "-tags", "grpcnotrace "+tags, "-ldflags", ldflags, "-o", out, pkg)
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
	target, err := CheckoutTarget(ChannelMainline)
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
// version. Its labels are the checkout's: what BuildKit reads of them is the same.
func (e *Env) PushUpstreamFrontend(ctx context.Context, r *Registry, repositoryTag string) (digest string, err error) {
	target, err := CheckoutTarget(ChannelMainline)
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
