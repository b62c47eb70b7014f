package frontendimage

import "strings"

// syntaxArg is the build argument that names the frontend.
const syntaxArg = "BUILDKIT_SYNTAX"

// Image is the frontend image as it is given to a build.
type Image struct {
	// Name is the image as the user or the plugin names it.
	Name string
	// Digest is what the name was resolved to; empty where that is not known.
	Digest string `json:",omitempty"`
	// Alias is the name under a host alias; empty where the image is taken under its
	// own name.
	Alias string `json:",omitempty"`
	// Bare: the alias is given in place of the name, to builders that do not take the
	// frontend from a named context (Docker Engine before 23.0).
	Bare bool `json:",omitempty"`
}

func (i Image) pinned(name string) string {
	if i.Digest == "" || strings.Contains(name, "@") {
		return name
	}
	return name + "@" + i.Digest
}

func (i Image) syntax() string {
	switch {
	case i.Alias == "":
		return i.pinned(i.Name)
	case i.Bare:
		return i.pinned(i.Alias)
	}
	return i.Name
}

func (i Image) context() (value string, ok bool) {
	return "docker-image://" + i.pinned(i.Alias), i.Alias != "" && !i.Bare
}

// BuildArgs are the arguments for `buildx build`.
func (i Image) BuildArgs() []string {
	args := []string{"--build-arg", syntaxArg + "=" + i.syntax()}
	if value, ok := i.context(); ok {
		args = append(args, "--build-context", i.Name+"="+value)
	}
	return args
}

// BakeArgs are the arguments for one target of `buildx bake`.
func (i Image) BakeArgs(target string) []string {
	args := []string{"--set", target + ".args." + syntaxArg + "=" + i.syntax()}
	if value, ok := i.context(); ok {
		args = append(args, "--set", target+".contexts."+i.Name+"="+value)
	}
	return args
}
