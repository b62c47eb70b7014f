package references

import (
	"strings"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// Contexts are the named contexts of a build, by the name that replaces a stage
// or an image.
type Contexts map[string]string

// ParseContexts takes the named contexts out of a frontend's options, where they
// have a prefix (frontend/dockerui, namedcontext.go).
func ParseContexts(opts map[string]string) Contexts {
	out := Contexts{}
	for k, v := range opts {
		if name, ok := strings.CutPrefix(k, "context:"); ok {
			out[name] = v
		}
	}
	return out
}

// contextEntry is a named context that replaces a stage or an image; the key is the
// name as the progress shows it.
type contextEntry struct{ key, value string }

// lookup finds the context that replaces name on platform, nil if none does: first
// the entry for the platform, then the one for all, as
// dockerui.Client.NamedContext does.
func (c Contexts) lookup(name string, platform *ocispecs.Platform) (*contextEntry, error) {
	if strings.EqualFold(name, emptyImage) || strings.EqualFold(name, "context") {
		return nil, nil
	}
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return nil, errors.Wrapf(err, "invalid context name %s", name)
	}
	name = strings.TrimSuffix(reference.FamiliarString(named), ":latest")
	p := platforms.DefaultSpec()
	if platform != nil {
		p = *platform
	}
	for _, key := range []string{name + "::" + platforms.FormatAll(platforms.Normalize(p)), name} {
		if value, ok := c[key]; ok {
			return &contextEntry{key, value}, nil
		}
	}
	return nil, nil
}

// contextImage returns the image that a context stands for; ok is false for a
// context of another kind (a folder, a repository, an input of the build).
func contextImage(value string) (string, bool) {
	ref, ok := strings.CutPrefix(value, "docker-image:")
	ref = strings.TrimPrefix(ref, "//")
	return ref, ok && ref != emptyImage
}
