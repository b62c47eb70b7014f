package buildcmd

import (
	"os/exec"
	"slices"
	"strings"

	"github.com/docker/cli/cli-plugins/metadata"
	"github.com/docker/cli/cli-plugins/socket"
	"github.com/pkg/errors"
)

// Program is how buildx is called.
type Program struct {
	Path string
	Args []string // before "build"
}

// Find finds buildx: below the docker program that called, with the global flags
// that it was called with; or below docker on the PATH, if it has the plugin; or
// on its own. pluginDir tells whether docker has it.
func Find(docker string, global []string, hasPlugin func() bool) (Program, error) {
	path, err := exec.LookPath(docker)
	if err == nil && hasPlugin() {
		return Program{Path: path, Args: append(slices.Clone(global), "buildx")}, nil
	}
	for _, name := range []string{"docker-buildx", "buildx"} {
		if path, err := exec.LookPath(name); err == nil {
			return Program{Path: path}, nil
		}
	}
	return Program{}, errors.New("buildx is missing: install the docker-buildx plugin (https://github.com/docker/buildx#installing)")
}

// Line is the whole command line: what is added, and then the user's arguments.
func (p Program) Line(choice Choice, handedOver string, user []string) []string {
	line := append([]string{p.Path}, p.Args...)
	line = append(line, "build")
	if choice.Frontend != "" {
		line = append(line, "--build-arg", SyntaxArg+"="+choice.Frontend)
	}
	if handedOver != "" {
		line = append(line, "--build-context", choice.Frontend+"=docker-image://"+handedOver)
	}
	return append(line, user...)
}

// Environment is environ without what the Docker CLI told this plugin: buildx
// is called anew, by docker or by its own name.
func Environment(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return name == metadata.ReexecEnvvar || name == socket.EnvKey
	})
}

// GlobalFlags are those of the docker program before the plugin's name, when
// rest are the arguments behind the command: docker GLOBAL... pullsafe build REST...
func GlobalFlags(args, rest []string) []string {
	n := len(args) - len(rest) - 2
	if n <= 1 {
		return nil
	}
	return slices.Clone(args[1:n])
}
