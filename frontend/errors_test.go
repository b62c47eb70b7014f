package frontend

import (
	"context"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/grpcerrors"
	"github.com/moby/buildkit/util/stack"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/org/pullsafe/frontend/diagnosis"
)

// overTheGateway is err as the other side of a gRPC connection has it.
func overTheGateway(t *testing.T, err error) error {
	t.Helper()
	return grpcerrors.FromGRPC(grpcerrors.ToGRPC(t.Context(), err))
}

// gatewayError is an error as the gateway's client returns it: with the daemon's
// stack and text, and maybe a source.
func gatewayError(t *testing.T, text string) error {
	t.Helper()
	return overTheGateway(t, errors.New(text))
}

const threeLines = "2 of 5 images could not be resolved\n\n  ghcr.io/acme/base:1.4    Dockerfile:3\n\tdocker logout ghcr.io"

func TestWordsCrossTheGateway(t *testing.T) {
	for _, tc := range []struct{ name, text, cause string }{
		{"one line", "ghcr.io refused", refused},
		{"several lines", threeLines, refused},
		{"shorter than the cause", "no", strings.Repeat(refused+" ", 20)},
		{"not ASCII", "«ghcr.io» …", refused},
		{"percent", "100%s %!d", refused},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cause := gatewayError(t, tc.cause)
			got := overTheGateway(t, newWorded(tc.text, cause))
			require.EqualError(t, got, tc.text)
			require.Equal(t, codes.Unknown, grpcerrors.Code(got))
			// And once more: a frontend that calls this one.
			require.EqualError(t, overTheGateway(t, got), tc.text)
		})
	}
}

// TestPlainWrapLosesTheWords is the reason for worded: when it fails, BuildKit
// has changed.
func TestPlainWrapLosesTheWords(t *testing.T) {
	cause := gatewayError(t, refused)
	require.EqualError(t, overTheGateway(t, errors.WithMessage(cause, "ours")), refused)
}

func TestDetailsCrossTheGateway(t *testing.T) {
	cause := gatewayError(t, refused)
	require.NotEmpty(t, frames(stack.Traces(cause)))
	src := &errdefs.Source{Info: &pb.SourceInfo{Filename: "Dockerfile", Data: []byte("FROM x")}}
	err := errdefs.WithSource(error(newWorded(threeLines, cause)), src)
	require.EqualError(t, err, threeLines)

	got := overTheGateway(t, err)
	require.EqualError(t, got, threeLines)
	require.Subset(t, frames(stack.Traces(got)), frames(stack.Traces(cause)))
	require.Len(t, errdefs.Sources(got), 1)
	require.Equal(t, "Dockerfile", errdefs.Sources(got)[0].Info.Filename)
}

func frames(traces []*stack.Stack) []string {
	var out []string
	for _, st := range traces {
		for _, f := range st.Frames {
			out = append(out, f.Name)
		}
	}
	return out
}

func TestRefError(t *testing.T) {
	cause := gatewayError(t, anonymous)
	gw := &fakeClient{t: t, registry: func(context.Context, string, sourceresolver.Opt) error { return cause }}
	err := config(t, newClient(gw, defaults()), uv)
	require.ErrorIs(t, err, cause)
	words := err.Error()
	require.NotContains(t, words, "\n")
	require.NotContains(t, words, anonymous)
	require.Contains(t, words, "ghcr.io")

	// The builder wraps it and attaches its place; it is still found.
	err = errdefs.WithSource(errors.Wrap(err, "failed to solve"), &errdefs.Source{})
	var ref *refError
	require.ErrorAs(t, err, &ref)
	require.Equal(t, uv, ref.query.ref)
	require.Equal(t, words, ref.tries.Conclude().Headline)

	got := overTheGateway(t, error(ref))
	require.EqualError(t, got, words)
	require.NotEmpty(t, stack.Traces(got))
}

// TestExplains: these classes keep BuildKit's own words and details.
func TestExplains(t *testing.T) {
	for _, c := range []diagnosis.Class{diagnosis.PolicyDenied, diagnosis.InvalidReference, diagnosis.Canceled, diagnosis.NotARegistryError} {
		require.False(t, explains(c), c)
	}
	for _, c := range []diagnosis.Class{
		diagnosis.CredentialsRejected, diagnosis.AuthRequired, diagnosis.DeniedAmbiguous, diagnosis.CredentialHelper, diagnosis.RateLimited,
		diagnosis.NotFound, diagnosis.NoMatchingPlatform, diagnosis.NetworkFailure, diagnosis.TLSFailure, diagnosis.RegistryOutage,
	} {
		require.True(t, explains(c), c)
	}
}
