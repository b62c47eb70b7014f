package hook

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/docker/cli/cli-plugins/hooks"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/plugin/buildlog"
)

// LastError returns what the newest build that ended after since failed of, with
// the excerpt of the Dockerfile above it, and "" where that is not known.
type LastError func(ctx context.Context, since time.Time) string

// exitStatus is all that the Docker CLI says of a plugin that failed.
var exitStatus = regexp.MustCompile(`^(?:exited with code|exit status) (\d+)$`)

// builders are the commands whose error buildx's history can have.
var builders = []string{"build", "buildx", "bake", "builder", "image", "compose", "pullsafe"}

// maxAge is how long a build may be over to be the one that failed just now.
const maxAge = 15 * time.Second

// Rejected returns the host of a registry that rejects the stored credentials for an
// image of the compose file in the working directory, and "" for none.
type Rejected func(ctx context.Context) string

// composePull pulls without a record in any history.
const composePull = "compose pull"

// AnswerPull is Answer for `docker compose pull`, which tells the Docker CLI as little as
// a build does: the registries are asked. With -f, nobody tells a hook for which file.
func AnswerPull(ctx context.Context, req hooks.Request, rejected Rejected) string {
	m := exitStatus.FindStringSubmatch(strings.TrimSpace(req.CommandError))
	if m == nil || m[1] == "130" || req.RootCmd != composePull {
		return ""
	}
	for _, flag := range []string{"file", "f", "project-directory"} {
		if _, set := req.Flags[flag]; set {
			return ""
		}
	}
	host := rejected(ctx)
	if host == "" {
		return ""
	}
	return sentence(diagnosis.Diagnosis{Class: diagnosis.CredentialsRejected, Host: host}) + " " + command(req, "")
}

// Answer is the line to show, as a template of the Docker CLI; empty for nothing.
func Answer(ctx context.Context, req hooks.Request, last LastError, now time.Time) string {
	text := strings.TrimSpace(req.CommandError)
	if m := exitStatus.FindStringSubmatch(text); m != nil {
		command, _, _ := strings.Cut(req.RootCmd, " ")
		if m[1] == "130" || !slices.Contains(builders, command) {
			return "" // ended by the user, or no build
		}
		text = last(ctx, now.Add(-maxAge))
	}
	if text == "" {
		return ""
	}
	res, err := buildlog.Explain(ctx, strings.NewReader(text), buildlog.Options{})
	if err != nil || isPush(req, text) {
		return ""
	}
	i := slices.IndexFunc(res.Failures, func(f buildlog.Failure) bool { return f.Code == "" && !f.Push && loginCanCause(f.Diagnosis.Diagnosis) })
	if i < 0 {
		return ""
	}
	return sentence(res.Failures[i].Diagnosis.Diagnosis) + " " + command(req, res.Failures[i].Ref)
}

// loginCanCause: credentials were rejected or could not be read, or access was
// denied without a word on who asked.
func loginCanCause(d diagnosis.Diagnosis) bool {
	//exhaustive:ignore
	switch d.Class {
	case diagnosis.CredentialsRejected, diagnosis.CredentialHelper, diagnosis.DeniedAmbiguous:
		return true
	default:
		return false
	}
}

// isPush: check tells nothing of what a login may push.
func isPush(req hooks.Request, text string) bool {
	return strings.HasSuffix(req.RootCmd, "push") || strings.Contains(text, "failed to push ")
}

// sentence must not hold what the Docker CLI takes for a template, so that it
// names the registry alone, which has no such characters.
func sentence(d diagnosis.Diagnosis) string {
	host := d.Host
	if host == "" {
		host = "the registry"
	}
	//exhaustive:ignore
	switch d.Class {
	case diagnosis.CredentialHelper:
		return "The credential helper for " + host + " failed. See which credentials builds use:"
	case diagnosis.CredentialsRejected:
		return host + " rejected the stored credentials; the image may not need any. Find out:"
	default:
		return host + " denied access, perhaps because of stored credentials. Find out:"
	}
}

// command is what to run for the images of the command that failed. Values of
// flags are not told to a hook, so that a file is named by a placeholder.
func command(req hooks.Request, image string) string {
	const check = "docker pullsafe check"
	_, file := req.Flags["file"]
	_, f := req.Flags["f"]
	switch first, _, _ := strings.Cut(req.RootCmd, " "); {
	case first == "pull" || first == "run" || first == "create" || req.RootCmd == "image pull":
		if image != "" && !strings.ContainsAny(image, "{}") {
			return check + " " + image
		}
		if first == "pull" {
			return check + " {{argValue 0}}"
		}
		return check + " IMAGE"
	case file || f:
		return check + " -f FILE"
	case first == "compose":
		return check + " -f compose.yaml"
	case strings.Contains(req.RootCmd, "bake"):
		return check + " -f docker-bake.hcl"
	default:
		return check
	}
}
