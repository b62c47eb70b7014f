package main

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"time"

	"github.com/docker/cli/cli-plugins/hooks"
	"github.com/docker/cli/cli-plugins/metadata"
	"github.com/docker/cli/cli/command"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"

	"github.com/org/pullsafe/plugin/buildcmd"
	"github.com/org/pullsafe/plugin/finding"
	"github.com/org/pullsafe/plugin/hook"
	"github.com/org/pullsafe/plugin/output"
	"github.com/org/pullsafe/plugin/probe"
	"github.com/org/pullsafe/plugin/sources"
)

// newHooksCommand is called by the Docker CLI after one of its commands failed,
// with what it knows of it as JSON. Its answer is shown under "What's next"; an
// error would be shown to nobody.
func newHooksCommand(dockerCLI command.Cli) *cobra.Command {
	return &cobra.Command{
		Use:    metadata.HookSubcommandName,
		Hidden: true,
		Args: func(cmd *cobra.Command, args []string) error {
			return usage(cmd, cobra.ExactArgs(1)(cmd, args))
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var req hooks.Request
			if err := json.Unmarshal([]byte(args[0]), &req); err != nil {
				return usage(cmd, errors.Wrap(err, "the argument is not what the Docker CLI sends"))
			}
			m := newMachine(nil)
			if !strings.HasPrefix(req.RootCmd, "buildx") && !strings.HasPrefix(req.RootCmd, "compose") {
				m.call, m.asDocker = &buildcmd.Call{}, true // docker build has the engine's builder
			}
			history := func() []string {
				if m.missing != nil {
					return nil
				}
				return m.buildx.Line()
			}
			ctx := cmd.Context()
			answer := hook.AnswerPull(ctx, req, func(ctx context.Context) string { return rejectedByCompose(ctx, dockerCLI) })
			if answer == "" {
				answer = hook.Answer(ctx, req, hook.History(history, m.buildx.Below(m.environ())), time.Now())
			}
			res := hooks.Response{Type: hooks.NextSteps, Template: answer}
			return errors.WithStack(json.NewEncoder(dockerCLI.Out()).Encode(res))
		},
	}
}

// composeWait bounds what a hint after `docker compose pull` takes.
const composeWait = 3 * time.Second

// composeFiles are what Docker Compose looks for, in its order.
var composeFiles = []string{"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"}

// rejectedByCompose asks the registries of the compose file in the working directory.
func rejectedByCompose(ctx context.Context, dockerCLI command.Cli) string {
	ctx, cancel := context.WithTimeoutCause(ctx, composeWait, errors.New("the registries took too long"))
	defer cancel()
	for _, name := range composeFiles {
		if _, err := os.Stat(name); err != nil {
			continue
		}
		set, err := sources.Find(ctx, sources.Input{Files: []string{name}, Stdin: strings.NewReader("")})
		if err != nil {
			return ""
		}
		store := openStore(dockerCLI.ConfigFile(), composeWait)
		progress := output.NewProgress(nil)
		defer progress.End()
		findings, err := finding.Check(ctx, probe.New(probe.Options{
			Lookup: store.Lookup, Certs: certFolders(), Timeout: composeWait, Concurrency: concurrency, Progress: progress.Show,
		}), set)
		if err != nil {
			return ""
		}
		for _, f := range findings {
			if f.Verdict == finding.Rejected {
				return f.Host
			}
		}
		return ""
	}
	return ""
}
