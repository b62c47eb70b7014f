package buildcmd

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/registry"
)

const (
	// FrontendEnv names the environment variable that replaces the frontend image.
	FrontendEnv = "PULLSAFE_FRONTEND"

	// SyntaxArg is the build argument that names the frontend.
	SyntaxArg = "BUILDKIT_SYNTAX"

	labsSuffix  = "-labs"
	defaultName = "Dockerfile"
	maxHead     = 64 << 10 // of a Dockerfile: the directives stand in its first lines
	maxWordRune = 300
)

// published are the repositories of a release, with the same images
// (docs/releases.md). The first is the default.
var published = []string{"org/pullsafe", "ghcr.io/org/pullsafe"}

// Choice is the frontend that builds.
type Choice struct {
	// Frontend is the image to set; empty when another one is in place already.
	Frontend string
	// Note tells what the user would not expect; empty when all is as it should.
	Note string
}

// Environ looks up an environment variable.
type Environ func(string) (string, bool)

// Choose decides which frontend builds. What the user asks for on the command
// line wins, then what the Dockerfile asks for, unless that is a tag of upstream's
// frontend, which pullsafe contains. A digest says that nothing but this image may
// build, so it is kept, whosever it is.
func Choose(a Args, version string, environ Environ) (Choice, error) {
	frontend, named := environ(FrontendEnv)
	if frontend == "" {
		frontend, named = DefaultFrontend(version), false
	}
	if _, err := reference.ParseNormalizedNamed(frontend); err != nil {
		return Choice{}, errors.Errorf("%s: %q is not the name of an image", FrontendEnv, diagnosis.Clean(frontend, maxWordRune))
	}
	if v, ok := a.BuildArg(SyntaxArg, environ); ok && v != "" {
		if v == frontend {
			return Choice{}, nil
		}
		return Choice{Note: fmt.Sprintf("pullsafe: --build-arg %s=%s is given, so that frontend builds, not %s", SyntaxArg, diagnosis.Clean(v, maxWordRune), frontend)}, nil
	}
	syntax, line, known := dockerfileSyntax(a)
	if !known {
		return Choice{Frontend: frontend, Note: fmt.Sprintf("pullsafe: the Dockerfile is not read before the build, so %s builds, whatever its # syntax line says", frontend)}, nil
	}
	asked := fmt.Sprintf("%s (line %d)", diagnosis.Clean(syntax, maxWordRune), line)
	switch kind := kindOf(syntax); {
	case syntax == "", kind == upstream:
		return Choice{Frontend: frontend}, nil
	case kind == upstreamLabs && named:
		return Choice{Frontend: frontend, Note: fmt.Sprintf("pullsafe: the Dockerfile asks for %s; %s says to build with %s", asked, FrontendEnv, frontend)}, nil
	case kind == upstreamLabs:
		return Choice{Frontend: frontend + labsSuffix}, nil
	case sameFrontend(syntax, frontend):
		return Choice{}, nil
	default:
		verb := "asks for"
		if strings.Contains(syntax, "@") {
			verb = "pins"
		}
		return Choice{Note: fmt.Sprintf("pullsafe: the Dockerfile %s the frontend %s, so that one builds, not %s; to replace it: --build-arg %s=%s",
			verb, asked, frontend, SyntaxArg, frontend)}, nil
	}
}

var release = regexp.MustCompile(`^v?(\d+\.\d+\.\d+)$`)

// DefaultFrontend is the image of the same version as the plugin; of the newest
// one for a plugin that is no release.
func DefaultFrontend(version string) string {
	if m := release.FindStringSubmatch(version); m != nil {
		return published[0] + ":" + m[1]
	}
	return published[0] + ":1"
}

type frontendKind int

const (
	other frontendKind = iota
	upstream
	upstreamLabs
)

// kindOf tells the tags of upstream's Dockerfile frontend, which pullsafe contains,
// from a single image of it and from frontends that build something else.
func kindOf(syntax string) frontendKind {
	named, err := reference.ParseNormalizedNamed(syntax)
	if err != nil {
		return other
	}
	switch named.Name() {
	case "docker.io/docker/dockerfile", "docker.io/docker/dockerfile-upstream":
	default:
		return other
	}
	if _, ok := named.(reference.Digested); ok {
		return other
	}
	if t, ok := named.(reference.Tagged); ok && (t.Tag() == "labs" || strings.HasSuffix(t.Tag(), labsSuffix)) {
		return upstreamLabs
	}
	return upstream
}

// sameFrontend tells whether two images are of one repository, or of those that a
// release publishes. The same path on another host is another image.
func sameFrontend(a, b string) bool {
	inPublished := func(image string) bool {
		return slices.ContainsFunc(published, func(name string) bool { return sameRepository(image, name) })
	}
	return sameRepository(a, b) || inPublished(a) && inPublished(b)
}

func sameRepository(a, b string) bool {
	x, err := reference.ParseNormalizedNamed(a)
	if err != nil {
		return false
	}
	y, err := reference.ParseNormalizedNamed(b)
	return err == nil && registry.Same(reference.Domain(x), reference.Domain(y)) && reference.Path(x) == reference.Path(y)
}

// dockerfileSyntax reads the syntax line of the Dockerfile. It is not known of a
// Dockerfile from standard input, a pipe, a URL or an archive, which is buildx's to
// read.
func dockerfileSyntax(a Args) (syntax string, line int, known bool) {
	if a.Context == "" {
		return "", 0, true // buildx says so
	}
	path := a.File
	if path == "" {
		path = filepath.Join(a.Context, defaultName)
	}
	if isElsewhere(a.Context) || isElsewhere(path) {
		return "", 0, false
	}
	file, err := openDockerfile(path)
	if err != nil {
		return "", 0, true // buildx says so
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", 0, err == nil && info.IsDir() // a pipe can be read only once
	}
	dt, err := io.ReadAll(io.LimitReader(file, maxHead))
	if err != nil {
		return "", 0, false
	}
	syntax, _, loc, ok := parser.DetectSyntax(dt)
	if !ok || len(loc) == 0 {
		return "", 0, true
	}
	return syntax, loc[0].Start.Line, true
}

// openDockerfile opens the file that BuildKit takes: of the default name, "dockerfile"
// too.
func openDockerfile(path string) (*os.File, error) {
	file, err := os.Open(path) //nolint:gosec // G304: the Dockerfile that the user names
	if dir, name := filepath.Split(path); errors.Is(err, os.ErrNotExist) && name == defaultName {
		return os.Open(filepath.Join(dir, strings.ToLower(name))) //nolint:gosec // G304: as above
	}
	return file, err
}

// isElsewhere: standard input, a repository or an archive.
func isElsewhere(path string) bool {
	return path == "-" || strings.Contains(path, "://") || strings.HasPrefix(path, "git@") || strings.HasPrefix(path, "github.com/")
}
