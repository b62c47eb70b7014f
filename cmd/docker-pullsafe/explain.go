package main

import (
	"io"
	"os"

	"github.com/docker/cli/cli"
	"github.com/docker/cli/cli/command"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"

	"github.com/org/pullsafe/plugin/buildlog"
)

type explainOptions struct {
	file   string
	ref    string
	format string
}

func newExplainCommand(dockerCLI command.Cli) *cobra.Command {
	var opt explainOptions
	cmd := &cobra.Command{
		Use:   "explain [OPTIONS] [FILE|-]",
		Short: "Explain the registry failures in a build log or an error message",
		Long: `Read a build log or an error message, find the registry failures in it, and
print what each means and what to run. Nothing is sent anywhere.

FILE is a log of docker build, buildx, bake, compose, buildctl or docker pull,
as a terminal or a CI system wrote it, or an error message alone. Without FILE,
or with -, standard input is read.

Failures that a RUN step printed (npm, apt, git, curl) are not registry failures.

With --format json, each failure is one JSON object on a line of its own; a text
without any gives one object with "class": "not-a-registry-error". With --format
github, each cause is an annotation of GitHub Actions.

Exit status: 0 when the text was read, whatever was found in it; 1 when it
cannot be read; 2 for wrong usage; 130 when it was interrupted.`,
		Example: `  docker pullsafe explain build.log
  docker buildx build . 2>&1 | docker pullsafe explain
  docker pullsafe explain --ref ghcr.io/acme/app:1 error.txt
  gh run view --log-failed | docker pullsafe explain --format json`,
		Args: func(cmd *cobra.Command, args []string) error {
			return usage(cmd, cobra.MaximumNArgs(1)(cmd, args))
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && args[0] != "-" {
				opt.file = args[0]
			}
			if opt.format != formatText && opt.format != formatJSON && opt.format != formatGitHub {
				return usage(cmd, errors.Errorf("unknown format %q: must be text, json or github", opt.format))
			}
			return runExplain(cmd, dockerCLI, opt)
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveDefault
		},
		DisableFlagsInUseLine: true,
	}
	flags := cmd.Flags()
	flags.StringVar(&opt.ref, "ref", "", "The image that the text is about, if the text does not say")
	flags.StringVar(&opt.format, "format", formatText, `Format of the output ("text", "json", "github")`)
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{formatText, formatJSON, formatGitHub}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("ref", cobra.NoFileCompletions)
	return cmd
}

// The formats of explain, besides formatGitHub.
const (
	formatText = "text"
	formatJSON = "json"
)

func runExplain(cmd *cobra.Command, dockerCLI command.Cli, opt explainOptions) error {
	in := io.Reader(dockerCLI.In())
	if opt.file != "" {
		file, err := os.Open(opt.file)
		if err != nil {
			return unreadable(err)
		}
		defer func() { _ = file.Close() }()
		in = file
	} else if dockerCLI.In().IsTerminal() {
		_, _ = io.WriteString(dockerCLI.Err(), "Paste the error or the log, then press Ctrl-D on an empty line.\n")
	}
	res, err := buildlog.Explain(cmd.Context(), in, buildlog.Options{Ref: opt.ref})
	if err != nil {
		return interrupted(cmd.Context(), unreadable(err))
	}
	switch opt.format {
	case formatJSON:
		return res.WriteJSON(dockerCLI.Out())
	case formatGitHub:
		return res.WriteGitHub(dockerCLI.Out())
	}
	return res.WriteText(dockerCLI.Out())
}

// unreadable: the text could not be read, which is no wrong usage.
func unreadable(err error) error {
	return cli.StatusError{Status: errors.Wrap(err, "cannot read the text").Error(), StatusCode: exitFailed}
}
