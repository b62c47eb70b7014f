package buildcmd

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/diagnosis"
)

const (
	// FrontendEnv names the environment variable that replaces the frontend image.
	FrontendEnv = "PULLSAFE_FRONTEND"

	// SyntaxArg is the build argument that names the frontend.
	SyntaxArg = "BUILDKIT_SYNTAX"

	repository  = "org/pullsafe"
	labsSuffix  = "-labs"
	maxHead     = 64 << 10 // of a Dockerfile: the directives stand in its first lines
	maxWordRune = 300
)

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
// line wins, then what the Dockerfile asks for, if it is not upstream's own
// frontend, which pullsafe replaces.
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
	syntax, line := dockerfileSyntax(a)
	switch kind := kindOf(syntax); {
	case syntax == "", kind == upstream:
		return Choice{Frontend: frontend}, nil
	case kind == upstreamLabs && named:
		return Choice{Frontend: frontend, Note: fmt.Sprintf("pullsafe: the Dockerfile asks for %s (line %d); %s says to build with %s", diagnosis.Clean(syntax, maxWordRune), line, FrontendEnv, frontend)}, nil
	case kind == upstreamLabs:
		return Choice{Frontend: frontend + labsSuffix}, nil
	case sameRepository(syntax, frontend):
		return Choice{}, nil
	default:
		return Choice{Note: fmt.Sprintf("pullsafe: the Dockerfile asks for the frontend %s (line %d), which builds instead of %s; --build-arg %s=IMAGE would replace it",
			diagnosis.Clean(syntax, maxWordRune), line, frontend, SyntaxArg)}, nil
	}
}

var release = regexp.MustCompile(`^v?(\d+\.\d+\.\d+)$`)

// DefaultFrontend is the image of the same version as the plugin; of the newest
// one for a plugin that is no release.
func DefaultFrontend(version string) string {
	if m := release.FindStringSubmatch(version); m != nil {
		return repository + ":" + m[1]
	}
	return repository + ":1"
}

type frontendKind int

const (
	foreign frontendKind = iota
	upstream
	upstreamLabs
)

// kindOf tells upstream's Dockerfile frontend, which pullsafe contains, from
// those that build something else.
func kindOf(syntax string) frontendKind {
	named, err := reference.ParseNormalizedNamed(syntax)
	if err != nil {
		return foreign
	}
	switch named.Name() {
	case "docker.io/docker/dockerfile", "docker.io/docker/dockerfile-upstream":
	default:
		return foreign
	}
	if t, ok := named.(reference.Tagged); ok && (t.Tag() == "labs" || strings.HasSuffix(t.Tag(), labsSuffix)) {
		return upstreamLabs
	}
	return upstream
}

func sameRepository(a, b string) bool {
	x, err := reference.ParseNormalizedNamed(a)
	if err != nil {
		return false
	}
	y, err := reference.ParseNormalizedNamed(b)
	return err == nil && strings.EqualFold(reference.Path(x), reference.Path(y))
}

// dockerfileSyntax reads the syntax line of the Dockerfile where that is a file;
// one from standard input, a URL or an archive is buildx's to read.
func dockerfileSyntax(a Args) (syntax string, line int) {
	path := a.File
	switch {
	case a.Context == "", path == "-", isElsewhere(a.Context), isElsewhere(path):
		return "", 0
	case path == "":
		path = filepath.Join(a.Context, "Dockerfile")
	}
	file, err := os.Open(path) //nolint:gosec // G304: the Dockerfile that the user names
	if err != nil {
		return "", 0 // buildx says so
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", 0 // a pipe can be read only once
	}
	dt, err := io.ReadAll(io.LimitReader(file, maxHead))
	if err != nil {
		return "", 0
	}
	syntax, _, loc, ok := parser.DetectSyntax(dt)
	if !ok || len(loc) == 0 {
		return "", 0
	}
	return syntax, loc[0].Start.Line
}

// isElsewhere: standard input, a repository or an archive.
func isElsewhere(path string) bool {
	return path == "-" || strings.Contains(path, "://") || strings.HasPrefix(path, "git@") || strings.HasPrefix(path, "github.com/")
}
