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
	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/frontend/report"
)

// overTheGateway is err as the other side of a gRPC connection has it.
func overTheGateway(t testing.TB, err error) error {
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
		{"one line", "ghcr.io rejected the credentials", rejected},
		{"several lines", threeLines, rejected},
		{"shorter than the cause", "no", strings.Repeat(rejected+" ", 20)},
		{"not ASCII", "«ghcr.io» …", rejected},
		{"percent", "100%s %!d", rejected},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cause := gatewayError(t, tc.cause)
			got := overTheGateway(t, newStatusError(tc.text, cause))
			require.EqualError(t, got, tc.text)
			require.Equal(t, codes.Unknown, grpcerrors.Code(got))
			// And once more: a frontend that calls this one.
			require.EqualError(t, overTheGateway(t, got), tc.text)
		})
	}
}

// TestPlainWrapLosesTheWords is the reason for statusError: when it fails, BuildKit
// has changed.
func TestPlainWrapLosesTheWords(t *testing.T) {
	cause := gatewayError(t, rejected)
	require.EqualError(t, overTheGateway(t, errors.WithMessage(cause, "ours")), rejected)
}

func TestDetailsCrossTheGateway(t *testing.T) {
	cause := gatewayError(t, rejected)
	require.NotEmpty(t, frames(stack.Traces(cause)))
	src := &errdefs.Source{Info: &pb.SourceInfo{Filename: "Dockerfile", Data: []byte("FROM x")}}
	err := errdefs.WithSource(error(newStatusError(threeLines, cause)), src)
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
	require.Equal(t, uv, ref.resolution.Ref)
	require.Equal(t, words, report.Explain(ref.resolution).Headline)

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

// TestOtherErrorsAreKept: what is not a registry's to answer reaches the builder as it
// came, in BuildKit's type.
func TestOtherErrorsAreKept(t *testing.T) {
	for text, kept := range map[string]bool{
		`could not resolve image due to policy: source "docker-image://` + uv + `" denied by policy: source denied by policy`: true,
		"could not resolve image due to policy: " + rejected:                                                                  true,
		`failed to parse stage name "x-": invalid reference format`:                                                           true,
		`failed to fetch oauth token: Post "https://x/token": context canceled`:                                               true,
		"no such worker":   true,
		uv + ": not found": false,
		anonymous:          false,
		rejected:           false,
	} {
		came := errors.New(text)
		gw := &fakeClient{t: t, registry: func(context.Context, string, sourceresolver.Opt) error { return came }}
		err := config(t, newClient(gw, options{}), uv)
		require.ErrorIs(t, err, came)
		var ref *refError
		require.Equal(t, !kept, errors.As(err, &ref), text)
		if kept {
			require.Same(t, came, err)
		}
	}
}

// TestWhatStoppedTheBuildWasNeeded, whatever was thought of it.
func TestWhatStoppedTheBuildWasNeeded(t *testing.T) {
	for name, opt := range map[string]options{"denied": defaults(), "strict": {retry: true, strict: true}} {
		gw := newFake(t, map[string][]string{imageA: {rejected}, "REG.TEST/a:1": {map[string]string{"denied": anonymous, "strict": ""}[name]}})
		s := &session{client: newClient(gw, opt), opt: opt}
		s.refs = []references.Reference{{Name: imageA, Platform: &amd64, Positions: []references.Position{{File: "Dockerfile", Line: 3}}}}
		err := s.explain(errors.Wrap(config(t, s.client, imageA), "failed to solve"))
		require.ErrorContains(t, err, imageA)
		require.ErrorContains(t, err, "Dockerfile:3")
		require.EqualError(t, overTheGateway(t, err), err.Error())
	}
	other := errors.New("exit code: 1")
	require.Same(t, other, (&session{}).explain(other))
}

// TestSnippetsAreBounded: each line once, of what the target needs, in the order of the
// file.
func TestSnippetsAreBounded(t *testing.T) {
	s, _ := newSession(t, manyImages(2*maxSnippets), defaults(), map[string]answerFunc{"a": says(missing)})
	s.preflight(t.Context())()
	var shown []int
	for _, src := range s.snippets(func(e entry) bool { return e.failed() }) {
		require.Equal(t, "Dockerfile", src.Info.Filename)
		require.Equal(t, s.source.Data, src.Info.Data)
		shown = append(shown, int(src.Ranges[0].Start.Line))
	}
	require.Equal(t, []int{2, 3, 4, 5, 6, 7, 8, 9}, shown)
	require.Empty(t, s.snippets(func(entry) bool { return false }))
	require.Empty(t, (&session{}).snippets(nil))
}
