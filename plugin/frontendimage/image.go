package frontendimage

import "strings"

// syntaxArg is the build argument that names the frontend.
const syntaxArg = "BUILDKIT_SYNTAX"

// Image is the frontend image as it is given to a build.
type Image struct {
	// Name is the image as the user or the plugin names it.
	Name string
	// Alias is the name under a host alias; empty where the image is taken under its
	// own name.
	Alias string `json:",omitempty"`
	// Digest is what the name was resolved to; empty where that is not known.
	Digest string `json:",omitempty"`
}

func (i Image) syntax() string {
	name := i.Name
	if i.Alias != "" {
		name = i.Alias
	}
	if i.Digest != "" && !strings.Contains(name, "@") {
		name += "@" + i.Digest
	}
	return syntaxArg + "=" + name
}

// BuildArgs are the arguments for `buildx build`.
func (i Image) BuildArgs() []string { return []string{"--build-arg", i.syntax()} }

// BakeArgs are the arguments for one target of `buildx bake`.
func (i Image) BakeArgs(target string) []string {
	return []string{"--set", target + ".args." + i.syntax()}
}
