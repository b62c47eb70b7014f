package llb

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/sourcepolicy"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/internal/daemon"
)

// aliasAll maps every image of def to one of its host aliases.
func aliasAll(t testing.TB, def *pb.Definition, nth int) Names {
	t.Helper()
	names := Names{}
	sources, err := ImageSources(def)
	require.NoError(t, err)
	for _, src := range sources {
		if others := Aliases(src.Ref, allKinds); len(others) > 0 {
			names[src.Ref.Name()] = others[nth%len(others)].Name()
		}
	}
	return names
}

// requireAgreement checks that the two ways of taking the credentials away lead to
// the same graph: the definition as rewritten, and as the daemon has it after the
// convert rules (solver/llbsolver: each source is evaluated, then digests are made
// anew from the sources on).
func requireAgreement(t testing.TB, names Names, def *pb.Definition) {
	t.Helper()
	got, err := names.Rewrite(def)
	if err != nil {
		return
	}
	pol, err := names.Policy(def)
	require.NoError(t, err)
	if pol == nil {
		require.Same(t, def, got)
		return
	}
	want := convertAsTheDaemon(t, def, pol)
	for i := range def.Def {
		require.Equal(t, want[i], sum(got.Def[i]), "op %d", i)
		if want[i] == sum(def.Def[i]) {
			require.Equal(t, def.Def[i], got.Def[i], "op %d is behind no such image", i)
		}
	}
}

// convertAsTheDaemon returns the digest of each op after the convert rules.
func convertAsTheDaemon(t testing.TB, def *pb.Definition, pol *spb.Policy) []string {
	t.Helper()
	engine := sourcepolicy.NewEngine([]*spb.Policy{pol})
	ops, to := parseOps(t, def), map[string]string{}
	out := make([]string, len(ops))
	for left := len(ops); left > 0; {
		before := left
		for i, op := range ops {
			if out[i] != "" || !relinked(op, to) {
				continue
			}
			out[i] = daemon.Load(t, engine, op, def.Def[i], to).String()
			to[sum(def.Def[i])] = out[i]
			left--
		}
		require.Less(t, left, before, "a cycle, which Rewrite refuses")
	}
	return out
}

func relinked(op *pb.Op, to map[string]string) bool {
	for _, input := range op.Inputs {
		if to[input.Digest] == "" {
			return false
		}
	}
	return true
}

func TestRewriteAgreesWithPolicy(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 10))
	for i := range 300 {
		def := randomDefinition(t, rnd, 1+rnd.IntN(40))
		requireAgreement(t, testNames(), def)
		requireAgreement(t, aliasAll(t, def, i), def)
	}
	requireAgreement(t, testNames(), build(t, func(ref string) string { return ref }))
}

// FuzzRewriteAgreesWithPolicy takes any identifiers for the sources of a graph
// that other bytes link.
func FuzzRewriteAgreesWithPolicy(f *testing.F) {
	f.Add(strings.Join([]string{alpineSource, toolsSource, busyboxSource}, "\n"), []byte{0, 1, 2}, 0)
	f.Add("docker-image://a\ndocker-image://A/b:1\ndocker-image://127.0.0.1:5000/x\nlocal://x\noci-layout://x@"+testDigest, []byte{0, 0, 1, 1}, 1)
	f.Add("docker-image://ghcr.io/a:1\ndocker-image://GHCR.IO/a:1\ndocker-image://Ghcr.Io/a:1\ndocker-image://ghcr.io:443/a:1", []byte("abcdef"), 0)
	f.Fuzz(func(t *testing.T, identifiers string, links []byte, nth int) {
		if len(identifiers) > 4096 || len(links) > 64 || nth < 0 {
			return
		}
		def := &pb.Definition{}
		var digests []string
		add := func(op *pb.Op) bool {
			dt, err := op.Marshal()
			if err != nil {
				return false // not UTF-8
			}
			def.Def = append(def.Def, dt)
			digests = append(digests, sum(dt))
			return true
		}
		for identifier := range strings.SplitSeq(identifiers, "\n") {
			if !add(&pb.Op{Op: &pb.Op_Source{Source: &pb.SourceOp{Identifier: identifier}}}) {
				return
			}
		}
		for i, link := range links {
			op := &pb.Op{Op: &pb.Op_Exec{Exec: &pb.ExecOp{Meta: &pb.Meta{Cwd: string(rune('a' + i))}}}}
			for _, in := range []int{int(link), int(link) / 2} {
				op.Inputs = append(op.Inputs, &pb.Input{Digest: digests[in%len(digests)]})
			}
			add(op)
		}
		requireAgreement(t, aliasAll(t, def, nth), def)
		requireAgreement(t, testNames(), def)
	})
}
