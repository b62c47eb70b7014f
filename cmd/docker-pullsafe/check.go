package main

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/docker/cli/cli"
	"github.com/docker/cli/cli-plugins/metadata"
	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/streams"
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

The registries are asked as in a build, from this machine, and if one rejects the
credentials, under its host aliases too: FALLBACK shows the alias under which a build
with pullsafe pulls the image anonymously. On Docker Hub a check counts as one pull of
each image.

--fix removes credentials as docker logout does. It acts on stored entries, and one
entry can be sent to several registries, as Docker Hub's is to dhi.io. An entry is
removed only if it was rejected for an image that can be pulled without it, and only if
every checked registry that gets it rejected it: check all images that you use. Where a
credential helper returns credentials or fails for the host aliases too, and cannot
erase them, --fix adds an empty entry under credHelpers for an alias that is served;
the credentials stay.

--registry HOST is for administrators: it sends GET /v2/ to the host and to each of
its aliases, without credentials, and shows what to change in a proxy that does not
serve them.

Exit status: 0 if a build with pullsafe can pull all images, and if each registry of
--registry serves an alias, 1 if not, 2 for wrong usage, input that cannot be read, or
a change of --fix that failed. With --strict, rejected credentials are a failure even
where the image can be pulled without them.`

const checkExample = `  docker pullsafe check
  docker pullsafe check -f docker-bake.hcl release
  docker pullsafe check ghcr.io/astral-sh/uv:0.7.1
  docker pullsafe check --fix
  docker pullsafe check --registry registry.example.com`

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
	registries    []string
}

var errTimeout = errors.New("--timeout must be positive")

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
		Use:     "check [OPTIONS] [PATH | -f FILE | REF... | --registry HOST]",
		Short:   "Check credentials and images before a build does",
		Long:    checkLong,
		Example: checkExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(opt.registries) > 0 {
				return runRegistries(cmd, dockerCLI, opt, args)
			}
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
	flags.StringArrayVar(&opt.registries, "registry", nil, "Registry host whose host aliases to check, instead of images")
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
		return usage(cmd, errors.New("--fix asks before it changes anything, but there is no terminal: add --yes"))
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
		return mode, in, errors.Errorf("--format %s: must be %s, %s or %s", opt.format, formatTable, formatJSON, formatGitHub)
	case opt.timeout <= 0:
		return mode, in, errTimeout
	case opt.yes && mode == fix.Off:
		return mode, in, errors.New("--yes needs --fix")
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
		return output.Table(out, findings, notes, inColor(out))
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

func inColor(out *streams.Out) bool { return out.IsTerminal() && os.Getenv("NO_COLOR") == "" }

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
