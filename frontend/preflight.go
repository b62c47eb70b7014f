package frontend

import (
	"context"
	"path"
	"slices"
	"time"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/frontend/subrequests"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/pkg/errors"
	"golang.org/x/sync/errgroup"

	"github.com/org/pullsafe/frontend/references"
)

const (
	// maxResolutions bounds how many references of a kind are resolved at once. BuildKit
	// itself has no bound; this one is above what a Dockerfile names, so that none
	// waits for another, and keeps a hostile one from opening a connection for each
	// of its lines.
	maxResolutions = 256

	// failureGrace is how long the other references may still take once a needed
	// one has failed for good. A registry that hangs never holds the error back
	// for longer.
	failureGrace = 3 * time.Second
)

var (
	errGraceOver = errors.New("not checked: another image had failed")
	errBuildOver = errors.New("not checked: the build did not need it")
)

// preflight resolves every reference of the Dockerfile and returns when those
// that the target needs are known. The others go on until the returned function
// is called. What cannot be worked out here is left to the builder.
func (s *session) preflight(ctx context.Context) (stop func()) {
	if err := s.collect(ctx); err != nil {
		return func() {}
	}
	if !s.opt.all {
		s.refs = slices.DeleteFunc(s.refs, func(r references.Reference) bool { return !r.Needed })
	}
	s.expect(nil)

	ctx, cancel := context.WithCancelCause(ctx)
	run := newPreflightRun()
	s.startAll(ctx, run, s.refs)
	inputs, giveUp := context.WithCancelCause(ctx)
	for _, ref := range s.inputReferences(ctx) {
		run.start(inputs, run.inputs, false, func() error { return s.resolve(inputs, ref) })
	}
	await(run.needed, run.failed, func() { cancel(errGraceOver) })
	if more := s.onBuild(); len(more) > 0 && context.Cause(ctx) == nil {
		s.expect(more)
		s.startAll(ctx, run, more)
		await(run.needed, run.failed, func() { cancel(errGraceOver) })
	}
	known := make(chan struct{})
	close(known)
	await(run.inputs, known, func() { giveUp(errGraceOver) })
	return func() {
		cancel(errBuildOver)
		_ = run.others.Wait()
	}
}

// expect adds references to those that the build is known to have.
func (s *session) expect(more []references.Reference) {
	s.refs = append(s.refs, more...)
	s.ledger().expect(s.refs)
}

// startAll starts the resolution of what the target needs, and of the rest.
func (s *session) startAll(ctx context.Context, run *preflightRun, refs []references.Reference) {
	for _, ref := range refs {
		l := run.others
		if ref.Needed {
			l = run.needed
		}
		run.start(ctx, l, ref.Needed, func() error { return s.resolve(ctx, ref) })
	}
}

// preflightRun is the resolution of many references at once.
type preflightRun struct {
	failed chan struct{} // receives when a reference that decides has failed
	needed *lane
	inputs *lane
	others *lane
}

// lane is a number of resolutions with a bound of their own: what hangs in one
// takes no place from another.
type lane struct {
	errgroup.Group
	slots chan struct{}
}

func newLane() *lane {
	return &lane{slots: make(chan struct{}, maxResolutions)}
}

func newPreflightRun() *preflightRun {
	return &preflightRun{failed: make(chan struct{}, 1), needed: newLane(), inputs: newLane(), others: newLane()}
}

// start resolves a reference in a lane. One that decides starts the grace of the
// others when it fails.
func (r *preflightRun) start(ctx context.Context, l *lane, decides bool, resolve func() error) {
	l.Go(func() error {
		select {
		case l.slots <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		defer func() { <-l.slots }()
		if err := resolve(); err != nil && decides {
			select {
			case r.failed <- struct{}{}:
			default:
			}
		}
		return nil
	})
}

// await waits for the group, but only failureGrace longer once a member has
// failed.
func await(group *lane, failed <-chan struct{}, giveUp func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = group.Wait()
	}()
	select {
	case <-done:
		return
	case <-failed:
	}
	timer := time.NewTimer(failureGrace)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		giveUp()
		<-done
	}
}

// resolve asks for ref as the builder will, so that the builder is answered from
// the same request.
func (s *session) resolve(ctx context.Context, ref references.Reference) error {
	opt := sourceresolver.Opt{
		LogName:  ref.LogName,
		ImageOpt: &sourceresolver.ResolveImageOpt{Platform: ref.Platform, ResolveMode: s.resolveMode},
	}
	var err error
	if ref.Scanner {
		opt.ImageOpt.ResolveMode = s.client.BuildOpts().Opts[keyResolveMode]
		_, _, _, err = sourceresolver.NewImageMetaResolver(s.client).ResolveImageConfig(ctx, ref.Name, opt)
	} else {
		_, _, _, err = s.client.ResolveImageConfig(ctx, ref.Name, opt)
	}
	return err
}

// errNotOurs is the reason for not looking at the Dockerfile: the builder will
// hand the build on to another frontend, or answers a request that is no build.
var errNotOurs = errors.New("not a build of this frontend")

// collect reads the Dockerfile and finds its references. An error is for the
// builder to say, which meets the same.
func (s *session) collect(ctx context.Context) error {
	opts := s.client.BuildOpts().Opts
	_, started := opts[keyCmdline]
	if _, ok := opts[keySyntaxArg]; ok && !started {
		return errNotOurs
	}
	if id, ok := opts[keyRequestID]; ok && id != requestPreflight && id != subrequests.RequestSubrequestsDescribe {
		return errNotOurs
	}
	s.client.solved.record(true)
	defer s.client.solved.record(false)
	bc, err := dockerui.NewClient(s.client)
	if err != nil {
		return err
	}
	src, err := bc.ReadEntrypoint(ctx, "Dockerfile")
	if err != nil {
		return err
	}
	if _, _, _, ok := parser.DetectSyntax(src.Data); ok && !started {
		return errNotOurs
	}
	s.source = src
	if s.checks = bc.LinterConfig; s.checks == nil {
		check, _, _, _ := parser.ParseDirective("check", src.Data)
		if s.checks, err = linter.ParseLintOptions(check); err != nil {
			return errors.Wrap(err, "failed to parse check options")
		}
	}
	set, err := references.Collect(src.Data, references.Options{
		Filename:        path.Base(src.Filename),
		Target:          bc.Target,
		BuildArgs:       bc.BuildArgs,
		BuildPlatform:   bc.BuildPlatforms[0],
		TargetPlatforms: bc.TargetPlatforms,
		MultiPlatform:   bc.MultiPlatformRequested,
		Contexts:        references.ParseContexts(opts),
	})
	if err != nil {
		return err
	}
	s.set, s.refs, s.resolveMode = set, set.References, bc.ImageResolveMode.String()
	if bc.SBOM != nil {
		s.refs = append(s.refs, references.Reference{
			Name: bc.SBOM.Generator, Written: bc.SBOM.Generator, Platform: &bc.BuildPlatforms[0],
			Needed: true, Scanner: true,
		})
	}
	return nil
}

// locate attaches the places in the Dockerfile that an error of the parser names.
func (s *session) locate(err error) error {
	var el *parser.LocationError
	if s.source == nil || !errors.As(err, &el) {
		return err
	}
	for _, ranges := range el.Locations {
		err = errdefs.WithSource(err, s.snippet(references.Position{Ranges: ranges}))
	}
	return err
}
