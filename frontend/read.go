package frontend

import (
	"context"
	"path"

	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/frontend/subrequests"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/references"
)

// errNotOurs is the reason for not looking at the Dockerfile: the builder will
// hand the build on to another frontend, or answers a request that is no build.
var errNotOurs = errors.New("not a build of this frontend")

// read reads the Dockerfile and finds its references. An error is for the builder
// to say, which meets the same.
func (s *session) read(ctx context.Context) error {
	opts := s.client.Client.BuildOpts().Opts
	_, started := opts[keyCmdline]
	if _, ok := opts[keySyntaxArg]; ok && !started {
		return errNotOurs
	}
	if id, ok := opts[keyRequestID]; ok && id != requestPreflight && id != subrequests.RequestSubrequestsDescribe {
		return errNotOurs
	}
	bc, err := dockerui.NewClient(s.client)
	if err != nil {
		return err
	}
	s.client.reading = true
	src, err := bc.ReadEntrypoint(ctx, "Dockerfile")
	s.client.reading = false
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
