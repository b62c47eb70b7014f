package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/docker/cli/cli-plugins/metadata"
	"github.com/docker/cli/cli-plugins/socket"
	"github.com/docker/cli/cli/command"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"

	"github.com/org/pullsafe/plugin/buildcmd"
	"github.com/org/pullsafe/plugin/install"
	"github.com/org/pullsafe/plugin/output"
	"github.com/org/pullsafe/version"
)

// statusTimeout bounds each program that status asks.
const statusTimeout = 10 * time.Second

func newStatusCommand(dockerCLI command.Cli) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show whether docker build uses pullsafe on this machine",
		Long: `Show what docker pullsafe install has turned on, whether the Docker CLI honours it, and
whether the builder of docker build can resolve the frontend image.`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runStatus(cmd.Context(), dockerCLI)
		},
	}
}

func runStatus(ctx context.Context, dockerCLI command.Cli) error {
	name := configName()
	file, err := install.Find(name)
	if err != nil {
		return unusable(name, err)
	}
	settings, err := file.Read(true)
	if err != nil {
		return unusable(name, err)
	}
	s := output.Status{
		File: name, Alias: settings[0].Is, On: settings[0].Done(), Hooks: done(settings[1:]),
		Plugin: buildcmd.FindPlugin(install.Plugin, dockerCLI.ConfigFile()), Version: version.Version,
		Buildx: buildcmd.FindPlugin("buildx", dockerCLI.ConfigFile()), Classic: isClassic(),
	}
	if s.On {
		s.Honoured = honoured(ctx)
	}
	m := statusMachine()
	if choice, err := buildcmd.Choose(buildcmd.Args{}, nil, version.Version, os.LookupEnv); err != nil {
		s.FrontendError = err.Error()
	} else {
		s.Frontend = choice.Frontend
		if m.missing == nil {
			answer, err := m.store.Find(ctx, m.ask(""), s.Frontend, m.key(""))
			if err != nil {
				s.FrontendError = err.Error()
			}
			s.Digest, s.FrontendAlias = answer.Image.Digest, answer.Image.Alias
		}
	}
	if err := context.Cause(ctx); err != nil {
		return interrupted(ctx, err)
	}
	_, err = dockerCLI.Out().Write([]byte(s.Text()))
	return errors.WithStack(err)
}

// statusMachine builds as docker build does.
func statusMachine() *machine {
	if !buildcmd.IsPlugin() {
		return newMachine(nil)
	}
	call, err := buildcmd.ParseCall(os.Args[1:], os.LookupEnv)
	if err != nil {
		return newMachine(nil)
	}
	m := newMachine(&call)
	m.asDocker = true
	return m
}

// honoured asks the Docker CLI, by the alias, for a command that only pullsafe has.
func honoured(ctx context.Context) bool {
	docker, err := exec.LookPath(dockerProgram())
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeoutCause(ctx, statusTimeout, errors.New("docker did not respond in time"))
	defer cancel()
	var args []string
	if buildcmd.IsPlugin() {
		if call, err := buildcmd.ParseCall(os.Args[1:], os.LookupEnv); err == nil {
			args = call.Global
		}
	}
	cmd := exec.CommandContext(ctx, docker, append(args, "builder", aliasProbe)...) //nolint:gosec // G204: the Docker CLI
	cmd.Env = withoutVariables(os.Environ(), metadata.ReexecEnvvar, socket.EnvKey)
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout = &out
	return cmd.Run() == nil && strings.HasPrefix(out.String(), aliasProbe+" ")
}
