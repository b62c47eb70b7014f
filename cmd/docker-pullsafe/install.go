package main

import (
	"context"
	"io"
	"path/filepath"

	"github.com/docker/cli/cli"
	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/config"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"

	"github.com/org/pullsafe/plugin/buildcmd"
	"github.com/org/pullsafe/plugin/install"
	"github.com/org/pullsafe/plugin/output"
	"github.com/org/pullsafe/version"
)

// installOptions are the flags of install and uninstall.
type installOptions struct{ hooks, yes bool }

func newInstallCommand(dockerCLI command.Cli) *cobra.Command {
	var opt installOptions
	cmd := &cobra.Command{
		Use:   "install [OPTIONS]",
		Short: "Make docker build use pullsafe on this machine",
		Long: `Make docker build, docker image build, docker bake and docker builder run through
this plugin: builds get the pullsafe frontend, as docker pullsafe build chooses it;
everything else goes to buildx unchanged. docker buildx is not changed.

This is one setting in config.json, the configuration of the Docker CLI:
"aliases": {"builder": "pullsafe"}. The rest of the file stays as it is. The change is
shown first; docker pullsafe uninstall undoes it.`,
		Example: `  docker pullsafe install
  docker pullsafe install --hooks --yes`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runInstall(cmd.Context(), dockerCLI, opt)
		},
	}
	cmd.Flags().BoolVar(&opt.hooks, "hooks", false, "Also show a hint after a failed build or pull (Docker CLI 29.3)")
	cmd.Flags().BoolVarP(&opt.yes, "yes", "y", false, "Do not ask")
	return cmd
}

func newUninstallCommand(dockerCLI command.Cli) *cobra.Command {
	var opt installOptions
	cmd := &cobra.Command{
		Use:   "uninstall [OPTIONS]",
		Short: "Undo what install changed",
		Long: `Undo what docker pullsafe install has set in the configuration of the Docker CLI. What
was there before is restored, including another alias. Run this before you remove the
plugin: docker build fails if its alias names a plugin that is not installed.`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runUninstall(cmd.Context(), dockerCLI, opt)
		},
	}
	cmd.Flags().BoolVarP(&opt.yes, "yes", "y", false, "Do not ask")
	return cmd
}

// newAliasProbe answers whether the Docker CLI honours the alias: status calls it as
// `docker builder`.
func newAliasProbe(dockerCLI command.Cli) *cobra.Command {
	return &cobra.Command{
		Use:    aliasProbe,
		Hidden: true,
		Args:   noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := io.WriteString(dockerCLI.Out(), version.Line(aliasProbe)+"\n")
			return err
		},
	}
}

// aliasProbe is the name of that command.
const aliasProbe = "pullsafe-alias"

func configName() string { return filepath.Join(config.Dir(), config.ConfigFileName) }

func runInstall(ctx context.Context, dockerCLI command.Cli, opt installOptions) error {
	w, name := dockerCLI.Err(), configName()
	file, err := install.Find(name)
	if err != nil {
		return unusable(name, err)
	}
	settings, err := file.Read(opt.hooks)
	if err != nil {
		return unusable(name, err)
	}
	if err := ready(dockerCLI); err != nil {
		return err
	}
	if done(settings) {
		say(w, "%s", output.AlreadyInstalled(name))
		return nil
	}
	say(w, "%s", output.Settings(name, settings))
	if err := agreed(ctx, dockerCLI, opt.yes); err != nil {
		return err
	}
	if err := file.On(opt.hooks); err != nil {
		return unusable(name, err)
	}
	say(w, "%s", output.Installed)
	return nil
}

// ready: with the alias and without these programs, docker build would fail.
func ready(dockerCLI command.Cli) error {
	for _, p := range []struct{ name, missing string }{{install.Plugin, output.PluginMissing(filepath.Join(config.Dir(), "cli-plugins"))}, {"buildx", buildcmd.ErrNoBuildx.Error()}} {
		if buildcmd.FindPlugin(p.name, dockerCLI.ConfigFile()) == "" {
			return cli.StatusError{Status: p.missing, StatusCode: exitFailed}
		}
	}
	return nil
}

func done(settings []install.Setting) bool {
	for _, s := range settings {
		if !s.Done() {
			return false
		}
	}
	return true
}

func agreed(ctx context.Context, dockerCLI command.Cli, yes bool) error {
	if yes {
		return nil
	}
	_, _ = io.WriteString(dockerCLI.Err(), "Continue? [y/N] ")
	if confirmed(ctx, dockerCLI.In()) {
		return nil
	}
	say(dockerCLI.Err(), "Nothing was changed.")
	return interrupted(ctx, failed())
}

func runUninstall(ctx context.Context, dockerCLI command.Cli, opt installOptions) error {
	w, name := dockerCLI.Err(), configName()
	file, err := install.Find(name)
	if err != nil {
		return unusable(name, err)
	}
	back, err := file.Back()
	if err != nil {
		return unusable(name, err)
	}
	if len(back) == 0 {
		say(w, "%s", output.NotInstalled(name))
		return nil
	}
	say(w, "%s", output.Settings(name, back))
	if err := agreed(ctx, dockerCLI, opt.yes); err != nil {
		return err
	}
	if err := file.Off(); err != nil {
		return unusable(name, err)
	}
	frontendImages().Forget()
	acceptedBuilds().Forget()
	say(w, "%s", output.Uninstalled)
	return nil
}

// unusable is the error of a configuration that cannot be read or written.
func unusable(name string, err error) error {
	return cli.StatusError{Status: errors.Wrapf(err, "%s is not changed", output.File(name)).Error(), StatusCode: exitUsage}
}
