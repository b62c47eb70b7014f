package main

import (
	"bytes"
	"context"
	"os"
	"slices"

	"github.com/pkg/errors"
	"github.com/spf13/cobra"

	"github.com/org/pullsafe/plugin/buildcmd"
	"github.com/org/pullsafe/plugin/frontendimage"
	"github.com/org/pullsafe/version"
)

func newBakeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "bake [OPTIONS] [TARGET...]",
		Short: "Build from a file with the pullsafe frontend, through docker buildx bake",
		Long: `Run docker buildx bake with the pullsafe frontend for each target, as docker pullsafe
build chooses it: a target that sets BUILDKIT_SYNTAX, or whose Dockerfile asks for
another frontend, keeps that one. All arguments are those of docker buildx bake and
are passed on unchanged, behind --set TARGET.args.BUILDKIT_SYNTAX=IMAGE.`,
		Example: `  docker pullsafe bake
  docker pullsafe bake --call=preflight`,
		DisableFlagParsing:    true,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if buildcmd.ParseArgs(args).Help {
				return cmd.Help()
			}
			return newMachine(nil).bake(cmd.Context(), args)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveDefault
		},
	}
}

// bake is `docker bake`.
func (m *machine) bake(ctx context.Context, args []string) error {
	if m.missing != nil {
		return m.noBuildx()
	}
	own := append([]string{"bake"}, args...)
	parsed := buildcmd.ParseBakeArgs(args)
	if parsed.Asks {
		return m.replace(own)
	}
	in, err := stdin(parsed.Stdin)
	if err != nil {
		return err
	}
	printed, err := m.printBake(ctx, in, args)
	if err != nil {
		return m.pass(ctx, in.Rewound(), own) // which says what is wrong
	}
	choices, err := buildcmd.ChooseBake(printed, version.Version, os.LookupEnv)
	if err != nil {
		return wrong(err)
	}
	choices = slices.DeleteFunc(choices, func(c buildcmd.TargetChoice) bool {
		if c.Note != "" {
			note(c.Note)
		}
		return c.Frontend == "" || m.needsNone(c.Choice, parsed.Call)
	})
	if len(choices) == 0 {
		return m.pass(ctx, in.Rewound(), own)
	}
	return m.bakeWith(ctx, choices, parsed.Builder, in, args)
}

// bakeWith builds with pullsafe's frontend where the builder can have that.
func (m *machine) bakeWith(ctx context.Context, choices []buildcmd.TargetChoice, builder string, in *buildcmd.Stdin, args []string) error {
	images := map[string]*frontendimage.Image{}
	for _, c := range choices {
		if _, known := images[c.Frontend]; known {
			continue
		}
		image, err := m.find(ctx, c.Frontend, builder)
		if err != nil {
			return err
		}
		images[c.Frontend] = image
	}
	line := func() []string {
		line := []string{"bake"}
		for _, c := range choices {
			if image := images[c.Frontend]; image != nil {
				line = append(line, image.BakeArgs(c.Target)...)
			}
		}
		return append(line, args...)
	}
	failure := m.run(ctx, in.Again(), line())
	if failure == nil {
		return nil
	}
	anew := false
	for name, image := range images {
		if image == nil {
			continue
		}
		image, again, err := m.again(ctx, name, builder, failure)
		if err != nil {
			return failure
		}
		if again {
			images[name], anew = image, true
		}
	}
	if !anew {
		return failure
	}
	return m.run(ctx, in.Again(), line())
}

// printBake is what buildx makes of the files.
func (m *machine) printBake(ctx context.Context, in *buildcmd.Stdin, args []string) ([]byte, error) {
	cmd := m.buildxCommand(ctx, slices.Concat([]string{"bake", "--print", "--progress=quiet"}, args)...)
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout = in.Again(), &out
	err := cmd.Run()
	return out.Bytes(), errors.Wrap(err, "buildx bake --print")
}
