package sources

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
	"go.yaml.in/yaml/v3"

	"github.com/org/pullsafe/frontend/references"
)

// compose adds the builds of compose files and the images that their services
// pull; names are services.
func (in *Input) compose(ctx context.Context, set *Set, names []string) error {
	if slices.Contains(in.Files, stdinName) {
		return errors.New("a compose file cannot be read from standard input")
	}
	opts, err := cli.NewProjectOptions(in.Files, cli.WithOsEnv, cli.WithEnvFiles(), cli.WithDotEnv, cli.WithDefaultProfiles(), cli.WithoutEnvironmentResolution)
	if err != nil {
		return errors.WithStack(err)
	}
	project, err := opts.LoadProject(ctx)
	if err != nil {
		return errors.Wrap(err, strings.Join(in.Files, ", "))
	}
	if len(names) > 0 {
		if project, err = project.WithSelectedServices(names, types.IgnoreDependencies); err != nil {
			return errors.WithStack(err)
		}
	}
	lines := imageLines(in.Files)
	for _, name := range project.ServiceNames() {
		service := project.Services[name]
		if err := in.service(ctx, set, &service, lines[name]); err != nil {
			return err
		}
	}
	return nil
}

// service adds what one service builds or pulls.
func (in *Input) service(ctx context.Context, set *Set, s *types.ServiceConfig, positions []references.Position) error {
	on, err := ParsePlatforms(nonEmpty(s.Platform))
	if err != nil {
		return errors.Wrap(err, s.Name)
	}
	if len(in.Platforms) > 0 {
		on = in.Platforms
	}
	if s.Build != nil {
		b, err := composeBuild(s.Name, s.Build, on)
		if err != nil {
			return err
		}
		return set.addDockerfile(ctx, b, in.Stdin)
	}
	if s.Image == "" || s.PullPolicy == types.PullPolicyNever || s.PullPolicy == types.PullPolicyBuild {
		return nil
	}
	return errors.Wrap(set.addImage(s.Image, on, positions), s.Name)
}

func composeBuild(name string, c *types.BuildConfig, on []ocispecs.Platform) (build, error) {
	b := build{label: name, inline: c.DockerfileInline, target: c.Target, platforms: on, args: map[string]string{}, contexts: references.Contexts{}}
	for k, v := range c.Args {
		if v != nil {
			b.args[k] = *v
		} else if env, ok := os.LookupEnv(k); ok {
			b.args[k] = env
		}
	}
	for k, v := range c.AdditionalContexts {
		b.contexts[contextKey(k)] = v
	}
	if len(c.Platforms) > 0 {
		var err error
		if b.platforms, err = ParsePlatforms(c.Platforms); err != nil {
			return b, errors.Wrap(err, name)
		}
	}
	var err error
	b.dockerfile, err = dockerfileOf(name, c.Context, c.Dockerfile, c.DockerfileInline)
	b.dockerfile = relative(b.dockerfile)
	return b, err
}

// relative shortens a path below the working directory, as people and CI systems
// name files.
func relative(path string) string {
	wd, err := os.Getwd()
	if err != nil || path == "" {
		return path
	}
	if rel, err := filepath.Rel(wd, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

// imageLines finds where compose files name the image of each service. What
// cannot be found has no place: compose-go has read the files already.
func imageLines(files []string) map[string][]references.Position {
	out := map[string][]references.Position{}
	for _, file := range files {
		dt, err := os.ReadFile(file) //nolint:gosec // G304: the user names it
		if err != nil {
			continue
		}
		var doc yaml.Node
		if yaml.Unmarshal(dt, &doc) != nil || len(doc.Content) == 0 {
			continue
		}
		services := child(doc.Content[0], "services")
		if services == nil || services.Kind != yaml.MappingNode {
			continue
		}
		for i := 0; i+1 < len(services.Content); i += 2 {
			if image := child(services.Content[i+1], "image"); image != nil {
				name := services.Content[i].Value
				out[name] = append(out[name], references.Position{
					File: relative(file), Line: image.Line, Instruction: "image: " + image.Value, Stage: name,
				})
			}
		}
	}
	return out
}

// child is the value of a key in a YAML mapping.
func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}
