package references

import (
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// OnBuild returns the images that the ONBUILD triggers of a resolved base name,
// for each platform on which the Dockerfile builds upon the base. They stand, and are
// needed, where the base is. What does not parse is left to the converter.
func (s *Set) OnBuild(base Reference, triggers []string) []Reference {
	var out []Reference
	for _, trigger := range triggers {
		for _, name := range triggerSources(trigger) {
			if slices.Contains(s.stages, strings.ToLower(name)) {
				continue
			}
			for _, target := range s.targetsOf(base) {
				g := &graph{opt: s.opt, target: target}
				n := &node{base: name, needed: base.Needed}
				r, ok, err := g.reference(n)
				r.Positions = base.Positions
				if err == nil && ok && !slices.ContainsFunc(out, func(have Reference) bool { return have.Key() == r.Key() }) {
					out = append(out, r)
				}
			}
		}
	}
	return out
}

// targetsOf are the target platforms whose stages use the base: those for which
// it was asked, or all, if it was asked for a platform of its own.
func (s *Set) targetsOf(base Reference) []*ocispecs.Platform {
	all := targetPlatforms(s.opt)
	own := slices.DeleteFunc(slices.Clone(all), func(p *ocispecs.Platform) bool {
		return PlatformString(p) != PlatformString(base.Platform)
	})
	if len(own) > 0 {
		return own
	}
	return all
}

// triggerSources are the names that a trigger copies or mounts from, as
// initOnBuildTriggers of the converter finds them.
func triggerSources(trigger string) []string {
	file, err := parser.Parse(strings.NewReader(trigger))
	if err != nil || len(file.AST.Children) != 1 {
		return nil
	}
	parsed, err := instructions.ParseInstructionWithLinter(file.AST.Children[0], noChecks())
	if err != nil {
		return nil
	}
	cmd, ok := parsed.(instructions.Command)
	if !ok {
		return nil
	}
	return slices.DeleteFunc(sourceNames(cmd), func(name string) bool {
		_, err := strconv.Atoi(name)
		return err == nil
	})
}
