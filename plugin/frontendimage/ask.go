package frontendimage

import (
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/registry"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/frontend/resolve"
	"github.com/org/pullsafe/llb"
	"github.com/org/pullsafe/plugin/buildlog"
)

// Builder runs `buildx build` with arguments, on a Dockerfile that has nothing to build,
// and returns what it printed. The error is that it failed.
type Builder func(ctx context.Context, args ...string) (output string, err error)

// limit bounds the questions to the builder, the first of which pulls the image.
const limit = 30 * time.Second

// ErrSlow is the error of a builder that has not answered within the limit.
var ErrSlow = errors.Errorf("no response within %s", limit)

// asking are the arguments that ask the frontend and build nothing; no record of a
// build is kept of it. buildx before 0.15 has another name for it.
var asking = [][]string{
	{"--progress=plain", "--call=targets,format=json"},
	{"--progress=plain", "--print=targets,format=json"},
}

// unknownFlag is what buildx says of a flag that it does not have.
const unknownFlag = "unknown flag: --"

// Answer is what the builder says of an image.
type Answer struct {
	Image Image
	// Fallback is set where the image was resolved without the stored credentials.
	Fallback *report.Warning
}

// Ask finds the image as the builder can have it. The error is why it cannot.
func (b Builder) Ask(ctx context.Context, name string) (Answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, ErrSlow)
	defer cancel()
	image, d, err := b.try(ctx, Image{Name: name})
	if err == nil || d == nil || !d.AnonymousRetryCanHelp {
		return Answer{Image: image}, err
	}
	return b.askAnonymously(ctx, name, *d)
}

// askAnonymously goes through the host aliases.
func (b Builder) askAnonymously(ctx context.Context, name string, d diagnosis.Diagnosis) (Answer, error) {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return Answer{}, errors.WithStack(err)
	}
	named = reference.TagNameOnly(named)
	host := reference.Domain(named)
	r := &resolve.Resolution{Ref: named.String(), Written: d}
	for _, alias := range llb.Aliases(named, registry.AliasOrder(host)) {
		image, answer, err := b.try(ctx, Image{Name: name, Alias: alias.String()})
		if err == nil {
			return Answer{Image: image, Fallback: &report.Warning{Host: host, Refs: []string{name}, Answer: d}}, nil
		}
		if context.Cause(ctx) != nil || answer == nil {
			return Answer{}, err
		}
		if r.Fallback = append(r.Fallback, *answer); !answer.TryNextAlias() {
			break
		}
	}
	r.Err = errors.New(d.Message)
	return Answer{}, errors.New(report.Explain(r).Headline)
}

// Check tells whether the builder still has an image.
func (b Builder) Check(ctx context.Context, image Image) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, ErrSlow)
	defer cancel()
	_, err := b.run(ctx, image)
	return errors.Wrap(err, "the frontend image")
}

// try asks for one spelling, and then for the digest that it has: some builders have
// an image under its tag alone.
func (b Builder) try(ctx context.Context, image Image) (Image, *diagnosis.Diagnosis, error) {
	out, err := b.run(ctx, image)
	if err != nil {
		d, err := reason(ctx, out, image.Name, err)
		return Image{}, d, err
	}
	pinned := image
	if pinned.Digest = digestIn(out); pinned.Digest != "" && !strings.Contains(image.Name, "@") {
		if _, err := b.run(ctx, pinned); err == nil {
			return pinned, nil, nil
		}
	}
	return image, nil, nil
}

func (b Builder) run(ctx context.Context, image Image) (out string, err error) {
	for _, args := range asking {
		out, err = b(ctx, append(args, image.BuildArgs()...)...)
		if err == nil || !strings.Contains(out, unknownFlag) {
			break
		}
	}
	return out, err
}

// resolved is the step that loads the frontend.
var resolved = regexp.MustCompile(`\bdocker-image://[^\s@]+@(sha256:[0-9a-f]{64})\b`)

func digestIn(out string) string {
	if m := resolved.FindStringSubmatch(out); m != nil {
		return m[1]
	}
	return ""
}

// maxReason bounds the words of a reason, in runes.
const maxReason = 300

// reason says in one sentence why the builder could not have the image.
func reason(ctx context.Context, out, name string, err error) (*diagnosis.Diagnosis, error) {
	if cause := context.Cause(ctx); cause != nil {
		return nil, errors.WithStack(cause)
	}
	res, explainErr := buildlog.Explain(ctx, strings.NewReader(out), buildlog.Options{Ref: name})
	if explainErr == nil && len(res.Failures) > 0 {
		f := res.Failures[0]
		return &f.Diagnosis.Diagnosis, errors.New(f.Explanation)
	}
	for line := range strings.Lines(out) {
		if words, ok := strings.CutPrefix(line, "ERROR: "); ok {
			return nil, errors.New(diagnosis.Clean(strings.TrimSpace(words), maxReason))
		}
	}
	return nil, err
}
