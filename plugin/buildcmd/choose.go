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
	// Plain: nothing asks for a frontend, so that without pullsafe no image would have
	// to be started.
	Plain bool
}

// Environ looks up an environment variable.
type Environ func(string) (string, bool)

// Choose decides which frontend builds. What the user asks for on the command
// line wins, then what the Dockerfile asks for, unless that is a tag of upstream's
// frontend, which pullsafe contains. A digest says that nothing but this image may
// build, so it is kept, whosever it is. So is whatever a Dockerfile asks for that
// is not read before the build. stdin is the Dockerfile that comes from standard
// input, nil where that is no Dockerfile.
func Choose(a Args, stdin []byte, version string, environ Environ) (Choice, error) {
	own, err := ownFrontend(version, environ)
	if err != nil {
		return Choice{}, err
	}
	if v, ok := a.BuildArg(SyntaxArg, environ); ok && v != "" {
		if v == own.image {
			return Choice{}, nil
		}
		return Choice{Note: fmt.Sprintf("pullsafe: --build-arg %s=%s is set; building with that frontend instead of %s", SyntaxArg, diagnosis.Clean(v, maxWordRune), own.image)}, nil
	}
	return own.choose(dockerfileSyntax(a, stdin), notes{"pullsafe: ", "--build-arg "}), nil
}

// frontendImage is pullsafe's; named tells that the user has named it.
type frontendImage struct {
	image string
	named bool
}

func ownFrontend(version string, environ Environ) (frontendImage, error) {
	image, named := environ(FrontendEnv)
	if image == "" {
		image, named = DefaultFrontend(version), false
	}
	if _, err := reference.ParseNormalizedNamed(image); err != nil {
		return frontendImage{}, errors.Errorf("%s: %q is not the name of an image", FrontendEnv, diagnosis.Clean(image, maxWordRune))
	}
	return frontendImage{image, named}, nil
}

// notes is how a note begins, and the flag that sets a build argument.
type notes struct{ head, flag string }

// choose decides for one Dockerfile.
func (own frontendImage) choose(s syntaxLine, n notes) Choice {
	asked := fmt.Sprintf("%s (line %d)", diagnosis.Clean(s.image, maxWordRune), s.line)
	instead := n.flag + SyntaxArg + "=" + own.image
	switch kind := kindOf(s.image); {
	case s.unknown:
		return Choice{Note: n.head + "the Dockerfile is not read before the build; building with the frontend of its # syntax line; to build with pullsafe: " + instead}
	case s.image == "":
		return Choice{Frontend: own.image, Plain: true}
	case kind == upstream:
		return Choice{Frontend: own.image}
	case kind == upstreamLabs && own.named:
		return Choice{Frontend: own.image, Note: n.head + fmt.Sprintf("the Dockerfile asks for %s; %s says to build with %s", asked, FrontendEnv, own.image)}
	case kind == upstreamLabs:
		return Choice{Frontend: own.image + labsSuffix}
	case sameFrontend(s.image, own.image):
		return Choice{}
	default:
		verb := "asks for"
		if strings.Contains(s.image, "@") {
			verb = "pins"
		}
		return Choice{Note: n.head + fmt.Sprintf("the Dockerfile %s the frontend %s; building with that one instead of %s; to replace it: %s", verb, asked, own.image, instead)}
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

// syntaxLine is what a Dockerfile asks for; unknown when it is not read before the
// build: it is elsewhere, or can be read only once.
type syntaxLine struct {
	image   string
	line    int
	unknown bool
}

// dockerfileSyntax reads the syntax line of the Dockerfile. What is wrong with a
// Dockerfile or its name is buildx's to say.
func dockerfileSyntax(a Args, stdin []byte) syntaxLine {
	switch {
	case a.Context == "":
		return syntaxLine{}
	case a.File == "-" || a.Context == "-" && a.File == "":
		if stdin == nil {
			return syntaxLine{unknown: true}
		}
		return syntaxOf(stdin)
	}
	path := a.path()
	if isElsewhere(path) || isElsewhere(a.Context) && !filepath.IsAbs(path) {
		return syntaxLine{unknown: true}
	}
	return syntaxOfFile(path)
}

func (a Args) path() string {
	if a.File == "" {
		return filepath.Join(a.Context, defaultName)
	}
	return a.File
}

// Dockerfile is the text of the Dockerfile of a build for which Choose has found one.
func Dockerfile(a Args, stdin []byte) (text []byte, ok bool) {
	if stdin != nil {
		return stdin, true
	}
	file, err := openDockerfile(a.path())
	if err != nil {
		return nil, false
	}
	defer func() { _ = file.Close() }()
	text, err = io.ReadAll(io.LimitReader(file, maxStdin))
	return text, err == nil && len(text) < maxStdin
}

func syntaxOfFile(path string) syntaxLine {
	file, err := openDockerfile(path)
	if err != nil {
		return syntaxLine{}
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return syntaxLine{unknown: err != nil || !info.IsDir()}
	}
	dt, err := io.ReadAll(io.LimitReader(file, maxHead))
	if err != nil {
		return syntaxLine{unknown: true}
	}
	return syntaxOf(dt)
}

func syntaxOf(dockerfile []byte) syntaxLine {
	syntax, _, loc, ok := parser.DetectSyntax(dockerfile)
	if !ok || len(loc) == 0 {
		return syntaxLine{}
	}
	return syntaxLine{image: syntax, line: loc[0].Start.Line}
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
