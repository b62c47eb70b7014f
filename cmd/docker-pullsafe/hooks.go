package main

import (
	"encoding/json"
	"os"
	"time"

	"github.com/docker/cli/cli-plugins/hooks"
	"github.com/docker/cli/cli-plugins/metadata"
	"github.com/docker/cli/cli/command"
	"github.com/pkg/errors"
	"github.com/spf13/cobra"

	"github.com/org/pullsafe/plugin/hook"
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
			history := func() []string {
				if m.missing != nil {
					return nil
				}
				return m.buildx.Line()
			}
			res := hooks.Response{Type: hooks.NextSteps, Template: hook.Answer(cmd.Context(), req, hook.History(history, m.buildx.Below(os.Environ())), time.Now())}
			return errors.WithStack(json.NewEncoder(dockerCLI.Out()).Encode(res))
		},
	}
}
