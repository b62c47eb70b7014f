package llb

import (
	"cmp"

	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
)

// Vertex is an op of a definition, found by the digest that an error names.
type Vertex struct {
	def *pb.Definition
	g   *graph
	at  int
}

// Find looks for the op with the given digest: as def has it, or as it is once the
// rules of [Names.Policy] are applied.
func (n Names) Find(def *pb.Definition, vertex digest.Digest) (*Vertex, bool) {
	for _, marshal := range marshallers {
		ops, _, err := editOps(def, n.edit)
		if err != nil {
			return nil, false
		}
		g, err := newGraph(def, ops, marshal)
		if err != nil {
			return nil, false
		}
		for at := range g.nodes {
			if nd := &g.nodes[at]; nd.from == vertex || nd.to == vertex {
				return &Vertex{def: def, g: g, at: at}, true
			}
		}
	}
	return nil, false
}

// Digest is the digest of the op in the definition.
func (v *Vertex) Digest() digest.Digest { return v.g.nodes[v.at].from }

// Sources are the image sources that the op needs, itself included, by original name.
func (v *Vertex) Sources() []Source {
	below := v.reach(func(nd *node) []int { return nd.inputs })
	part := &pb.Definition{}
	for i, at := range v.g.nodeFor {
		if below[at] {
			part.Def = append(part.Def, v.def.Def[i])
		}
	}
	sources, _ := ImageSources(part) // they were parsed before
	return sources
}

// IgnoresCache tells whether the definition has the op run whatever is cached.
func (v *Vertex) IgnoresCache() bool {
	return v.def.Metadata[v.Digest().String()].GetIgnoreCache()
}

// IgnoreCache returns a copy of the definition, with the same ops, in which the op
// and what depends on it ignore the cache. Everything else keeps its own.
//
// Within a job, BuildKit merges an op into another of the same cache key, a failed
// one too, unless only the new one ignores the cache (solver/scheduler.go, mergeTo;
// solver/index.go, LoadOrStore). Where the op is an image source, nothing that needs
// it has a cache key yet, and the definition stays as it is.
func (v *Vertex) IgnoreCache() *pb.Definition {
	if v.g.nodes[v.at].op.GetSource() != nil {
		return v.def
	}
	var ops []digest.Digest
	for at := range v.reach(func(nd *node) []int { return nd.users }) {
		ops = append(ops, v.g.nodes[at].from)
	}
	return ignoreCache(v.def, ops)
}

// IgnoreCache returns a copy of def, with the same ops, in which the images of n
// ignore the cache: the one that is pulled under its alias would be merged into the
// same image as written otherwise.
func (n Names) IgnoreCache(def *pb.Definition) *pb.Definition {
	ops, _, err := editOps(def, n.edit)
	if err != nil {
		return def
	}
	var images []digest.Digest
	for i, op := range ops {
		if op.changed {
			images = append(images, digest.FromBytes(def.Def[i]))
		}
	}
	return ignoreCache(def, images)
}

func ignoreCache(def *pb.Definition, ops []digest.Digest) *pb.Definition {
	out := def.CloneVT()
	if out.Metadata == nil {
		out.Metadata = map[string]*pb.OpMetadata{}
	}
	for _, op := range ops {
		meta := cmp.Or(out.Metadata[op.String()], &pb.OpMetadata{})
		meta.IgnoreCache = true
		out.Metadata[op.String()] = meta
	}
	return out
}

// reach is the set of nodes that are reached from the op, itself included.
func (v *Vertex) reach(next func(*node) []int) map[int]bool {
	seen := map[int]bool{v.at: true}
	for queue := []int{v.at}; len(queue) > 0; queue = queue[1:] {
		for _, at := range next(&v.g.nodes[queue[0]]) {
			if !seen[at] {
				seen[at] = true
				queue = append(queue, at)
			}
		}
	}
	return seen
}
