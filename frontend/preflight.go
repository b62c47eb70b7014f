package frontend

import (
	"context"
	"path"
	"time"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/pkg/errors"
	"golang.org/x/sync/errgroup"

	"github.com/org/pullsafe/frontend/references"
)

const (
	// maxResolutions bounds how many references are resolved at once. BuildKit
	// itself has no bound; this one is far above what a Dockerfile names and keeps
	// a hostile one from opening a connection for each of its lines.
	maxResolutions = 64

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
	set, mode := s.collect(ctx)
	if set == nil {
		return func() {}
	}
	s.ledger().expect(set.References)

	ctx, cancel := context.WithCancelCause(ctx)
	run := &preflightRun{
		session: s,
		mode:    mode,
		slots:   make(chan struct{}, maxResolutions),
		failed:  make(chan struct{}, 1),
	}
	for _, ref := range set.References {
		switch {
		case ref.Needed:
			run.start(ctx, &run.needed, ref, true)
		case s.opt.all:
			run.start(ctx, &run.others, ref, false)
		}
	}
	for _, ref := range s.inputReferences(ctx) {
		run.start(ctx, &run.needed, ref, false)
	}
	await(&run.needed, run.failed, func() { cancel(errGraceOver) })
	return func() {
		cancel(errBuildOver)
		_ = run.others.Wait()
	}
}

// preflightRun is the resolution of many references at once.
type preflightRun struct {
	session *session
	mode    string
	slots   chan struct{}
	failed  chan struct{} // receives when a reference that decides has failed
	needed  errgroup.Group
	others  errgroup.Group
}

// start resolves ref in the group. One that decides starts the grace of the
// others when it fails.
func (r *preflightRun) start(ctx context.Context, group *errgroup.Group, ref references.Reference, decides bool) {
	group.Go(func() error {
		select {
		case r.slots <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		defer func() { <-r.slots }()
		if err := r.session.resolve(ctx, ref, r.mode); err != nil && decides {
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
func await(group *errgroup.Group, failed <-chan struct{}, giveUp func()) {
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

func (s *session) resolve(ctx context.Context, ref references.Reference, mode string) error {
	_, _, _, err := s.client.ResolveImageConfig(ctx, ref.Name, sourceresolver.Opt{
		LogName: ref.LogName,
		ImageOpt: &sourceresolver.ResolveImageOpt{
			Platform:    ref.Platform,
			ResolveMode: mode,
		},
	})
	return err
}

// collect reads the Dockerfile and finds its references. It returns nil when the
// builder will not build this Dockerfile itself: another frontend is asked for,
// the request is not a build, or something is wrong that the builder says better.
func (s *session) collect(ctx context.Context) (set *references.Set, resolveMode string) {
	opts := s.client.BuildOpts()
	if _, ok := opts.Opts[keyRequestID]; ok {
		return nil, ""
	}
	_, started := opts.Opts[keyCmdline]
	if _, ok := opts.Opts[keySyntaxArg]; ok && !started {
		return nil, ""
	}
	s.client.solved.record(true)
	defer s.client.solved.record(false)
	bc, err := dockerui.NewClient(s.client)
	if err != nil {
		return nil, ""
	}
	src, err := bc.ReadEntrypoint(ctx, "Dockerfile")
	if err != nil {
		return nil, ""
	}
	if _, _, _, ok := parser.DetectSyntax(src.Data); ok && !started {
		return nil, ""
	}
	s.source = src
	if s.checks = bc.LinterConfig; s.checks == nil {
		check, _, _, _ := parser.ParseDirective("check", src.Data)
		if s.checks, err = linter.ParseLintOptions(check); err != nil {
			return nil, ""
		}
	}
	set, err = references.Collect(src.Data, references.Options{
		Filename:        path.Base(src.Filename),
		Target:          bc.Target,
		BuildArgs:       bc.BuildArgs,
		BuildPlatform:   bc.BuildPlatforms[0],
		TargetPlatforms: bc.TargetPlatforms,
		MultiPlatform:   bc.MultiPlatformRequested,
		Contexts:        references.ParseContexts(opts.Opts),
	})
	if err != nil {
		return nil, ""
	}
	return set, bc.ImageResolveMode.String()
}
