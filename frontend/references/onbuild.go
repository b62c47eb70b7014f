package references

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// OnBuild returns the images that the ONBUILD triggers of a resolved base name,
// for each platform on which the Dockerfile builds upon the base. They stand, and are
// needed, where the base is. What does not parse is left to the converter, and so is
// the rest when the context is over.
func (s *Set) OnBuild(ctx context.Context, base Reference, triggers []string) []Reference {
	if len(triggers) == 0 {
		return nil
	}
	found := &Set{index: map[string]int{}}
	names, targets := triggerSources(ctx, triggers), s.targetsOf(base)
	for _, name := range names {
		if context.Cause(ctx) != nil {
			break
		}
		if _, ok := s.stages[strings.ToLower(name)]; ok {
			continue
		}
		for _, target := range targets {
			g := &graph{opt: s.opt, target: target}
			r, ok, err := g.reference(&node{base: name, needed: base.Needed, positions: base.Positions})
			if err == nil && ok {
				found.add(r)
			}
		}
	}
	return found.References
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

// triggerSources are the names that triggers copy or mount from, each once, as
// initOnBuildTriggers of the converter finds them.
func triggerSources(ctx context.Context, triggers []string) []string {
	var names []string
	texts, known := map[string]struct{}{}, map[string]struct{}{}
	for _, trigger := range triggers[:min(len(triggers), maxTriggers)] {
		if context.Cause(ctx) != nil {
			break
		}
		if !once(texts, trigger) {
			continue
		}
		for _, name := range sourcesOf(trigger) {
			if _, err := strconv.Atoi(name); err != nil && once(known, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// once tells whether s is new, and remembers it.
func once(known map[string]struct{}, s string) bool {
	before := len(known)
	known[s] = struct{}{}
	return len(known) > before
}

func sourcesOf(trigger string) []string {
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
	return sourceNames(cmd)
}
