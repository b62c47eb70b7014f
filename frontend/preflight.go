package frontend

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/references"
)

const (
	// maxResolutions bounds how many references are resolved at once. BuildKit has no
	// bound; this one is above what a Dockerfile names, and keeps a hostile one from
	// opening a connection for each of its lines.
	maxResolutions = 256

	// failureGrace is how long everything else may still take once a needed
	// reference has failed: a registry that hangs holds the error back no longer.
	failureGrace = 3 * time.Second
)

var (
	errGraceOver = errors.New("not checked: another image failed")
	errBuildOver = errors.New("not checked: the build did not need it")
)

// preflight resolves references at once, bounded.
type preflight struct {
	s      *session
	cancel context.CancelCauseFunc // ends the whole
	slots  chan struct{}
	spare  chan struct{} // the slots that what is not needed may take

	needed, others      sync.WaitGroup
	failed, startOthers sync.Once
	grace               *time.Timer // of the first needed failure; nil without one
}

func (s *session) newPreflight(ctx context.Context) (context.Context, *preflight) {
	p := &preflight{s: s, slots: make(chan struct{}, maxResolutions), spare: make(chan struct{}, maxResolutions/2)}
	ctx, p.cancel = context.WithCancelCause(ctx)
	return ctx, p
}

// preflight resolves the references that the target needs, and returns when they
// are known. When one of them fails, those of all other stages are resolved too,
// within the grace, for the report; and with scope=all in any case, until stop is
// called. What cannot be worked out here is left to the builder.
func (s *session) preflight(ctx context.Context) (stop func()) {
	if err := s.read(ctx); err != nil {
		return func() {}
	}
	ctx, p := s.newPreflight(ctx)
	p.start(ctx, s.refs)
	if s.opt.all {
		p.resolveOthers(ctx)
	}
	p.needed.Wait()
	if more := s.onBuild(ctx); len(more) > 0 && context.Cause(ctx) == nil {
		s.refs = append(s.refs, more...)
		p.start(ctx, more)
		p.needed.Wait()
	}
	if p.grace != nil {
		p.others.Wait()
		p.grace.Stop()
	}
	return func() {
		p.cancel(errBuildOver)
		p.others.Wait()
	}
}

// start resolves those of refs that the target needs.
func (p *preflight) start(ctx context.Context, refs []references.Reference) {
	for _, ref := range refs {
		if !ref.Needed {
			continue
		}
		p.needed.Go(func() {
			if p.resolve(ctx, ref) == nil {
				return
			}
			p.failed.Do(func() {
				p.grace = time.AfterFunc(failureGrace, func() { p.cancel(errGraceOver) })
				p.resolveOthers(ctx)
			})
		})
	}
}

// resolveOthers resolves what the target does not need: after a failure there will be
// no provenance in which it could stand.
func (p *preflight) resolveOthers(ctx context.Context) {
	p.startOthers.Do(func() {
		for _, ref := range p.s.refs {
			if !ref.Needed {
				p.others.Go(func() { _ = p.resolve(ctx, ref) })
			}
		}
	})
}

// resolve asks for ref as the builder will, which is then answered from the memo.
func (p *preflight) resolve(ctx context.Context, ref references.Reference) error {
	if !ref.Needed {
		if !enter(ctx, p.spare) {
			return nil
		}
		defer func() { <-p.spare }()
	}
	if !enter(ctx, p.slots) {
		return nil
	}
	defer func() { <-p.slots }()
	c := p.s.client
	opt := sourceresolver.Opt{
		LogName:  ref.LogName,
		ImageOpt: &sourceresolver.ResolveImageOpt{Platform: ref.Platform, ResolveMode: p.s.resolveMode},
	}
	var err error
	if ref.Scanner {
		opt.ImageOpt.ResolveMode = c.BuildOpts().Opts[keyResolveMode]
		_, _, _, err = sourceresolver.NewImageMetaResolver(c).ResolveImageConfig(ctx, ref.Name, opt)
	} else {
		_, _, _, err = c.ResolveImageConfig(ctx, ref.Name, opt)
	}
	return err
}

// enter takes a slot, unless the preflight ends before there is one.
func enter(ctx context.Context, slots chan struct{}) bool {
	select {
	case slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// onBuild are the images that the ONBUILD triggers of the resolved bases name and
// that are not known yet, where the target needs the base. Each base is looked at once.
func (s *session) onBuild(ctx context.Context) []references.Reference {
	if s.triggered == nil {
		s.triggered = map[string]bool{}
		for _, ref := range s.refs {
			s.triggered[ref.Key()] = false
		}
	}
	var out []references.Reference
	for _, e := range s.entries() {
		key := e.found.Key()
		if e.resolution == nil || e.resolution.Err != nil || !e.found.Needed || len(e.found.Positions) == 0 || s.triggered[key] {
			continue
		}
		s.triggered[key] = true
		for _, ref := range s.set.OnBuild(ctx, e.found, triggers(e.resolution.Image.Config)) {
			if _, ok := s.triggered[ref.Key()]; !ok && len(s.refs)+len(out) < references.MaxReferences {
				s.triggered[ref.Key()] = false
				out = append(out, ref)
			}
		}
	}
	return out
}

func triggers(config []byte) []string {
	var image struct {
		Config struct{ OnBuild []string }
	}
	if json.Unmarshal(config, &image) != nil {
		return nil
	}
	return slices.Clip(image.Config.OnBuild)
}
