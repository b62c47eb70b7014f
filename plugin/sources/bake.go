package sources

import (
	"context"
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/references"
)

// localPrefix marks a path of bake as one of the client.
const localPrefix = "cwd://"

// bakeTarget is what `buildx bake --print` says of one target.
type bakeTarget struct {
	Context          string            `json:"context"`
	Contexts         map[string]string `json:"contexts"`
	Dockerfile       string            `json:"dockerfile"`
	DockerfileInline string            `json:"dockerfile-inline"`
	Args             map[string]string `json:"args"`
	Target           string            `json:"target"`
	Platforms        []string          `json:"platforms"`
}

// bake adds the builds of bake files; names are targets or groups.
func (in *Input) bake(ctx context.Context, set *Set, names []string) error {
	args := []string{"bake", "--progress=quiet", "--print"}
	for _, f := range in.Files {
		args = append(args, "-f", f)
	}
	out, err := in.Buildx(ctx, append(args, names...)...)
	if err != nil {
		return err
	}
	var printed struct {
		Target map[string]bakeTarget `json:"target"`
	}
	if err := json.Unmarshal(out, &printed); err != nil {
		return errors.Wrap(err, "reading the output of buildx bake --print")
	}
	for _, name := range slices.Sorted(maps.Keys(printed.Target)) {
		t := printed.Target[name]
		b, err := t.build(name)
		if err != nil {
			return err
		}
		if err := set.addDockerfile(ctx, b, in.Stdin); err != nil {
			return err
		}
	}
	return nil
}

func (t *bakeTarget) build(name string) (build, error) {
	b := build{label: name, inline: t.DockerfileInline, target: t.Target, args: t.Args}
	b.contexts = references.Contexts{}
	for k, v := range t.Contexts {
		b.contexts[contextKey(k)] = v
	}
	var err error
	if b.platforms, err = ParsePlatforms(t.Platforms); err != nil {
		return b, errors.Wrap(err, name)
	}
	b.dockerfile, err = dockerfileOf(name, strings.TrimPrefix(t.Context, localPrefix), t.Dockerfile, t.DockerfileInline)
	return b, err
}

// dockerfileOf is the file of a build, which stands below its context unless its
// path is absolute or one of the client.
func dockerfileOf(label, dir, dockerfile, inline string) (string, error) {
	if inline != "" {
		return "", nil
	}
	if local, ok := strings.CutPrefix(dockerfile, localPrefix); ok {
		return local, nil
	}
	if isRemote(dir) {
		return "", errors.Wrap(errRemote(dir), label)
	}
	if dockerfile == "" {
		dockerfile = defaultDockerfile
	}
	if filepath.IsAbs(dockerfile) {
		return dockerfile, nil
	}
	return filepath.Join(dir, dockerfile), nil
}
