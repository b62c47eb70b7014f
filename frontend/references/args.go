package references

import (
	"github.com/containerd/platforms"
	bkllb "github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// globalArgs are the arguments that FROM can use: those of the platforms
// (docs.docker.com/reference/dockerfile, "Automatic platform ARGs in the global
// scope"), then the ARGs before the first FROM, a build argument before a
// default.
func (g *graph) globalArgs(stages []instructions.Stage, args []instructions.ArgCommand) (*bkllb.EnvList, error) {
	stage := g.opt.Target
	if stage == "" {
		stage = stages[len(stages)-1].Name
	}
	if stage == "" {
		stage = "default"
	}
	build, target := g.opt.BuildPlatform, g.targetPlatform()
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
		{"TARGETSTAGE", stage},
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
