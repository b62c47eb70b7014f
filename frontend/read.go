package frontend

import (
	"context"
	"path"
	"sync"

	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/frontend/subrequests"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/references"
)

// errNotOurs: the builder hands the build on to another frontend, or answers a
// request that is no build.
var errNotOurs = errors.New("not a build of this frontend")

// read reads the Dockerfile and finds its references. The builder meets its errors too.
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
	set, err := references.Collect(ctx, src.Data, references.Options{
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

// readOnce is the folder of the Dockerfile, from which the preflight and the builder
// read the same files: the daemon mounts it anew for each read, which costs 2 to 3 %
// of a cached build. It is never in what is returned to the gateway, which knows only
// references of its own.
type readOnce struct {
	gwclient.Reference

	mu    sync.Mutex
	files map[string]fileRead
}

type fileRead struct {
	data []byte
	err  error
}

func (r *readOnce) ReadFile(ctx context.Context, req gwclient.ReadRequest) ([]byte, error) {
	if req.Range != nil {
		return r.Reference.ReadFile(ctx, req)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	read, ok := r.files[req.Filename]
	if !ok {
		read.data, read.err = r.Reference.ReadFile(ctx, req)
		if context.Cause(ctx) == nil {
			r.files[req.Filename] = read
		}
	}
	return read.data, read.err
}

// head is the digest of the op that a definition ends in, which names those below it.
func head(def *pb.Definition) digest.Digest {
	if len(def.GetDef()) == 0 {
		return ""
	}
	return digest.FromBytes(def.Def[len(def.Def)-1])
}
