package references

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// Options are what a build adds to its Dockerfile.
type Options struct {
	Filename        string              // of the Dockerfile, for the positions
	Target          string              // the stage to build; empty for the last one
	BuildArgs       map[string]string   // without the prefix "build-arg:"
	BuildPlatform   ocispecs.Platform   // of the daemon
	TargetPlatforms []ocispecs.Platform // those asked for; empty means the build platform
	MultiPlatform   bool                // the result is a multi-platform image
	Contexts        Contexts            // the zero value has none
}

// Set is what Collect found.
type Set struct {
	// References are the images to resolve: one entry an image and platform, in
	// the order of the Dockerfile.
	References []Reference
	// Names are the names that a FROM or --from can mean in this Dockerfile
	// besides an image: its stages and the named contexts, in order.
	Names []string
	// Incomplete: a bound was reached, and the Dockerfile may name more.
	Incomplete bool

	opt    Options
	stages map[string]struct{} // their names in lower case
	index  map[string]int      // of References, by their keys
}

// noChecks reports nothing. The parser hands check comments to it, there or not.
func noChecks() *linter.Linter { return linter.New(&linter.Config{}) }

// Collect returns the images that the Dockerfile dt names under opt. An error
// means that the converter refuses the Dockerfile too, in words of its own, or that
// the context is over.
func Collect(ctx context.Context, dt []byte, opt Options) (*Set, error) {
	set := &Set{opt: opt, stages: map[string]struct{}{}, index: map[string]int{}}
	if len(dt) > maxSize || bytes.Count(dt, []byte("\n")) > maxLines {
		set.Incomplete = true
		return set, nil
	}
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	file, err := parser.Parse(bytes.NewReader(dt))
	if err != nil {
		return nil, err
	}
	stages, args, err := instructions.Parse(file.AST, noChecks())
	if err != nil {
		return nil, err
	}
	if len(stages) == 0 {
		return nil, errors.New("dockerfile contains no stages to build")
	}
	for _, st := range stages {
		set.stages[st.Name] = struct{}{} // in lower case already
	}
	set.Names = names(opt.Contexts, set.stages)

	lines := strings.Split(string(dt), "\n")
	for _, target := range targetPlatforms(opt) {
		g := &graph{
			opt: opt, target: target, lex: shell.NewLex(file.EscapeToken), lines: lines, set: set,
			byName: map[string]*node{}, images: map[string]*node{},
		}
		err := g.collect(ctx, stages, args)
		if errors.Is(err, errTooLong) {
			return &Set{Incomplete: true, opt: opt}, nil
		}
		if err != nil {
			return nil, err
		}
	}
	for i := range set.References {
		slices.SortStableFunc(set.References[i].Positions, func(a, b Position) int { return a.Line - b.Line })
	}
	slices.SortStableFunc(set.References, func(a, b Reference) int {
		return a.Positions[0].Line - b.Positions[0].Line
	})
	return set, nil
}

// add adds a reference, or what it says of one that is known.
func (s *Set) add(r Reference) {
	i, ok := s.index[r.Key()]
	switch {
	case ok:
		s.References[i].merge(r)
	case len(s.References) == MaxReferences:
		s.Incomplete = true
	default:
		s.index[r.Key()] = len(s.References)
		s.References = append(s.References, r)
	}
}

// names are those of stages and contexts, without platforms, each once.
func names(contexts Contexts, stages map[string]struct{}) []string {
	all := maps.Clone(stages)
	for key := range contexts {
		name, _, _ := strings.Cut(key, "::")
		all[name] = struct{}{}
	}
	maps.DeleteFunc(all, func(name string, _ struct{}) bool { return name == "" || len(name) > maxName })
	if len(all) > maxNames {
		return nil
	}
	return slices.Sorted(maps.Keys(all))
}

// targetPlatforms has one nil entry when no platform was asked for: then the
// converter decides, and named contexts are looked up without one.
func targetPlatforms(opt Options) []*ocispecs.Platform {
	if len(opt.TargetPlatforms) == 0 {
		return []*ocispecs.Platform{nil}
	}
	out := make([]*ocispecs.Platform, 0, len(opt.TargetPlatforms))
	for i := range opt.TargetPlatforms {
		out = append(out, &opt.TargetPlatforms[i])
	}
	return out
}

// globalArgs are the arguments that FROM can use: those of the platforms
// (docs.docker.com/reference/dockerfile, "Automatic platform ARGs in the global
// scope"), then the ARGs before the first FROM, a build argument before a
// default.
func (g *graph) globalArgs(stages []instructions.Stage, args []instructions.ArgCommand) (*environment, error) {
	build, target := g.opt.BuildPlatform, g.opt.BuildPlatform
	if g.target != nil {
		target = *g.target
	}
	env := &environment{values: map[string]string{}}
	for _, kv := range [][2]string{
		{"BUILDPLATFORM", platforms.Format(build)},
		{"BUILDOS", build.OS},
		{"BUILDOSVERSION", build.OSVersion},
		{"BUILDARCH", build.Architecture},
		{"BUILDVARIANT", build.Variant},
		{"TARGETPLATFORM", platforms.FormatAll(target)},
		{"TARGETOS", target.OS},
		{"TARGETOSVERSION", target.OSVersion},
		{"TARGETARCH", target.Architecture},
		{"TARGETVARIANT", target.Variant},
		{"TARGETSTAGE", cmp.Or(g.opt.Target, stages[len(stages)-1].Name, "default")},
	} {
		if v, ok := g.opt.BuildArgs[kv[0]]; ok {
			kv[1] = v
		}
		env.values[kv[0]] = kv[1]
	}
	for _, cmd := range args {
		for _, arg := range cmd.Args {
			v, ok := g.opt.BuildArgs[arg.Key]
			if !ok {
				if arg.Value == nil {
					continue
				}
				var err error
				if v, err = g.expand(*arg.Value, env); err != nil {
					return nil, err
				}
			}
			env.values[arg.Key] = v
		}
	}
	return env, nil
}

// environment are the arguments that FROM can use. BuildKit's own list of them is
// copied for each that is added.
type environment struct {
	values map[string]string
	spent  int // bytes of values that were used, and of what came of it
}

// Get implements shell.EnvGetter.
func (e *environment) Get(key string) (string, bool) {
	v, ok := e.values[key]
	if e.spent += len(v); e.spent > maxExpanded {
		return "", ok
	}
	return v, ok
}

// Keys implements shell.EnvGetter.
func (e *environment) Keys() []string { return slices.Sorted(maps.Keys(e.values)) }

// errTooLong: each argument can be twice as long as the one before.
var errTooLong = errors.New("the values of the arguments are too long")

func (g *graph) expand(word string, env *environment) (string, error) {
	res, err := g.lex.ProcessWordWithMatches(word, env)
	if env.spent += len(res.Result); env.spent > maxExpanded {
		return "", errTooLong
	}
	return res.Result, err
}
