package main

import (
	"context"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/docker/cli/cli/command"
	"github.com/spf13/cobra"

	"github.com/org/pullsafe/plugin/buildcmd"
	"github.com/org/pullsafe/plugin/frontendimage"
	"github.com/org/pullsafe/plugin/output"
	"github.com/org/pullsafe/version"
)

func newBuildCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "build [OPTIONS] PATH | URL | -",
		Short: "Build with the pullsafe frontend, through docker buildx build",
		Long: `Run docker buildx build with the pullsafe frontend in place of the Dockerfile's
own. All arguments are those of docker buildx build and are passed on unchanged;
so are standard input, output and the exit status.

The frontend is ` + buildcmd.DefaultFrontend(version.Version) + `, or the image that the environment
variable ` + buildcmd.FrontendEnv + ` names. A build that asks for another frontend
keeps it, and standard error says so:

  --build-arg BUILDKIT_SYNTAX=IMAGE   that image builds
  # syntax=IMAGE in the Dockerfile    that image builds, unless it is a tag of
                                      docker/dockerfile, which pullsafe replaces;
                                      one that is pinned by digest is kept
  a Dockerfile of a URL, an archive   is not read before the build, and keeps its
  or a pipe                           own frontend

The frontend is itself an image. The builder is asked to resolve it before the first
build, and once a day after that. If its registry rejects the stored credentials, it is
pulled under a host alias. If it cannot be resolved, the build uses the Dockerfile's own
frontend. Standard error says either in one line.`,
		Example: `  docker pullsafe build -t app .
  docker pullsafe build --call=preflight .
  ` + buildcmd.FrontendEnv + `=registry.example.com/pullsafe:1 docker pullsafe build .`,
		DisableFlagParsing:    true,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if buildcmd.ParseArgs(args).Help {
				return cmd.Help()
			}
			return newMachine(nil).build(cmd.Context(), args)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveDefault
		},
	}
	return cmd
}

// build is `docker build`.
func (m *machine) build(ctx context.Context, args []string) error {
	switch {
	case m.asDocker && isClassic():
		note(output.Classic)
		return m.without(ctx, append([]string{"build"}, args...))
	case m.asDocker && m.missing != nil:
		note(output.NoBuildx)
		return m.without(ctx, append([]string{"build"}, args...))
	case m.missing != nil:
		return m.noBuildx()
	case m.asDocker && runtime.GOOS == "windows" && m.hasWindowsEngine():
		return m.without(ctx, append([]string{"build"}, args...))
	}
	parsed := buildcmd.ParseArgs(args)
	own := append([]string{"build"}, args...)
	if parsed.Help || parsed.Context == "" {
		return m.replace(own)
	}
	in, err := stdin(parsed.Context == "-" || parsed.File == "-")
	if err != nil {
		return err
	}
	var dockerfile []byte
	if in != nil {
		dockerfile = in.Text
	}
	choice, err := buildcmd.Choose(parsed, dockerfile, version.Version, os.LookupEnv)
	if err != nil {
		return wrong(err)
	}
	if choice.Note != "" {
		note(choice.Note)
	}
	switch {
	case choice.Frontend == "":
		return m.pass(ctx, in, own)
	case parsed.HasContext(choice.Frontend):
		return m.pass(ctx, in, slices.Concat([]string{"build"}, frontendimage.Image{Name: choice.Frontend}.BuildArgs(), args))
	case m.needsNone(choice, parsed.Call):
		return m.plain(ctx, in, own)
	}
	b := frontendBuild{m: m, frontend: choice.Frontend, builder: parsed.Builder, in: in, args: args}
	if text, ok := buildcmd.Dockerfile(parsed, dockerfile); ok && m.mayBePlain(choice, parsed.Call) && parsed.Call == "" && parsed.MetadataFile == "" {
		return b.unlessAccepted(ctx, text)
	}
	return b.run(ctx)
}

// hasWindowsEngine: the Docker CLI builds for Windows containers by itself, unless the
// engine prefers BuildKit; with an alias it does not ask the engine (docker/cli v29.9.3,
// cmd/docker/builder.go). Others than Windows hardly ever have such an engine, and need
// not wait for its answer.
func (m *machine) hasWindowsEngine() bool {
	dockerCLI, err := command.NewDockerCli()
	if err != nil || dockerCLI.Initialize(m.call.Options) != nil {
		return false
	}
	info := dockerCLI.ServerInfo()
	const buildKit = "2"
	return info.OSType == "windows" && string(info.BuildkitVersion) != buildKit
}

// mayBePlain tells a build of docker's own that needs no image for its frontend, if not
// pullsafe's.
func (m *machine) mayBePlain(c buildcmd.Choice, call string) bool {
	return m.asDocker && m.call.Via != buildcmd.Direct && c.Plain && (call == "" || slices.Contains([]string{"build", "check", "lint", "outline", "targets"}, call))
}

// needsNone: no credentials are stored that a registry could reject.
func (m *machine) needsNone(c buildcmd.Choice, call string) bool {
	return m.mayBePlain(c, call) && !hasCredentials(m.cfg)
}

// plain builds without pullsafe's frontend, and explains what a registry has denied.
func (m *machine) plain(ctx context.Context, in *buildcmd.Stdin, own []string) error {
	begun := time.Now()
	err := m.run(ctx, in.Again(), own)
	if err != nil && context.Cause(ctx) == nil {
		if res := m.lastFailure(ctx, begun); res != nil {
			_, _ = os.Stderr.WriteString("\n")
			_ = res.WriteText(os.Stderr)
		}
	}
	return err
}
