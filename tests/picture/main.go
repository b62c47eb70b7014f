// Command picture makes the README's pictures of a terminal: it builds examples/uv
// through the real buildx in a terminal of its own, once with the upstream
// frontend and once with pullsafe, and draws the last screen of each as SVG.
//
// What buildx wrote is kept (testdata/NAME.stream), and the picture is a function
// of it alone. So the tests, which start nothing, can tell that the committed
// pictures are those of the committed streams, and that the words in them are
// the ones that the frontend says today.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pkg/errors"

	"github.com/org/pullsafe/tests/demo/stage"
	"github.com/org/pullsafe/tests/harness"
)

func main() {
	if err := stage.Run(context.Background(), say, shoot); err != nil {
		fmt.Fprintf(os.Stderr, "\npicture: %v\n", err)
		os.Exit(1)
	}
}

func say(format string, args ...any) {
	fmt.Printf("==> "+format+"\n", args...)
}

// builder is the name that buildx shows.
const builder = "builder"

// shoot makes all pictures, in an order in which none finds in the daemon's
// memory what it should ask a registry for: the failing one comes first.
func shoot(ctx context.Context, s *stage.Stage) error {
	out, err := s.Env.Run(ctx, s.Env.Tools.Path(harness.ToolBuildx), harness.CommandOpt{
		Dir: s.Env.Dir, Args: []string{"create", "--name", builder, "--driver", "remote", s.Buildkitd.Addr},
	})
	if err != nil {
		return err
	}
	if out.Code != 0 {
		return errors.Errorf("buildx create: %s", out.Stderr)
	}
	root, err := harness.Checkout()
	if err != nil {
		return err
	}
	for _, p := range pictures {
		say("%s", p.title)
		if err := p.shoot(ctx, s, root); err != nil {
			return err
		}
	}
	return nil
}

func (p picture) shoot(ctx context.Context, s *stage.Stage, root string) error {
	files, err := p.folder(s.Example)
	if err != nil {
		return err
	}
	if out, err := build(ctx, s, map[string]string{dockerfile: p.syntax + "\n" + warm}); err != nil || out.Code != 0 {
		return errors.Errorf("building the base: %v: %s", err, out.Stream)
	}
	out, err := build(ctx, s, files)
	if err != nil {
		return err
	}
	if _, err := os.Stdout.Write(out.Stream); err != nil {
		return errors.WithStack(err)
	}
	if (out.Code != 0) != p.fails {
		return errors.Errorf("%s: exit code %d", p.name, out.Code)
	}
	stream := append([]byte(prompt(files)), out.Stream...)
	if err := os.WriteFile(p.stream(root), stream, 0o644); err != nil {
		return errors.WithStack(err)
	}
	svg, err := p.draw(stream)
	if err != nil {
		return err
	}
	return errors.WithStack(os.WriteFile(p.file(root), svg, 0o644))
}

// warm is built before a picture is taken. It has the daemon pull the frontend and
// the base image, as most people's has: the picture is shorter by their layers.
const warm = "FROM python:3.13-slim-trixie\nRUN true\n"

func build(ctx context.Context, s *stage.Stage, files map[string]string) (*harness.TerminalOutput, error) {
	return s.Env.RunTerminal(ctx, s.Env.Tools.Path(harness.ToolBuildx), harness.CommandOpt{
		Args: []string{"build", "."}, Files: files, DockerConfig: s.Login,
		// Without a Docker Engine to load the result into, buildx would warn of that.
		Env: []string{"BUILDX_BUILDER=" + builder, "BUILDX_NO_DEFAULT_LOAD=true"},
	}, columns, rows)
}

// folder is the example with the picture's line at the top of its Dockerfile.
func (p picture) folder(example string) (map[string]string, error) {
	entries, err := os.ReadDir(example)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	files := map[string]string{}
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(example, entry.Name()))
		if err != nil {
			return nil, errors.WithStack(err)
		}
		files[entry.Name()] = string(text)
	}
	_, rest, _ := strings.Cut(files[dockerfile], "\n")
	files[dockerfile] = p.syntax + "\n" + rest
	return files, nil
}

const dockerfile = "Dockerfile"

// prompt is what a person would have typed, and what the first command answers.
func prompt(files map[string]string) string {
	first, _, _ := strings.Cut(files[dockerfile], "\n")
	return "$ head -n1 " + dockerfile + "\r\n" + first + "\r\n$ docker buildx build .\r\n"
}

// draw makes the picture of a recorded stream.
func (p picture) draw(stream []byte) ([]byte, error) {
	lines, err := screen(stream, columns, rows)
	if err != nil {
		return nil, errors.Wrap(err, p.name)
	}
	var out bytes.Buffer
	writeSVG(&out, p.title, p.desc, lines)
	return out.Bytes(), nil
}
