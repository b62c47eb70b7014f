package references

import (
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// contextPrefix is the prefix of named contexts among the frontend's options
// (frontend/dockerui, namedcontext.go).
const contextPrefix = "context:"

// Contexts are the named contexts of a build, by the name that replaces a stage
// or an image.
type Contexts map[string]string

// ParseContexts takes the named contexts out of a frontend's options.
func ParseContexts(opts map[string]string) Contexts {
	out := Contexts{}
	for k, v := range opts {
		if name, ok := strings.CutPrefix(k, contextPrefix); ok {
			out[name] = v
		}
	}
	return out
}

// lookup finds the context that replaces name on platform: first the entry for
// the platform, then the one for all, as dockerui.Client.NamedContext does. The
// key is the name as the progress shows it.
func (c Contexts) lookup(name string, platform *ocispecs.Platform) (key, value string, ok bool, err error) {
	if strings.EqualFold(name, "scratch") || strings.EqualFold(name, "context") {
		return "", "", false, nil
	}
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return "", "", false, errors.Wrapf(err, "invalid context name %s", name)
	}
	name = strings.TrimSuffix(reference.FamiliarString(named), ":latest")
	p := platforms.DefaultSpec()
	if platform != nil {
		p = *platform
	}
	for _, key := range []string{name + "::" + platforms.FormatAll(platforms.Normalize(p)), name} {
		if value, ok := c[key]; ok {
			return key, value, true, nil
		}
	}
	return "", "", false, nil
}

// names are the names without their platforms, each once.
func (c Contexts) names() []string {
	var out []string
	for k := range c {
		name, _, _ := strings.Cut(k, "::")
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// IsInput tells whether the value of a named context is a definition that the
// client hands over.
func IsInput(value string) bool {
	return strings.HasPrefix(value, "input:")
}

// contextImage returns the image that a context stands for; ok is false for a
// context of another kind (a folder, a repository, an input of the build).
func contextImage(value string) (string, bool) {
	ref, ok := strings.CutPrefix(value, "docker-image:")
	if !ok {
		return "", false
	}
	ref = strings.TrimPrefix(ref, "//")
	return ref, ref != emptyImage
}
