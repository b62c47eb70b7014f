package llb

import "github.com/moby/buildkit/solver/pb"

// Annotate returns a copy of def, with the same ops, in which the metadata and the
// source locations of ops are also found under the digests that the ops will have
// once the rules of [Names.Policy] are applied.
//
// Every BuildKit looks for the source location of a step that failed under the
// new digest (solver/llbsolver/result.go), and one as old as 0.12 for the
// metadata too: without it a step loses its name there, and --no-cache its
// effect. A definition that cannot be read is returned as is: the daemon says what
// is wrong with it.
func (n Names) Annotate(def *pb.Definition) *pb.Definition {
	out := def
	for _, marshal := range []func(*pb.Op) ([]byte, error){(*pb.Op).Marshal, marshalInOrder} {
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
