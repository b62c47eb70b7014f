package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/docker/cli/cli"
	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/config"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/plugin/credentials"
	"github.com/org/pullsafe/plugin/finding"
	"github.com/org/pullsafe/plugin/fix"
	"github.com/org/pullsafe/plugin/output"
)

// runFix says what it will do, asks, and does it. It returns the findings without
// those that are fixed; the error is that a change failed, which has been told. All
// that it says goes to standard error, which leaves the report alone on standard
// output.
func runFix(ctx context.Context, dockerCLI command.Cli, opt checkOptions, mode fix.Mode, store *credentials.Store, findings []finding.Finding) ([]finding.Finding, error) {
	w := dockerCLI.Err()
	var failure error
	actions, skipped := fix.Plan(ctx, findings, mode, store)
	for _, s := range skipped {
		say(w, "--fix leaves these credentials as they are: %s: %s", output.Credential(s.Source), s.Why)
		if s.Failed {
			failure = cli.StatusError{StatusCode: exitUsage}
		}
	}
	if len(actions) == 0 {
		say(w, "--fix has nothing to do.")
		return findings, failure
	}
	say(w, "\n--fix will:")
	for i := range actions {
		_, _ = io.WriteString(w, planned(&actions[i]))
	}
	if !opt.yes {
		_, _ = io.WriteString(w, "Continue? [y/N] ")
		if !confirmed(ctx, dockerCLI.In()) {
			say(w, "Nothing was changed.")
			return findings, failure
		}
	}
	for i := range actions {
		a := &actions[i]
		if err := a.Apply(ctx, opt.timeout, func() (*credentials.Store, error) { return reopen(opt) }); err != nil {
			say(w, "ERROR: --fix failed for %s: %s", output.Credential(a.Source), diagnosis.Clean(err.Error(), maxError))
			failure = cli.StatusError{StatusCode: exitUsage}
			continue
		}
		sayDone(w, a)
		a.Fixed()
	}
	return findings, failure
}

// maxError bounds the text of an error, in runes.
const maxError = 2000

// reopen reads the configuration anew. Unlike for a build, one that cannot be read is
// an error: nothing would be found in it.
func reopen(opt checkOptions) (*credentials.Store, error) {
	if _, err := config.Load(config.Dir()); err != nil {
		return nil, errors.WithStack(err)
	}
	return openStore(config.LoadDefaultConfigFile(io.Discard), opt.timeout), nil
}

func planned(a *fix.Action) string {
	if a.Anonymous() {
		return output.AliasEntries(&a.Entry, a.Aliases, a.File)
	}
	if a.Mode == fix.Remove {
		return output.Removal(&a.Entry, a.Erase[1:])
	}
	var names, contents []string
	for _, f := range a.Write {
		names, contents = append(names, f.Name), append(contents, f.Content)
	}
	return output.Exception(&a.Entry, names, contents)
}

func sayDone(w io.Writer, a *fix.Action) {
	switch {
	case a.Anonymous():
		say(w, "%s", output.AliasesSilenced(a.Aliases, a.File))
	case a.Mode == fix.Remove:
		say(w, "%s", output.Removed(&a.Entry))
	}
	for _, f := range a.Write {
		say(w, "Written: %s", output.File(f.Name))
	}
	say(w, "  To undo it: %s", a.Undo())
	say(w, "  A long-running client (an IDE) may cache credentials for five minutes.")
}

func say(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format+"\n", args...)
}

// confirmed reads one line, and is true for a yes and nothing else.
func confirmed(ctx context.Context, in io.Reader) bool {
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(in).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		return false
	case a := <-answer:
		return a == "y" || a == "yes"
	}
}
