package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/config"
	"github.com/moby/buildkit/util/bklog"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/plugin/credentials"
	"github.com/org/pullsafe/plugin/finding"
	"github.com/org/pullsafe/plugin/fix"
	"github.com/org/pullsafe/plugin/output"
	"github.com/org/pullsafe/plugin/probe"
)

// runFix says what it will do, asks, does it, and looks up the credentials again.
// It returns the findings without those that are fixed. All that it says goes to
// standard error, which leaves the report alone on standard output.
func runFix(ctx context.Context, dockerCLI command.Cli, opt checkOptions, mode fix.Mode, store *credentials.Store, findings []finding.Finding) ([]finding.Finding, error) {
	w := dockerCLI.Err()
	actions, skipped := fix.Plan(findings, mode, store.BuildxDir())
	for _, s := range skipped {
		say(w, "--fix leaves the login for %s as it is (%s): %s", s.Registry.Domain, output.Credential(s.Registry.Source), s.Why)
	}
	if len(actions) == 0 {
		say(w, "--fix has nothing to do.")
		return findings, nil
	}
	say(w, "\n--fix will:")
	for i := range actions {
		sayPlan(w, &actions[i])
	}
	if !opt.yes {
		_, _ = io.WriteString(w, "Go on? [y/N] ")
		if !confirmed(ctx, dockerCLI.In()) {
			say(w, "Nothing was changed.")
			return findings, nil
		}
	}
	for i := range actions {
		a := &actions[i]
		if err := a.Apply(); err != nil {
			return nil, errors.Wrapf(err, "%s", a.Registry.Domain)
		}
		left, err := remaining(ctx, opt, a)
		if err != nil || !left.Empty() {
			say(w, "%s: there is still a login: %s", a.Registry.Domain, output.Credential(left.Source))
			continue
		}
		sayDone(w, a)
		findings = fixed(findings, &a.Registry)
	}
	return findings, nil
}

// remaining is the credential that pulls from the registry find now.
func remaining(ctx context.Context, opt checkOptions, a *fix.Action) (credentials.Credential, error) {
	store := openStore(config.LoadDefaultConfigFile(io.Discard), opt.timeout)
	scopes := []string{a.Scope()}
	if a.Registry.Scheme == probe.Basic {
		scopes = nil
	}
	c, err := store.Lookup(ctx, a.Registry.Host, scopes)
	if err != nil {
		bklog.G(ctx).Debugf("looking up the login again: %v", err)
	}
	return c, err
}

// fixed marks what can be resolved now.
func fixed(findings []finding.Finding, r *finding.Registry) []finding.Finding {
	for i := range findings {
		f := &findings[i]
		if f.Host == r.Host && f.Source == r.Source && f.Outcome == report.OKWithoutCredentials {
			f.Outcome = report.OK
		}
	}
	return findings
}

func sayPlan(w io.Writer, a *fix.Action) {
	r := &a.Registry
	if a.Mode == fix.KeepForPush {
		for _, name := range a.Write {
			say(w, "  write {} to %s", output.File(name))
		}
		say(w, "    so that builds pull these repositories of %s without the login; all else keeps it (buildx 0.31 or newer)", r.Domain)
	} else {
		say(w, "  remove the login for %s: %s", r.Domain, output.Credential(r.Source))
	}
	images := "1 public image"
	if r.Resolved > 1 {
		images = fmt.Sprintf("%d public images", r.Resolved)
	}
	say(w, "    which was refused for %s, such as %s", images, r.Example)
}

func sayDone(w io.Writer, a *fix.Action) {
	if a.Mode == fix.KeepForPush {
		for _, name := range a.Write {
			say(w, "Written: %s", output.File(name))
		}
	} else {
		say(w, "Removed the login for %s.", a.Registry.Domain)
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
