package selfbuild

import (
	"slices"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/tests/harness"
)

// parseDockerfile returns the stages of a Dockerfile, and its arguments before
// the first of them as variables.
func parseDockerfile(file string) ([]instructions.Stage, []string, *shell.Lex, error) {
	stages, args, lex, err := harness.ParseDockerfile(file)
	if err != nil {
		return nil, nil, nil, err
	}
	var env []string
	for _, cmd := range args {
		for _, kv := range cmd.Args {
			env = append(env, kv.Key+"="+kv.ValueString())
		}
	}
	return stages, env, lex, nil
}

// externalImages are the images of the FROM lines that are no stages.
func externalImages(file string) ([]string, error) {
	stages, env, lex, err := parseDockerfile(file)
	if err != nil {
		return nil, err
	}
	var images []string
	for _, stage := range stages {
		name, _, err := lex.ProcessWord(stage.BaseName, shell.EnvsFromSlice(append(env, "TARGETOS=linux")))
		if err != nil {
			return nil, errors.Wrapf(err, "FROM %s", stage.BaseName)
		}
		_, isStage := instructions.HasStage(stages, name)
		if name != "scratch" && !isStage && !slices.Contains(images, name) {
			images = append(images, name)
		}
	}
	return images, nil
}
