package references

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pkg/errors"
)

// emptyImage is the name of the base that is no image.
const emptyImage = "scratch"

// graph is the Dockerfile for one target platform: the nodes are its stages and the
// images that --from and --mount=from name, stages too for the converter.
type graph struct {
	opt      Options
	target   *ocispecs.Platform // nil when none was asked for
	lex      *shell.Lex
	lines    []string
	set      *Set
	nodes    []*node          // by the converter's numbers: an image once for each time it is named
	byName   map[string]*node // stages
	images   map[string]*node
	triggers int // that the stages run
}

// node is one stage, or an image that is named besides.
type node struct {
	base      string // expanded
	platform  *ocispecs.Platform
	from      *node   // the stage that base names, if it names one
	deps      []*node // what its instructions copy or mount from
	positions []Position
	stage     *instructions.Stage // nil for an image that --from names
	context   *contextEntry       // replaces the stage
	needed    bool
	added     bool // to the set

	triggers []string // what its ONBUILD instructions copy or mount from; nil until asked
}

func (g *graph) collect(ctx context.Context, stages []instructions.Stage, args []instructions.ArgCommand) error {
	env, err := g.globalArgs(stages, args)
	if err != nil {
		return err
	}
	for i := range stages {
		if err := g.addStage(i, &stages[i], env, len(stages) == 1); err != nil {
			return err
		}
	}
	target, err := g.findTarget()
	if err != nil {
		return err
	}
	for _, n := range g.nodes[:len(stages)] {
		if err := g.addSources(ctx, n); err != nil {
			return err
		}
	}
	if err := g.need(ctx, target); err != nil {
		return err
	}
	for _, n := range g.nodes {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		if n.added {
			continue
		}
		n.added = true
		r, ok, err := g.reference(n)
		if err != nil {
			return err
		}
		if ok {
			g.set.add(r)
		}
	}
	return nil
}

func (g *graph) addStage(i int, st *instructions.Stage, env *environment, only bool) error {
	base, err := g.expand(st.BaseName, env)
	if err != nil {
		return err
	}
	if base == "" {
		return errors.Errorf("base name (%s) should not be blank", st.BaseName)
	}
	name := ""
	if !only {
		name = cmp.Or(st.Name, strconv.Itoa(i))
	}
	n := &node{base: base, stage: st, positions: []Position{g.position(st.Location, name)}}
	if st.Platform != "" {
		v, err := g.expand(st.Platform, env)
		if err != nil {
			return err
		}
		p, err := platforms.Parse(v)
		if err != nil {
			return err
		}
		n.platform = &p
	}
	n.from = g.byName[base]
	if st.Name != "" {
		if n.context, err = g.namedContext(st.Name, n.platform); err != nil {
			return err
		}
		if n.context != nil {
			n.from = nil
		}
		g.byName[strings.ToLower(st.Name)] = n
	}
	g.nodes = append(g.nodes, n)
	return nil
}

func (g *graph) namedContext(name string, platform *ocispecs.Platform) (*contextEntry, error) {
	if platform == nil {
		platform = g.target
	}
	return g.opt.Contexts.lookup(name, platform)
}

func (g *graph) findTarget() (*node, error) {
	if g.opt.Target == "" {
		return g.nodes[len(g.nodes)-1], nil
	}
	n, ok := g.byName[strings.ToLower(g.opt.Target)]
	if !ok {
		return nil, errors.Errorf("target stage %q could not be found", g.opt.Target)
	}
	return n, nil
}

// addSources links n to what its instructions copy or mount from.
func (g *graph) addSources(ctx context.Context, n *node) error {
	for _, cmd := range n.stage.Commands {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		_, isCopy := cmd.(*instructions.CopyCommand)
		for _, name := range sourceNames(cmd) {
			if !isCopy {
				g.addSource(n, name, cmd.Location())
			} else if err := g.addCopy(n, name, cmd.Location()); err != nil {
				return err
			}
		}
	}
	return nil
}

// sourceNames are the names that an instruction copies or mounts from.
func sourceNames(cmd instructions.Command) []string {
	var names []string
	switch c := cmd.(type) {
	case *instructions.CopyCommand:
		names = []string{c.From}
	case *instructions.RunCommand:
		for _, m := range instructions.GetMounts(c) {
			names = append(names, m.From)
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// addCopy adds what COPY --from names: unlike a mount's, it may be a number.
func (g *graph) addCopy(n *node, from string, loc []parser.Range) error {
	if i, err := strconv.Atoi(from); err == nil {
		if i < 0 || i >= len(g.nodes) {
			return errors.Errorf("invalid stage index %d", i)
		}
		n.deps = append(n.deps, g.nodes[i])
		return nil
	}
	if v, err := g.expand(from, &environment{}); err != nil || v != from {
		return errors.Errorf("variable expansion is not supported for --from=%s", from)
	}
	g.addSource(n, from, loc)
	return nil
}

func (g *graph) addSource(n *node, name string, loc []parser.Range) {
	src, ok := g.byName[strings.ToLower(name)]
	if !ok {
		if src = g.images[name]; src == nil {
			src = &node{base: name}
			g.images[name] = src
		}
		if len(src.positions) < maxPositions {
			src.positions = append(src.positions, g.position(loc, n.positions[0].Stage))
		}
		g.nodes = append(g.nodes, src)
	}
	n.deps = append(n.deps, src)
}

// need marks the target and all that it depends on, also by the ONBUILD instructions
// of the stages that a needed stage is built upon.
func (g *graph) need(ctx context.Context, target *node) error {
	queue := []*node{target}
	for len(queue) > 0 {
		n := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		if n.needed {
			continue
		}
		n.needed = true
		if n.from != nil {
			queue = append(queue, n.from)
			for _, name := range n.from.onbuild(ctx) {
				if g.triggers++; g.triggers <= maxTriggers {
					g.addSource(n, name, n.stage.Location)
				}
			}
		}
		queue = append(queue, n.deps...)
	}
	return nil
}

// onbuild are the names that the ONBUILD instructions of the stage copy or mount from.
func (n *node) onbuild(ctx context.Context) []string {
	if n.triggers == nil {
		var all []string
		for _, cmd := range n.stage.Commands {
			if c, ok := cmd.(*instructions.OnbuildCommand); ok {
				all = append(all, c.Expression)
			}
		}
		n.triggers = append([]string{}, triggerSources(ctx, all)...)
	}
	return n.triggers
}

// reference is the image that has to be resolved for n itself, if any.
func (g *graph) reference(n *node) (Reference, bool, error) {
	if n.from != nil || (n.base == emptyImage && n.context == nil) {
		return Reference{}, false, nil
	}
	r := Reference{Needed: n.needed, Platform: n.platform, Positions: n.positions}
	if r.Platform == nil {
		r.Platform = g.target
	}
	entry := n.context
	if entry == nil {
		if err := r.setName(n.base); err != nil {
			return Reference{}, false, errors.Wrapf(err, "failed to parse stage name %q", n.base)
		}
		if r.Platform == nil {
			r.Platform = &g.opt.BuildPlatform
		}
		var err error
		if entry, err = g.namedContext(r.Name, r.Platform); err != nil {
			return Reference{}, false, err
		}
	}
	if entry == nil {
		prefix := "[internal]"
		if g.opt.MultiPlatform {
			prefix = "[" + platforms.FormatAll(*r.Platform) + " internal]"
		}
		r.LogName = prefix + " load metadata for " + r.Name
		return r, true, nil
	}
	image, ok := contextImage(entry.value)
	if !ok {
		return Reference{}, false, nil
	}
	r.LogName = fmt.Sprintf("[context %s] load metadata for %s", entry.key, image)
	err := r.setName(image)
	return r, err == nil, err
}

func (g *graph) position(loc []parser.Range, stage string) Position {
	p := Position{File: g.opt.Filename, Ranges: loc, Stage: stage}
	if len(loc) > 0 {
		p.Line = loc[0].Start.Line
		if p.Line > 0 && p.Line <= len(g.lines) {
			p.Instruction = strings.TrimSpace(g.lines[p.Line-1])
		}
	}
	return p
}
