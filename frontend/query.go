package frontend

import (
	"context"
	"fmt"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	spb "github.com/moby/buildkit/sourcepolicy/pb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/references"
)

const imageSourcePrefix = "docker-image://"

// answer is what BuildKit knows of one image.
type answer struct {
	ref    string // as the daemon returned it
	dgst   digest.Digest
	config []byte
	meta   *sourceresolver.MetaResponse // of a ResolveSourceMetadata call
}

// ask sends one metadata request for ref to BuildKit.
type ask func(ctx context.Context, ref, logName string, policies []*spb.Policy) (*answer, error)

// query is one reference to resolve, however BuildKit is asked for it.
type query struct {
	ref      string          // as the builder wrote it
	named    reference.Named // nil when ref does not parse
	platform *ocispecs.Platform
	logName  string
	key      string
	ask      ask
}

// newQuery describes a request of the given kind. Its key leaves the name of
// the progress step out: the preflight and the builder then share one request,
// whatever step either would show for it.
func newQuery(kind, ref string, opt sourceresolver.Opt, ask ask) *query {
	q := &query{ref: ref, logName: opt.LogName, ask: ask}
	var how string
	if o := opt.ImageOpt; o != nil {
		q.platform = o.Platform
		how = fmt.Sprint(o.ResolveMode, o.NoConfig, o.AttestationChain, o.ResolveAttestations)
	}
	q.key = kind + "\x00" + references.Key(ref, q.platform) + "\x00" + how
	if named, err := reference.ParseNormalizedNamed(ref); err == nil {
		q.named = named
	}
	return q
}

// withoutCredentialsLog names the progress step of a try without credentials. A
// daemon that shows no warnings shows the advice there, or the user would not
// learn of it.
func (q *query) withoutCredentialsLog(warnings bool) string {
	name := q.logName
	if name == "" {
		name = "[internal] load metadata for " + q.ref
	}
	if !warnings {
		return name + diagnosis.StepAdvice(q.host())
	}
	return name + " (without credentials)"
}

// host is the registry host as the user knows it.
func (q *query) host() string {
	return reference.Domain(q.named)
}

// respelled returns a, which was had under another spelling, as the answer to
// q: the builder goes on with the name that the user wrote.
func (a *answer) respelled(q *query) *answer {
	out := *a
	out.ref = q.ref
	if a.meta != nil && a.meta.Op != nil {
		meta := *a.meta
		meta.Op = meta.Op.CloneVT()
		meta.Op.Identifier = imageSourcePrefix + q.ref
		out.meta = &meta
	}
	return &out
}
