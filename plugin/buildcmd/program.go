package buildcmd

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/docker/cli/cli-plugins/metadata"
	"github.com/docker/cli/cli-plugins/socket"
	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/pkg/errors"
)

// Program is how buildx is called.
type Program struct {
	Path string
	Args []string // before buildx's own command
}

// ErrNoBuildx is the error when there is no buildx.
var ErrNoBuildx = errors.New("buildx is not installed: install the docker-buildx plugin (https://github.com/docker/buildx#installing)")

// Find finds buildx where the Docker CLI looks for its plugins, or else on the PATH. It
// does not ask the program what it is, as the Docker CLI does, which takes longer than
// all that is done here. As a plugin, it is called as the Docker CLI would: with the
// flags of docker before its name.
func Find(cfg *configfile.ConfigFile, call *Call) (Program, error) {
	if path := FindPlugin("buildx", cfg); path != "" {
		if call == nil {
			return Program{Path: path}, nil
		}
		return Program{Path: path, Args: append(slices.Clone(call.Global), "buildx")}, nil
	}
	for _, name := range []string{"docker-buildx", "buildx"} {
		if path, err := exec.LookPath(name); err == nil {
			return Program{Path: path}, nil
		}
	}
	return Program{}, errors.WithStack(ErrNoBuildx)
}

// FindPlugin is the file of a plugin: the first in the folders of the Docker CLI
// (docker/cli v29.9.3, cli-plugins/manager, getPluginDirs).
func FindPlugin(name string, cfg *configfile.ConfigFile) string {
	file := metadata.NamePrefix + name
	if runtime.GOOS == "windows" {
		file += ".exe"
	}
	for _, dir := range pluginDirs(cfg) {
		path := filepath.Join(dir, file)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

func pluginDirs(cfg *configfile.ConfigFile) []string {
	dirs := append(slices.Clone(cfg.CLIPluginsExtraDirs), filepath.Join(config.Dir(), "cli-plugins"))
	if runtime.GOOS == "windows" {
		return append(dirs, filepath.Join(os.Getenv("ProgramFiles"), "Docker", "cli-plugins"))
	}
	return append(dirs, "/usr/local/lib/docker/cli-plugins", "/usr/local/libexec/docker/cli-plugins",
		"/usr/lib/docker/cli-plugins", "/usr/libexec/docker/cli-plugins")
}

// Line is a whole command line of buildx.
func (p Program) Line(args ...string) []string {
	return slices.Concat([]string{p.Path}, p.Args, args)
}

// Below is environ for a program below this process that is to end with it: the socket
// over which the Docker CLI ends its plugins is this process's. One that is called by
// its own name is no plugin of the Docker CLI's.
func (p Program) Below(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return name == socket.EnvKey || len(p.Args) == 0 && name == metadata.ReexecEnvvar
	})
}

// WithBuilder adds the variable that names the builder for buildx; "" adds none.
func WithBuilder(environ []string, builder string) []string {
	if builder == "" {
		return environ
	}
	return append(slices.Clone(environ), builderVariable+"="+builder)
}
