package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/docker/cli/cli-plugins/metadata"
	"github.com/docker/cli/cli-plugins/socket"
	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/config"
	dockerconfig "github.com/docker/cli/cli/config/configfile"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/org/pullsafe/plugin/buildcmd"
	"github.com/org/pullsafe/plugin/configfile"
	"github.com/org/pullsafe/plugin/pull"
)

func newPullCommand(dockerCLI command.Cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pull [OPTIONS] IMAGE...",
		Short: "Pull images, without the stored credentials where these are rejected",
		Long: `Pull images with docker pull. Where a registry rejects the stored credentials, the
image is pulled again without them, and a warning says so. What cannot be pulled
either way is explained.

The second pull has a temporary configuration without credentials; contexts and
connections to the engine are the same. The configuration is not changed.`,
		Example: `  docker pullsafe pull ghcr.io/astral-sh/uv:0.9.7
  docker pullsafe pull --platform linux/arm64 -q alpine debian:trixie`,
		Args: func(cmd *cobra.Command, args []string) error {
			return usage(cmd, cobra.MinimumNArgs(1)(cmd, args))
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return runPull(cmd, dockerCLI, args)
		},
		ValidArgsFunction:     cobra.NoFileCompletions,
		DisableFlagsInUseLine: true,
	}
	flags := cmd.Flags()
	flags.BoolP("all-tags", "a", false, "Pull all tags of the images")
	flags.Bool("disable-content-trust", true, "Skip image verification, in Docker CLIs that have it")
	flags.String("platform", "", "Pull the image for this platform")
	flags.BoolP("quiet", "q", false, "Print the names of the images only")
	_ = cmd.RegisterFlagCompletionFunc("platform", cobra.NoFileCompletions)
	return cmd
}

func runPull(cmd *cobra.Command, dockerCLI command.Cli, images []string) (err error) {
	docker, err := exec.LookPath(dockerProgram())
	if err != nil {
		return errors.Wrap(err, "docker is not installed")
	}
	var global []string
	if buildcmd.IsPlugin() {
		call, err := buildcmd.ParseCall(os.Args[1:], os.LookupEnv)
		if err != nil {
			return err
		}
		global = call.Global
	}
	var flags []string
	cmd.Flags().Visit(func(f *pflag.Flag) { flags = append(flags, "--"+f.Name+"="+f.Value.String()) })
	view, remove := "", func() error { return nil }
	defer func() {
		if removeErr := remove(); err == nil {
			err = removeErr
		}
	}()
	run := func(ctx context.Context, anonymous bool, args ...string) (string, error) {
		line := slices.Concat([]string{docker}, global)
		env := withoutVariables(os.Environ(), metadata.ReexecEnvvar, socket.EnvKey)
		if anonymous {
			if view == "" {
				var err error
				if view, remove, err = configfile.View(config.Dir(), configfile.WithoutCredentials); err != nil {
					return "", err
				}
			}
			line = append(line, "--config", view)
			env = withoutVariables(env, dockerconfig.DockerEnvConfigKey)
		}
		var stderr bytes.Buffer
		err := buildcmd.Run(ctx, slices.Concat(line, []string{"pull"}, args), env, buildcmd.Streams{
			In: os.Stdin, Out: os.Stdout, Err: &stderr, Terminal: dockerCLI.Out().IsTerminal(),
		})
		return stderr.String(), err
	}
	return interrupted(cmd.Context(), pull.Pull(cmd.Context(), pull.Options{Docker: run, Flags: flags, Err: dockerCLI.Err()}, images))
}

// withoutVariables is environ without some variables.
func withoutVariables(environ []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(names, name)
	})
}
