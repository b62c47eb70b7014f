package frontend

import (
	"strings"
	"testing"

	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/sourcepolicy"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
	digest "github.com/opencontainers/go-digest"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/internal/daemon"
	"github.com/org/pullsafe/llb"
)

const (
	at       = "@" + string(testDigest)
	noDigest = "@sha256:0000000000000000000000000000000000000000000000000000000000000000"

	blob         = "failed to copy: httpReadSeeker: failed open: "
	blobRejected = blob + rejected
	blobLimited  = blob + "unexpected status code https://reg.test/v2/a/blobs/sha256:aaaa: 429 Too Many Requests"
	blobOutage   = blob + "unexpected status code https://reg.test/v2/a/blobs/sha256:aaaa: 503 Service Unavailable"
	blobDial     = blob + `failed to do request: Get "https://reg.test/v2/a/blobs/sha256:aaaa": dial tcp 192.0.2.1:443: connect: connection refused`
)

// loaded are the ops of a request as the daemon has them, with their digests. The
// builder lists the inputs of an op before it.
func loaded(t testing.TB, req gwclient.SolveRequest) ([]*pb.Op, []digest.Digest) {
	t.Helper()
	engine := sourcepolicy.NewEngine(req.SourcePolicies)
	to := map[string]string{}
	ops, digests := make([]*pb.Op, len(req.Definition.Def)), make([]digest.Digest, len(req.Definition.Def))
	for i, dt := range req.Definition.Def {
		var op pb.Op
		require.NoError(t, op.Unmarshal(dt))
		ops[i], digests[i] = &op, daemon.Load(t, engine, &op, dt, to)
		to[digest.FromBytes(dt).String()] = digests[i].String()
	}
	return ops, digests
}

func isExec(op *pb.Op) bool { return op.GetExec() != nil }

func isCopy(op *pb.Op) bool { return op.GetFile() != nil }

func isImage(op *pb.Op) bool {
	return strings.HasPrefix(op.GetSource().GetIdentifier(), llb.ImageScheme)
}

func isLocal(op *pb.Op) bool { return op.GetSource() != nil && !isImage(op) }

// failsAt is the error of an op of a request as it comes over the gateway. It is of the
// first op for which is is true.
func failsAt(t testing.TB, req gwclient.SolveRequest, is func(*pb.Op) bool, err error) error {
	t.Helper()
	ops, digests := loaded(t, req)
	for i, op := range ops {
		if is(op) {
			return overTheGateway(t, errdefs.WrapVertex(err, digests[i]))
		}
	}
	require.Fail(t, "no such op")
	return nil
}

// rejectedAt fails the first solves of a build at an op, because a layer is rejected.
func rejectedAt(t testing.TB, is func(*pb.Op) bool, solves int) func(int, gwclient.SolveRequest) error {
	return func(n int, req gwclient.SolveRequest) error {
		if n > solves {
			return nil
		}
		return failsAt(t, req, is, errors.New(blobRejected))
	}
}

// rules are the convert rules of a request, and their attributes.
func rules(req gwclient.SolveRequest) (converts map[string]string, attrs map[string]map[string]string) {
	converts, attrs = map[string]string{}, map[string]map[string]string{}
	for _, policy := range req.SourcePolicies {
		for _, rule := range policy.Rules {
			if rule.Action == spb.PolicyAction_CONVERT {
				converts[rule.Selector.Identifier] = rule.Updates.Identifier
				if rule.Updates.Attrs != nil {
					attrs[rule.Selector.Identifier] = rule.Updates.Attrs
				}
			}
		}
	}
	return converts, attrs
}

// ignoring are the ops of a request, by number, that ignore the cache.
func ignoring(req gwclient.SolveRequest) []int {
	var out []int
	for i, dt := range req.Definition.Def {
		if req.Definition.Metadata[digest.FromBytes(dt).String()].GetIgnoreCache() {
			out = append(out, i)
		}
	}
	return out
}

// kept is an image that BuildKit knows the metadata of, whatever the credentials are
// worth; served is one that a registry serves under an alias to everybody.
func kept(answers map[string][]string, refs ...string) map[string][]string {
	for _, ref := range refs {
		answers[ref] = []string{""}
	}
	return answers
}

func served(answers map[string][]string, repository, tag string) map[string][]string {
	answers[repository+noDigest] = []string{repository + noDigest + ": not found"}
	answers[repository+tag+at] = []string{""}
	return answers
}

// convertedBy is a rule for an image, as rules has it.
func convertedBy(ref, alias string) map[string]string {
	return map[string]string{llb.ImageScheme + ref: llb.ImageScheme + alias}
}
