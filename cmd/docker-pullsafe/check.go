package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/docker/cli/cli"
	"github.com/docker/cli/cli-plugins/metadata"
	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/org/pullsafe/plugin/credentials"
	"github.com/org/pullsafe/plugin/finding"
	"github.com/org/pullsafe/plugin/fix"
	"github.com/org/pullsafe/plugin/output"
	"github.com/org/pullsafe/plugin/probe"
	"github.com/org/pullsafe/plugin/sources"
)

const checkLong = `Show which credentials are sent to which registry, whether it accepts them, and
whether each image can be pulled with them and without them.

What is checked:

  (nothing)        the Dockerfile of the current folder
  PATH             the Dockerfile of a folder, or a Dockerfile
  -f FILE          a Dockerfile ("-" for standard input), a bake file (.hcl, .json)
                   or a compose file (.yaml, .yml); with the last two, arguments are
                   the targets or services to check
  REF              an image, by name

An argument that exists as a folder or file is a PATH, and so is one that begins
with "/", "./" or "../"; all others are images. To check the image "app" beside a
folder of that name, write app:latest or docker.io/library/app.

The registries are asked as in a build, from this machine. On Docker Hub a check
counts as one pull of each image.

--fix removes credentials as docker logout does. It acts on what is stored: one entry
can be sent to several registries, as Docker Hub's is to dhi.io. Only an entry that
was rejected for a public image is removed, and only if each registry of the check
that it is for rejected it. Check all images that you use.

Exit status: 0 if all images can be pulled, 1 if not, 2 for wrong usage, input that
cannot be read, or a change of --fix that failed. Rejected credentials for a public
image count as a failure with --strict.`

const checkExample = `  docker pullsafe check
  docker pullsafe check -f docker-bake.hcl release
  docker pullsafe check ghcr.io/astral-sh/uv:0.7.1
  docker pullsafe check --fix`

// checkOptions are the flags of check.
type checkOptions struct {
	files         []string
	target        string
	buildArgs     []string
	buildContexts []string
	platforms     []string
	format        string
	summary       string
	strict        bool
	fix           string
	yes           bool
	timeout       time.Duration
}

// The formats of check, besides formatJSON.
const (
	formatTable  = "table"
	formatGitHub = "github"
)

// concurrency bounds the images that are asked for at once.
const concurrency = 12

func newCheckCommand(dockerCLI command.Cli) *cobra.Command {
	var opt checkOptions
	cmd := &cobra.Command{
		Use:     "check [OPTIONS] [PATH | -f FILE | REF...]",
		Short:   "Check credentials and images before a build does",
		Long:    checkLong,
		Example: checkExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runCheck(cmd, dockerCLI, opt, args)
		},
		DisableFlagsInUseLine: true,
	}
	opt.install(cmd.Flags())
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{formatTable, formatJSON, formatGitHub}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("fix", cobra.FixedCompletions([]string{string(fix.Remove), string(fix.KeepForPush)}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.MarkFlagFilename("file")
	_ = cmd.MarkFlagFilename("summary")
	cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return cmd
}

func (opt *checkOptions) install(flags *pflag.FlagSet) {
	flags.StringArrayVarP(&opt.files, "file", "f", nil, "Dockerfile, bake file or compose file to check")
	flags.StringVar(&opt.target, "target", "", "Stage of the Dockerfile that would be built")
	flags.StringArrayVar(&opt.buildArgs, "build-arg", nil, `Build argument of the Dockerfile ("NAME=VALUE", or "NAME" for that of the environment)`)
	flags.StringArrayVar(&opt.buildContexts, "build-context", nil, `Named context of the build ("NAME=VALUE")`)
	flags.StringSliceVar(&opt.platforms, "platform", nil, "Platforms to check for")
	flags.StringVar(&opt.format, "format", formatTable, `Format of the output ("table", "json", "github")`)
	flags.StringVar(&opt.summary, "summary", "", "Append the table as Markdown to this file, as CI systems show it ($GITHUB_STEP_SUMMARY)")
	flags.BoolVar(&opt.strict, "strict", false, "Fail if credentials are rejected for an image that can be pulled without them")
	flags.StringVar(&opt.fix, "fix", "", `Remove stored credentials that are rejected for public images; "keep-for-push" only keeps builds from pulling these images with them`)
	flags.Lookup("fix").NoOptDefVal = string(fix.Remove)
	flags.BoolVarP(&opt.yes, "yes", "y", false, "Do not ask before --fix changes anything")
	flags.DurationVar(&opt.timeout, "timeout", 30*time.Second, "How long to wait for a registry or a credential helper")
}

func runCheck(cmd *cobra.Command, dockerCLI command.Cli, opt checkOptions, args []string) error {
	mode, in, err := opt.parse(cmd, dockerCLI, args)
	if err != nil {
		return usage(cmd, err)
	}
	if mode != fix.Off && !opt.yes && !dockerCLI.In().IsTerminal() {
		return usage(cmd, errors.New("--fix asks before it changes anything, and there is no terminal to ask on: add --yes"))
	}
	ctx := cmd.Context()
	set, err := sources.Find(ctx, in)
	if err != nil {
		return interrupted(ctx, err)
	}
	store := openStore(dockerCLI.ConfigFile(), opt.timeout)
	findings, err := probeAll(ctx, dockerCLI, opt, store, set)
	if err != nil {
		return err
	}
	fix.Advise(findings)
	if err := writeFindings(dockerCLI, opt, findings, store.Notes()); err != nil {
		return err
	}
	if err := opt.appendSummary(findings, store.Notes()); err != nil {
		return err
	}
	if mode != fix.Off {
		if findings, err = runFix(ctx, dockerCLI, opt, mode, store, findings); err != nil {
			return err
		}
	}
	if len(finding.Failing(findings, opt.strict)) > 0 {
		return failed()
	}
	return nil
}

// parse checks the flags, without a look at any file.
func (opt *checkOptions) parse(cmd *cobra.Command, dockerCLI command.Cli, args []string) (fix.Mode, sources.Input, error) {
	in := sources.Input{
		Args: args, Files: opt.files, Target: opt.target,
		Stdin: dockerCLI.In(), Buildx: sources.Buildx(dockerProgram()),
		BuildArgs: map[string]string{}, BuildContexts: map[string]string{},
	}
	mode, err := fix.ParseMode(opt.fix)
	if err != nil {
		return mode, in, err
	}
	switch {
	case opt.format != formatTable && opt.format != formatJSON && opt.format != formatGitHub:
		return mode, in, errors.Errorf("--format %s: there are %s, %s and %s", opt.format, formatTable, formatJSON, formatGitHub)
	case opt.timeout <= 0:
		return mode, in, errors.New("--timeout must be more than nothing")
	case opt.yes && mode == fix.Off:
		return mode, in, errors.New("--yes is for --fix")
	case cmd.Flags().Changed("fix") && mode == fix.Off:
		return mode, in, errors.New("--fix= has no value")
	}
	for _, arg := range opt.buildArgs {
		k, v, ok := strings.Cut(arg, "=")
		if k == "" {
			return mode, in, errors.New("--build-arg has the form NAME=VALUE")
		}
		if !ok {
			if v, ok = os.LookupEnv(k); !ok {
				continue
			}
		}
		in.BuildArgs[k] = v
	}
	for _, arg := range opt.buildContexts {
		k, v, ok := strings.Cut(arg, "=")
		if k == "" || !ok {
			return mode, in, errors.New("--build-context has the form NAME=VALUE")
		}
		in.BuildContexts[k] = v
	}
	in.Platforms, err = sources.ParsePlatforms(opt.platforms)
	return mode, in, err
}

// probeAll asks the registries, with a line of progress on a terminal.
func probeAll(ctx context.Context, dockerCLI command.Cli, opt checkOptions, store *credentials.Store, set *sources.Set) ([]finding.Finding, error) {
	progress := output.NewProgress(nil)
	if dockerCLI.Err().IsTerminal() {
		progress = output.NewProgress(dockerCLI.Err())
	}
	defer progress.End()
	prober := probe.New(probe.Options{
		Lookup: store.Lookup, Certs: certFolders(), Timeout: opt.timeout, Concurrency: concurrency, Progress: progress.Show,
	})
	findings, err := finding.Check(ctx, prober, set)
	if err != nil {
		return nil, interrupted(ctx, err)
	}
	return findings, nil
}

// interrupted is err, unless it comes of a signal.
func interrupted(ctx context.Context, err error) error {
	if context.Cause(ctx) == nil {
		return err
	}
	return cli.StatusError{Status: "interrupted", StatusCode: exitInterrupted, Cause: err}
}

func writeFindings(dockerCLI command.Cli, opt checkOptions, findings []finding.Finding, notes []string) error {
	out := dockerCLI.Out()
	switch opt.format {
	case formatJSON:
		return output.JSON(out, findings, notes)
	case formatGitHub:
		return output.GitHub(out, findings, opt.strict)
	default:
		return output.Table(out, findings, notes, out.IsTerminal() && os.Getenv("NO_COLOR") == "")
	}
}

// appendSummary writes behind what other steps of the job have written.
func (opt checkOptions) appendSummary(findings []finding.Finding, notes []string) error {
	if opt.summary == "" {
		return nil
	}
	file, err := os.OpenFile(opt.summary, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666) //nolint:gosec // G302, G304: the user's own file
	if err != nil {
		return errors.Wrap(err, "--summary")
	}
	err = output.Markdown(file, findings, notes)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return errors.Wrap(err, "--summary")
}

func openStore(file *configfile.ConfigFile, timeout time.Duration) *credentials.Store {
	return credentials.Open(credentials.Options{
		File: file, Environ: os.Getenv(configfile.DockerEnvConfigKey), BuildxConfig: os.Getenv("BUILDX_CONFIG"), HelperTimeout: timeout,
	})
}

// dockerProgram is the program that called the plugin, or the one on the PATH.
func dockerProgram() string {
	if program := os.Getenv(metadata.ReexecEnvvar); program != "" {
		return program
	}
	return "docker"
}

// certFolders are where Docker and rootless Docker look for the certificates of
// registries.
func certFolders() []string {
	folders := []string{"/etc/docker/certs.d"}
	if dir, err := os.UserConfigDir(); err == nil {
		folders = append(folders, filepath.Join(dir, "docker", "certs.d"))
	}
	return folders
}
