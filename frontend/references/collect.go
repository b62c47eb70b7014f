package references

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	bkllb "github.com/moby/buildkit/client/llb"
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

	opt    Options
	stages []string // their names in lower case
}

// noChecks reports nothing. The parser hands check comments to it, there or not.
func noChecks() *linter.Linter { return linter.New(&linter.Config{}) }

// Collect returns the images that the Dockerfile dt names under opt. An error
// means that the converter refuses the Dockerfile too, in words of its own.
func Collect(dt []byte, opt Options) (*Set, error) {
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

	set := &Set{Names: opt.Contexts.names(), opt: opt}
	for _, st := range stages {
		set.stages = append(set.stages, strings.ToLower(st.Name))
		if st.Name != "" && !slices.Contains(set.Names, st.Name) {
			set.Names = append(set.Names, st.Name)
		}
	}
	slices.Sort(set.Names)

	index := map[string]int{}
	lines := bytes.Split(dt, []byte("\n"))
	for _, target := range targetPlatforms(opt) {
		g := &graph{
			opt:    opt,
			target: target,
			lex:    shell.NewLex(file.EscapeToken),
			lines:  lines,
			byName: map[string]*node{},
		}
		refs, err := g.references(stages, args)
		if err != nil {
			return nil, err
		}
		for _, r := range refs {
			if i, ok := index[r.Key()]; ok {
				set.References[i].merge(r)
				continue
			}
			index[r.Key()] = len(set.References)
			set.References = append(set.References, r)
		}
	}
	slices.SortStableFunc(set.References, func(a, b Reference) int {
		return a.Positions[0].Line - b.Positions[0].Line
	})
	return set, nil
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
func (g *graph) globalArgs(stages []instructions.Stage, args []instructions.ArgCommand) (*bkllb.EnvList, error) {
	build, target := g.opt.BuildPlatform, g.opt.BuildPlatform
	if g.target != nil {
		target = *g.target
	}
	env := &bkllb.EnvList{}
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
		env = env.AddOrReplace(kv[0], kv[1])
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
			env = env.AddOrReplace(arg.Key, v)
		}
	}
	return env, nil
}

func (g *graph) expand(word string, env shell.EnvGetter) (string, error) {
	res, err := g.lex.ProcessWordWithMatches(word, env)
	if err != nil {
		return "", err
	}
	return res.Result, nil
}
