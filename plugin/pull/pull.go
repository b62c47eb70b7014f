// Package pull pulls images with `docker pull`, and again without the stored
// credentials where a registry rejected these. No host alias is needed: the second time
// the Docker CLI has a configuration without credentials, so that the image keeps its
// name.
package pull

import (
	"context"
	"io"
	"strings"

	"github.com/distribution/reference"
	"github.com/docker/cli/cli"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/frontend/resolve"
	"github.com/org/pullsafe/plugin/buildlog"
)

// Docker runs `docker pull` with arguments, the second time without credentials, and
// gives what it printed as its error. The error is a cli.StatusError if the program
// failed.
type Docker func(ctx context.Context, anonymous bool, args ...string) (stderr string, err error)

// Options of Pull.
type Options struct {
	Docker Docker
	// Flags are those of docker pull.
	Flags []string
	Err   io.Writer
}

// Pull pulls images, one after the other. What happened has been told; the error is that
// of the first one that failed.
func Pull(ctx context.Context, opt Options, images []string) error {
	var first error
	for _, image := range images {
		err := opt.pull(ctx, image)
		if first == nil {
			first = err
		}
		if context.Cause(ctx) != nil {
			break
		}
	}
	return first
}

func (opt Options) pull(ctx context.Context, image string) error {
	args := append(append([]string{}, opt.Flags...), image)
	text, err := opt.Docker(ctx, false, args...)
	if err == nil || context.Cause(ctx) != nil {
		opt.say(text)
		return err
	}
	var status cli.StatusError
	if !errors.As(err, &status) {
		return err
	}
	first, ok := answer(ctx, text, image)
	if !ok {
		opt.say(text)
		return err
	}
	if !first.AnonymousRetryCanHelp {
		opt.say(text)
		return opt.explain(image, err, first)
	}
	again, anonymousErr := opt.Docker(ctx, true, args...)
	if anonymousErr == nil {
		opt.say(again)
		if first.Class == diagnosis.DeniedAmbiguous {
			first.Class = diagnosis.CredentialsRejected // it was there without them
		}
		opt.say("pullsafe: " + report.Warning{Host: first.Host, Refs: []string{image}, Answer: first}.Short() + "\n")
		return nil
	}
	opt.say(text)
	if context.Cause(ctx) != nil || !errors.As(anonymousErr, &status) {
		return anonymousErr
	}
	second, ok := answer(ctx, again, image)
	if !ok {
		opt.say(again)
		return err
	}
	return opt.explain(image, err, first, second.FromClient(false))
}

// answer is what the text says of the image.
func answer(ctx context.Context, text, image string) (diagnosis.Diagnosis, bool) {
	res, err := buildlog.Explain(ctx, strings.NewReader(text), buildlog.Options{Ref: image})
	if err != nil || len(res.Failures) == 0 {
		return diagnosis.Diagnosis{}, false
	}
	return res.Failures[0].Diagnosis.Diagnosis, true
}

// explain says why an image could not be pulled, and passes err on.
func (opt Options) explain(image string, err error, first diagnosis.Diagnosis, fallback ...diagnosis.Diagnosis) error {
	named, parseErr := reference.ParseNormalizedNamed(image)
	if parseErr != nil {
		return err // docker has said so
	}
	name := reference.TagNameOnly(named).String()
	r := &resolve.Resolution{Ref: name, Written: first, Fallback: fallback, Err: err}
	ref := report.Of(references.Reference{Written: image, Name: name, Needed: true}, r, nil)
	opt.say(report.New([]report.Reference{ref}).Causes(false))
	return err
}

func (opt Options) say(text string) { _, _ = io.WriteString(opt.Err, diagnosis.Printable(text)) }
