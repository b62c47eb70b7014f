package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/cli/cli"
	"github.com/docker/cli/cli-plugins/manager"
	"github.com/docker/cli/cli-plugins/socket"
	"github.com/docker/cli/cli/command"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/frontend/registry"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/llb"
	"github.com/org/pullsafe/plugin/buildcmd"
	"github.com/org/pullsafe/plugin/probe"
	"github.com/org/pullsafe/version"
)

// frontendTimeout bounds the look at the frontend image before a build. A
// registry that takes longer is left to the builder.
const frontendTimeout = 5 * time.Second

func newBuildCommand(dockerCLI command.Cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "build [OPTIONS] PATH | URL | -",
		Short: "Build with the pullsafe frontend, through docker buildx build",
		Long: `Run docker buildx build with the pullsafe frontend in place of the Dockerfile's
own. All arguments are those of docker buildx build and are passed on unchanged;
so are standard input, output and the exit status.

The frontend is ` + buildcmd.DefaultFrontend(version.Version) + `, or the image that the environment
variable ` + buildcmd.FrontendEnv + ` names. What asks for another frontend is respected, and
said on standard error:

  --build-arg BUILDKIT_SYNTAX=IMAGE   that image builds
  # syntax=IMAGE in the Dockerfile    that image builds, unless it is a tag of
                                      docker/dockerfile, which pullsafe replaces;
                                      one that is pinned by digest is kept

The frontend is itself an image, and is pulled with the stored login. If its
registry refuses that login, the image is handed to the build under another
spelling of the registry host, for which no login is stored (--build-context).
Docker Engine before 23.0 does not know such contexts.`,
		Example: `  docker pullsafe build -t app .
  docker pullsafe build --call=preflight .
  ` + buildcmd.FrontendEnv + `=registry.example.com/pullsafe:1 docker pullsafe build .`,
		DisableFlagParsing:    true,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runBuild(cmd, dockerCLI, args)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveDefault
		},
	}
	return cmd
}

func runBuild(cmd *cobra.Command, dockerCLI command.Cli, args []string) error {
	parsed := buildcmd.ParseArgs(args)
	if parsed.Help {
		return cmd.Help()
	}
	choice, err := buildcmd.Choose(parsed, version.Version, os.LookupEnv)
	if err != nil {
		return cli.StatusError{Status: err.Error(), StatusCode: exitUsage}
	}
	if choice.Note != "" {
		note(dockerCLI, choice.Note)
	}
	program, err := buildcmd.Find(dockerProgram(), buildcmd.GlobalFlags(os.Args, args), func() bool {
		p, err := manager.GetPlugin("buildx", dockerCLI, cmd.Root())
		return err == nil && p.Err == nil
	})
	if err != nil {
		return cli.StatusError{Status: err.Error(), StatusCode: exitFailed}
	}
	handedOver := ""
	if choice.Frontend != "" && !parsed.HasContext(choice.Frontend) {
		handedOver = withoutLogin(cmd.Context(), dockerCLI, choice.Frontend)
	}
	line, env := program.Line(choice, handedOver, args), buildcmd.Environment(os.Environ())
	if os.Getenv(socket.EnvKey) == "" {
		return buildcmd.Replace(line, env)
	}
	return buildcmd.Run(cmd.Context(), line, env, buildcmd.Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Terminal: dockerCLI.Out().IsTerminal(),
	})
}

// withoutLogin returns the frontend image under a host alias if its registry
// refuses the stored login and gives the image without one, and says so; else "".
// Whatever else is wrong is the builder's to find.
func withoutLogin(ctx context.Context, dockerCLI command.Cli, frontend string) string {
	named, err := reference.ParseNormalizedNamed(frontend)
	if err != nil {
		return ""
	}
	named = reference.TagNameOnly(named)
	host := reference.Domain(named)
	aliases := llb.Aliases(named, registry.AliasOrder(host))
	if len(aliases) == 0 {
		return ""
	}
	ctx, cancel := context.WithTimeoutCause(ctx, frontendTimeout, errors.New("the registry of the frontend image does not answer"))
	defer cancel()
	store := openStore(dockerCLI.ConfigFile(), frontendTimeout)
	prober := probe.New(probe.Options{Lookup: store.Lookup, Certs: certFolders(), Timeout: frontendTimeout, Concurrency: 1})
	results, err := prober.Probe(ctx, []references.Reference{{Written: frontend, Name: named.String()}})
	if err != nil || len(results) != 1 {
		return ""
	}
	r := results[0]
	if r.With.Err == nil || r.Without == nil || r.Without.Err != nil {
		return ""
	}
	d := diagnosis.Diagnose(named.String(), r.With.Err.Error())
	if !d.AnonymousRetryCanHelp {
		return ""
	}
	note(dockerCLI, "pullsafe: "+report.Warning{Host: host, Refs: []string{frontend}, Answer: d}.Short())
	return aliases[0].String()
}

// note says something that is not buildx's, on standard error.
func note(dockerCLI command.Cli, text string) {
	_, _ = io.WriteString(dockerCLI.Err(), fmt.Sprintln(text))
}
