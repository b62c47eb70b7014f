package buildcmd

import (
	"io"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/docker/cli/cli-plugins/metadata"
	"github.com/docker/cli/cli/config/configfile"
	cliflags "github.com/docker/cli/cli/flags"
	"github.com/pkg/errors"
	"github.com/spf13/pflag"
)

// Via tells by which of its commands the Docker CLI calls the plugin.
type Via int

const (
	// Direct is `docker pullsafe ...`, as far as the Docker CLI says.
	Direct Via = iota
	// Alias is `docker build`, `docker bake` or `docker builder ...`, which
	// aliases.builder in the configuration leads to the plugin.
	Alias
	// Unsure is either: such a Docker CLI does not say, as 20.10 does not.
	Unsure
)

// Call is how the Docker CLI called the plugin.
type Call struct {
	// Global are the flags of docker, before the plugin's name.
	Global []string
	// Args are what follows the plugin's name.
	Args []string
	Via  Via

	// ConfigDir and Context are the values of --config and --context; hosts tells of --host.
	ConfigDir, Context string
	hosts              bool
	// Options are those flags for docker's own code.
	Options *cliflags.ClientOptions
}

const (
	// resourceVariable and pathAttribute tell a plugin which command it is called for
	// (docker/cli, cli-plugins/manager/telemetry.go): "docker pullsafe", or, by the
	// alias, "docker" or "docker builder".
	resourceVariable = "OTEL_RESOURCE_ATTRIBUTES"
	pathAttribute    = "docker.cli.cobra.command_path="
)

// ParseCall reads the command line of a plugin: FLAGS NAME ARGS.
func ParseCall(args []string, environ Environ) (Call, error) {
	flags := pflag.NewFlagSet("docker", pflag.ContinueOnError)
	flags.SetInterspersed(false)
	flags.SetOutput(io.Discard)
	opts := cliflags.NewClientOptions()
	opts.InstallFlags(flags)
	var c Call
	if err := flags.Parse(args); err != nil {
		return Call{}, errors.WithStack(err)
	}
	rest := flags.Args()
	if len(rest) == 0 {
		return Call{}, errors.New("the name of the plugin is missing")
	}
	c.Global, c.Args = slices.Clone(args[:len(args)-len(rest)]), rest[1:]
	if flags.Changed("config") {
		c.ConfigDir = opts.ConfigDir
	}
	opts.SetDefaultOptions(flags)
	c.Options, c.Context, c.hosts = opts, opts.Context, len(opts.Hosts) > 0
	c.Via = via(rest[0], environ)
	return c, nil
}

func via(name string, environ Environ) Via {
	attributes, _ := environ(resourceVariable)
	i := strings.LastIndex(attributes, pathAttribute)
	if i < 0 {
		return Unsure
	}
	value, _, _ := strings.Cut(attributes[i+len(pathAttribute):], ",")
	path, err := url.PathUnescape(value)
	if err != nil {
		return Unsure
	}
	if words := strings.Fields(path); len(words) > 1 && words[1] == name {
		return Direct
	}
	return Alias
}

// Builder is the name of the builder that `docker build` takes, as the Docker CLI would
// have told buildx without the alias: the context, in whose engine the image is to be
// (docker/cli v29.9.3, cmd/docker/builder.go, and resolveContextName). It is empty where
// the user has named one.
func (c Call) Builder(cfg *configfile.ConfigFile, environ Environ) string {
	value := func(name string) string { v, _ := environ(name); return v }
	const none = "default"
	switch {
	case value(builderVariable) != "":
		return ""
	case c.Context != "":
		return c.Context
	case c.hosts, value("DOCKER_HOST") != "":
		return none
	case value("DOCKER_CONTEXT") != "":
		return value("DOCKER_CONTEXT")
	case cfg.CurrentContext != "":
		return cfg.CurrentContext
	}
	return none
}

// builderVariable names the builder for buildx.
const builderVariable = "BUILDX_BUILDER"

// IsPlugin tells whether the Docker CLI has started this process as its plugin.
func IsPlugin() bool { return os.Getenv(metadata.ReexecEnvvar) != "" }
