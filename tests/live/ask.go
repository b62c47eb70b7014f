package main

import (
	"context"
	"sync"
	"time"

	"github.com/distribution/reference"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/registry"
	"github.com/org/pullsafe/llb"
)

// tryTimeout bounds one try: an image's metadata and one layer.
const tryTimeout = 90 * time.Second

// answer is what came of one try.
type answer struct {
	Reference string          `json:"reference"`
	OK        bool            `json:"ok"`
	Digest    string          `json:"digest,omitempty"`
	Class     diagnosis.Class `json:"class,omitempty"`
	Message   string          `json:"message,omitempty"`
	Error     string          `json:"error,omitempty"`
}

// result is what is known of one registry.
type result struct {
	Image string `json:"image"`
	Host  string `json:"host"`
	// Anonymous is the try as written without a login, Refused the one with a
	// made-up login, Aliases those under host aliases while that login is stored, in
	// the order of registry.AliasOrder.
	Anonymous answer   `json:"anonymous"`
	Refused   answer   `json:"refused"`
	Aliases   []answer `json:"aliases"`
}

// askAll asks all registries at once.
func askAll(ctx context.Context, list []string) ([]result, error) {
	results := make([]result, len(list))
	var wg sync.WaitGroup
	for i, image := range list {
		ref, err := reference.ParseNormalizedNamed(image)
		if err != nil {
			return nil, errors.Wrap(err, image)
		}
		wg.Go(func() { results[i] = ask(ctx, reference.TagNameOnly(ref)) })
	}
	wg.Wait()
	return results, errors.WithStack(context.Cause(ctx))
}

func ask(ctx context.Context, ref reference.Named) result {
	host := reference.Domain(ref)
	r := result{Image: reference.FamiliarString(ref), Host: host}
	r.Anonymous = try(ctx, ref, "")
	r.Refused = try(ctx, ref, host)
	for _, other := range llb.Aliases(ref, registry.AliasOrder(host)) {
		a := try(ctx, other, host)
		if a.OK && r.Anonymous.OK && a.Digest != r.Anonymous.Digest {
			a.OK, a.Message = false, "another image: "+a.Digest
		}
		r.Aliases = append(r.Aliases, a)
	}
	return r
}

// try pulls what a build would pull of an image, with a made-up login stored for
// the host, if one is given.
func try(ctx context.Context, ref reference.Named, loginFor string) answer {
	ctx, cancel := context.WithTimeoutCause(ctx, tryTimeout, errors.New("no answer in time"))
	defer cancel()
	a := answer{Reference: ref.String()}
	digest, err := pull(ctx, ref.String(), loginFor)
	if err != nil {
		d := diagnosis.Diagnose(ref.String(), err.Error())
		a.Class, a.Message, a.Error = d.Class, d.Message, diagnosis.Clean(err.Error(), 2000)
		return a
	}
	a.OK, a.Digest = true, digest
	return a
}
