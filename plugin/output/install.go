package output

import (
	"fmt"
	"strings"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/plugin/install"
)

// What install and uninstall say when they are done.
const (
	Installed   = "Done. docker build, docker bake and docker builder run through pullsafe now. To undo it: docker pullsafe uninstall"
	Uninstalled = "Done. docker build, docker bake and docker builder work as before."
)

// AlreadyInstalled says that there is nothing to do.
func AlreadyInstalled(file string) string {
	return "Nothing to do: " + File(file) + " has these settings already."
}

// NotInstalled says the same of uninstall.
func NotInstalled(file string) string {
	return "Nothing to do: pullsafe is not installed in " + File(file) + "."
}

// PluginMissing says what install needs.
func PluginMissing(dir string) string {
	return "the Docker CLI does not find this plugin, and docker build would fail: put docker-pullsafe into " + File(dir) + " first"
}

// meanings say what a setting does.
var meanings = map[string]string{
	"aliases.builder":              "docker build, docker image build, docker bake and docker builder run through this plugin",
	"features.hooks":               "the Docker CLI asks plugins for a hint after a failed command",
	"plugins.pullsafe.error-hooks": "the commands after which it asks this one",
}

// Settings are the changes to a file, each with what it does.
func Settings(file string, settings []install.Setting) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s will change:\n", File(file))
	for _, s := range settings {
		if s.Done() {
			continue
		}
		was, now := "not set", "removed"
		if s.Set {
			was = quoted(s.Is)
		}
		if !s.Gone {
			now = quoted(s.Want)
		}
		fmt.Fprintf(&b, "  %s: %s (now %s)\n", s.Name(), now, was)
		if !s.Gone {
			fmt.Fprintf(&b, "    %s\n", meanings[s.Name()])
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func quoted(s string) string { return fmt.Sprintf("%q", diagnosis.Clean(s, maxCell)) }

// Status is what status shows.
type Status struct {
	File string
	// Alias is what aliases.builder has; On that it is this plugin, and Honoured that
	// the Docker CLI goes by it.
	Alias           string
	On, Honoured    bool
	Hooks, Classic  bool
	Plugin, Version string
	Buildx          string
	// Frontend is the image; FrontendError is why the builder cannot have it.
	Frontend, Digest, FrontendAlias, FrontendError string
}

// Text is a line for each thing.
func (s *Status) Text() string {
	g := report.Grid{
		report.Row("docker build", s.build()),
		report.Row("hints", s.hints()),
		report.Row("plugin", found(s.Plugin)+", "+s.Version),
		report.Row("buildx", found(s.Buildx)),
		report.Row("frontend image", s.frontend()),
	}
	var b strings.Builder
	g.Write(&b, "", 2)
	return b.String()
}

func (s *Status) build() string {
	switch {
	case !s.On && s.Alias != "":
		return "not through pullsafe: aliases.builder in " + File(s.File) + " is " + quoted(s.Alias)
	case !s.On:
		return "not through pullsafe; to change that: docker pullsafe install"
	case !s.Honoured:
		return "not through pullsafe: the Docker CLI ignores aliases.builder in " + File(s.File)
	case s.Classic:
		return "not through pullsafe: DOCKER_BUILDKIT=0 selects the classic builder"
	}
	return "through pullsafe, by aliases.builder in " + File(s.File)
}

func (s *Status) hints() string {
	if s.Hooks {
		return "on, after a failed build or pull (Docker CLI 29.3 or newer)"
	}
	return "off; to turn them on: docker pullsafe install --hooks"
}

func (s *Status) frontend() string {
	text := diagnosis.Clean(s.Frontend, maxCell)
	switch {
	case s.FrontendError != "" && text == "":
		return diagnosis.Clean(s.FrontendError, maxCell)
	case s.FrontendError != "":
		return text + ", not available: " + diagnosis.Clean(s.FrontendError, maxCell) + "; until it is, builds use the Dockerfile's own frontend"
	case s.FrontendAlias != "":
		text += " as " + s.FrontendAlias
	}
	if s.Digest != "" {
		text += "@" + s.Digest
	}
	return text
}

func found(path string) string {
	if path == "" {
		return "not found"
	}
	return File(path)
}
