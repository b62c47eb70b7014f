package llb

import (
	"maps"
	"strconv"

	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
)

// Rewrite returns a copy of def in which the image sources whose repository is
// in n carry the host alias, for daemons without the LLB capability
// source.policy (Docker Engine 20.10). An op names its inputs by digest, so
// every op behind such a source changes with it; metadata and source locations
// follow to the new digests. Definitions nested in def, of a build op or of a
// source file, stay as they are.
//
// def itself is unchanged, and returned as is when nothing matches. The model is
// BuildKit's loading of converted sources (solver/llbsolver, recomputeDigests).
func (n Names) Rewrite(def *pb.Definition) (*pb.Definition, error) {
	// Deterministic, as BuildKit's client marshals ops (client/llb/marshal.go).
	return rewrite(def, n.edit, (*pb.Op).Marshal)
}

// edit gives an image source its host alias, if it has one.
func (n Names) edit(src Source, op *pb.SourceOp) bool {
	alias, ok := n.Alias(src.Ref)
	if ok {
		op.Identifier = ImageSource(alias)
	}
	return ok
}

// Annotate returns a copy of def, with the same ops, in which the metadata and the
// source locations of ops are also found under the digests that the ops will have
// once the rules of [Names.Policy] are applied.
//
// Every BuildKit looks for the source location of a failed step under the new digest
// (solver/llbsolver/result.go), and one as old as 0.12 for the metadata too: else a
// step loses its name there, and --no-cache its effect. A definition that cannot be
// read is returned as is: the daemon says what is wrong with it.
func (n Names) Annotate(def *pb.Definition) *pb.Definition {
	out := def
	for _, marshal := range marshallers {
		converted, err := rewrite(def, n.edit, marshal)
		if err != nil || converted == def {
			return def
		}
		if out == def {
			out = def.CloneVT()
		}
		add(out.Metadata, converted.Metadata)
		add(out.GetSource().GetLocations(), converted.GetSource().GetLocations())
	}
	return out
}

// LimitLayers returns a copy of def in which the image sources have the limit of
// layers that limit returns, unless it is 0. The number of an image's layers leaves
// the image as it is, and gives it another cache key.
func LimitLayers(def *pb.Definition, limit func(Source) int) (*pb.Definition, error) {
	return rewrite(def, func(src Source, op *pb.SourceOp) bool {
		n := limit(src)
		if n == 0 {
			return false
		}
		if op.Attrs == nil {
			op.Attrs = map[string]string{}
		}
		op.Attrs[pb.AttrImageLayerLimit] = strconv.Itoa(n)
		return true
	}, (*pb.Op).Marshal)
}

// rewrite edits the image sources of def; marshal is for the ops that changed.
func rewrite(def *pb.Definition, edit func(Source, *pb.SourceOp) bool, marshal func(*pb.Op) ([]byte, error)) (*pb.Definition, error) {
	ops, changed, err := editOps(def, edit)
	if err != nil {
		return nil, err
	}
	if !changed {
		return def, nil
	}
	g, err := newGraph(def, ops, marshal)
	if err != nil {
		return nil, err
	}
	return g.definition(def), nil
}

// editOps parses the ops of def and has the image sources among them edited. It tells
// of each op whether it changed, and whether any did.
func editOps(def *pb.Definition, edit func(Source, *pb.SourceOp) bool) (ops []node, changed bool, err error) {
	ops = make([]node, len(def.GetDef()))
	for i, dt := range def.GetDef() {
		op := new(pb.Op)
		if err := op.Unmarshal(dt); err != nil {
			return nil, false, errors.Wrapf(err, "failed to parse op %d of the definition", i)
		}
		ops[i] = node{op: op, dt: dt}
		if src, ok := imageSource(op); ok && edit(src, op.GetSource()) {
			ops[i].changed, changed = true, true
		}
	}
	return ops, changed, nil
}

// node is an op of a definition.
type node struct {
	op      *pb.Op
	dt      []byte        // the op as marshalled
	from    digest.Digest // its digest in the original definition
	to      digest.Digest // its digest now
	changed bool
	inputs  []int // the nodes that it has as input, once for each use
	users   []int // and those that have it as input
	missing int   // how many of its inputs are not relinked yet
}

// graph is a definition whose ops can be changed.
type graph struct {
	nodes   []node
	nodeFor []int // the node of each entry of Definition.Def
	marshal func(*pb.Op) ([]byte, error)
}

// newGraph links ops, the parsed ops of def, and gives those behind the ones that
// changed their new digests. An op that def lists twice becomes one node.
func newGraph(def *pb.Definition, ops []node, marshal func(*pb.Op) ([]byte, error)) (*graph, error) {
	g := &graph{marshal: marshal, nodes: make([]node, 0, len(ops)), nodeFor: make([]int, len(ops))}
	byOrig := make(map[digest.Digest]int, len(ops))
	for i, op := range ops {
		op.from = digest.FromBytes(def.Def[i])
		op.to = op.from
		at, ok := byOrig[op.from]
		if !ok {
			at = len(g.nodes)
			byOrig[op.from] = at
			g.nodes = append(g.nodes, op)
		}
		g.nodeFor[i] = at
	}
	for at := range g.nodes {
		for _, input := range g.nodes[at].op.Inputs {
			in, ok := byOrig[digest.Digest(input.Digest)]
			if !ok {
				return nil, errors.Errorf("op %s has an input that is not in the definition: %q", g.nodes[at].from, input.Digest)
			}
			g.nodes[in].users = append(g.nodes[in].users, at)
			g.nodes[at].inputs = append(g.nodes[at].inputs, in)
			g.nodes[at].missing++
		}
	}
	return g, g.relink()
}

// relink gives every op the present digests of its inputs, from the sources on
// (Kahn's algorithm): a definition need not list inputs before their users, and may
// be too deep for recursion.
func (g *graph) relink() error {
	queue := make([]int, 0, len(g.nodes))
	for at, nd := range g.nodes {
		if nd.missing == 0 {
			queue = append(queue, at)
		}
	}
	for done := 0; done < len(queue); done++ {
		nd := &g.nodes[queue[done]]
		if err := g.update(nd); err != nil {
			return err
		}
		for _, user := range nd.users {
			g.nodes[user].missing--
			if g.nodes[user].missing == 0 {
				queue = append(queue, user)
			}
		}
	}
	if len(queue) < len(g.nodes) {
		return errors.New("the definition has a cycle")
	}
	return nil
}

// update takes over the digests of nd's inputs, and marshals nd if it changed.
func (g *graph) update(nd *node) error {
	for i, input := range nd.op.Inputs {
		in := &g.nodes[nd.inputs[i]]
		if in.to != in.from {
			input.Digest = in.to.String()
			nd.changed = true
		}
	}
	if !nd.changed {
		return nil
	}
	dt, err := g.marshal(nd.op)
	if err != nil {
		return errors.Wrapf(err, "failed to marshal op %s", nd.from)
	}
	nd.dt, nd.to = dt, digest.FromBytes(dt)
	return nil
}

// definition returns a copy of def, the original definition, with the ops as
// they are now. What def keeps by digest moves to the new digests.
func (g *graph) definition(def *pb.Definition) *pb.Definition {
	out := def.CloneVT()
	for i, at := range g.nodeFor {
		out.Def[i] = g.nodes[at].dt
	}
	rekey(out.Metadata, g.nodes, func(there, _ *pb.OpMetadata) *pb.OpMetadata { return there })
	rekey(out.GetSource().GetLocations(), g.nodes, func(there, more *pb.Locations) *pb.Locations {
		if there == nil {
			return more
		}
		there.Locations = append(there.Locations, more.GetLocations()...)
		return there
	})
	return out
}

// rekey moves the values of ops that changed to their new digests. An op can become
// equal to one that was there before, when the user wrote both names: then
// merge says what is kept of the two.
func rekey[V any](values map[string]V, nodes []node, merge func(there, more V) V) {
	before := maps.Clone(values)
	for _, nd := range nodes {
		if nd.from != nd.to {
			delete(values, nd.from.String())
		}
	}
	for _, nd := range nodes {
		value, ok := before[nd.from.String()]
		if !ok || nd.from == nd.to {
			continue
		}
		if there, ok := values[nd.to.String()]; ok {
			value = merge(there, value)
		}
		values[nd.to.String()] = value
	}
}

// marshallers are the ways in which BuildKit marshals an op that a rule changed.
var marshallers = []func(*pb.Op) ([]byte, error){(*pb.Op).Marshal, marshalInOrder}

// marshalInOrder marshals an op with its fields in the order of their numbers, as
// BuildKit did up to 0.16 (gogo/protobuf). Since then the fields of a oneof come
// last. Messages are joined by joining their bytes.
func marshalInOrder(op *pb.Op) ([]byte, error) {
	head, err := (&pb.Op{Inputs: op.Inputs, Op: op.Op}).Marshal()
	if err != nil {
		return nil, err
	}
	tail, err := (&pb.Op{Platform: op.Platform, Constraints: op.Constraints}).Marshal()
	return append(head, tail...), err
}

// add adds to values what they do not have.
func add[V any](values, more map[string]V) {
	for key, value := range more {
		if _, ok := values[key]; !ok {
			values[key] = value
		}
	}
}
