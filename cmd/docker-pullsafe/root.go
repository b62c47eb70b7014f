package main

import (
	_ "embed" // the licences
	"fmt"

	"github.com/docker/cli/cli"
	"github.com/docker/cli/cli-plugins/plugin"
	"github.com/docker/cli/cli/command"
	cliflags "github.com/docker/cli/cli/flags"
	"github.com/moby/buildkit/util/appcontext"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/org/pullsafe/version"
)

const shortDescription = "Find and fix stored registry credentials that break builds"

// The exit statuses of the plugin's own commands.
const (
	exitFailed = 1 // something would fail
	exitUsage  = 2 // wrong usage, or input that cannot be read

	exitInterrupted = 130 // by a signal, as shells have it
)

// newRootCommand is the command that holds the others. As a plugin it is called
// by the Docker CLI, which has flags of its own and reads them first.
func newRootCommand(name string, isPlugin bool, dockerCLI *command.DockerCli) *cobra.Command {
	var showVersion bool
	cmd := &cobra.Command{
		Use:   name + " [OPTIONS] COMMAND",
		Short: shortDescription,
		Long: `Find and fix stored registry credentials that break builds.

When stored credentials have expired, or may not read an image, a registry can
reject the pull of an image that needs no credentials at all. These commands show
which stored credentials are sent to which registry, whether they are accepted, and
what to do about those that are not.`,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if showVersion {
				return printVersion(dockerCLI)
			}
			return cmd.Help()
		},
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			cmd.SetContext(appcontext.Context())
			if isPlugin {
				return plugin.PersistentPreRunE(cmd, args)
			}
			return initialize(cmd, dockerCLI)
		},
		CompletionOptions:     cobra.CompletionOptions{HiddenDefaultCmd: true},
		TraverseChildren:      true,
		DisableFlagsInUseLine: true,
	}
	if !isPlugin {
		// Help and usage look as they do under the Docker CLI.
		var docker cobra.Command
		cli.SetupPluginRootCommand(&docker)
		cmd.SetUsageTemplate(docker.UsageTemplate())
		cmd.SetHelpTemplate(docker.HelpTemplate())
	}
	cmd.SetFlagErrorFunc(flagError)
	cmd.Flags().BoolVarP(&showVersion, "version", "v", false, "Show the version")
	cmd.SetOut(dockerCLI.Out())
	cmd.SetErr(dockerCLI.Err())
	cmd.AddCommand(
		newCheckCommand(dockerCLI),
		newExplainCommand(dockerCLI),
		newBuildCommand(),
		newBakeCommand(),
		newPullCommand(dockerCLI),
		newInstallCommand(dockerCLI),
		newUninstallCommand(dockerCLI),
		newStatusCommand(dockerCLI),
		newAliasProbe(dockerCLI),
		newHooksCommand(dockerCLI),
		newVersionCommand(dockerCLI),
	)
	return cmd
}

// initialize does for the standalone program what the Docker CLI does for a
// plugin: the environment (DOCKER_CONFIG, DOCKER_HOST, ...) is read the same way.
func initialize(cmd *cobra.Command, dockerCLI *command.DockerCli) error {
	flags := pflag.NewFlagSet(cmd.DisplayName(), pflag.ContinueOnError)
	opts := cliflags.NewClientOptions()
	opts.InstallFlags(flags)
	opts.SetDefaultOptions(flags)
	return dockerCLI.Initialize(opts)
}

// licenses are the terms of all that is linked in; `make licenses` writes them.
//
//go:embed LICENSES.txt
var licenses string

func newVersionCommand(dockerCLI command.Cli) *cobra.Command {
	var showLicenses bool
	cmd := &cobra.Command{
		Use:               "version [OPTIONS]",
		Short:             "Show the version",
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			if showLicenses {
				_, err := fmt.Fprint(dockerCLI.Out(), licenses)
				return err
			}
			return printVersion(dockerCLI)
		},
	}
	cmd.Flags().BoolVar(&showLicenses, "licenses", false, "Show the licences of everything that the program contains")
	return cmd
}

func printVersion(dockerCLI command.Cli) error {
	_, err := fmt.Fprintln(dockerCLI.Out(), version.Line("docker-pullsafe"))
	return err
}

// noArgs is cobra.NoArgs as a usage error.
func noArgs(cmd *cobra.Command, args []string) error {
	return usage(cmd, cobra.NoArgs(cmd, args))
}

// flagError makes a wrong flag a usage error with the exit status of the others.
func flagError(cmd *cobra.Command, err error) error { return usage(cmd, err) }

// usage adds to err how the command is meant to be called; nil stays nil.
func usage(cmd *cobra.Command, err error) error {
	if err == nil {
		return nil
	}
	return cli.StatusError{
		Status:     fmt.Sprintf("%s\n\nUsage:  %s\n\nRun '%s --help' for more information", err, cmd.UseLine(), cmd.CommandPath()),
		StatusCode: exitUsage,
	}
}

// failed ends the process with the status of "something would fail", without
// further words: the output has said what.
func failed() error { return cli.StatusError{StatusCode: exitFailed} }
