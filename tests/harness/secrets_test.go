package harness_test

import (
	"context"
	"encoding/base64"
	"testing"

	"github.com/moby/buildkit/client"
	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
)

const planted = "planted-secret-0123456789"

// ownEnv is an environment whose check finds only what the test plants.
func ownEnv(t *testing.T) *harness.Env {
	t.Helper()
	e, err := harness.NewEnv(t.Context(), harness.T(t).Tools)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return e
}

// TestCheckSecretsFinds plants a secret in each place where one could be printed.
func TestCheckSecretsFinds(t *testing.T) {
	shell := func(script string) func(*testing.T, *harness.Env) {
		return func(t *testing.T, e *harness.Env) {
			_, err := e.Run(t.Context(), "sh", harness.CommandOpt{Args: []string{"-c", script}})
			require.NoError(t, err)
		}
	}
	add := func(e *harness.Env) { e.AddSecret(harness.Secret{Name: "the planted one", Value: planted}) }
	for _, tc := range []struct {
		name  string
		add   func(*harness.Env) // nil: add
		print func(*testing.T, *harness.Env)
		want  string // empty: nothing is found
	}{
		{name: "stdout", print: shell("echo a " + planted), want: "the planted one (in the stdout of sh)"},
		{name: "stderr", print: shell("echo " + planted + " >&2"), want: "the planted one (in the stderr of sh)"},
		{name: "step error", print: shell("echo '#7 ERROR: " + planted + "' >&2"), want: "the planted one (in the error of a step)"},
		{name: "a file in base64", print: func(_ *testing.T, e *harness.Env) {
			e.Printed("file", base64.StdEncoding.EncodeToString([]byte(`{"a":"`+planted+`"}`)))
		}, want: "the planted one (in the file, decoded)"},
		{name: "a login that a configuration holds", add: func(e *harness.Env) {
			_, err := e.DockerConfig(harness.DockerConfigOpt{Auths: map[string]harness.Login{"reg.test": {User: "me", Password: planted}}})
			require.NoError(t, err)
		}, print: shell("echo " + base64.StdEncoding.EncodeToString([]byte("me:"+planted))), want: "login for reg.test (in the stdout of sh)"},
		{name: "BuildKit's own text", add: func(e *harness.Env) {
			e.AddSecret(harness.Secret{Name: "signature", Value: planted, BuildKitPrints: true})
		}, print: shell("echo '#7 ERROR: " + planted + "' >&2")},
		{name: "BuildKit's own text, printed elsewhere", add: func(e *harness.Env) {
			e.AddSecret(harness.Secret{Name: "signature", Value: planted, BuildKitPrints: true})
		}, print: shell("echo 'ERROR: " + planted + "' >&2"), want: "signature (in the stderr of sh)"},
		{name: "another text", print: shell("echo planted-secret-012345678; echo lanted-secret-0123456789")},
		{name: "nothing"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := ownEnv(t)
			if tc.print != nil {
				tc.print(t, e)
			}
			if tc.add == nil {
				tc.add = add
			}
			tc.add(e) // late: what was printed before counts
			err := e.CheckSecrets()
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.want)
			require.NotContains(t, err.Error(), planted)
		})
	}
}

// TestCheckSecretsOfABuild plants one in all that a frontend can say.
func TestCheckSecretsOfABuild(t *testing.T) {
	e := ownEnv(t)
	e.AddSecret(harness.Secret{Name: "the planted one", Value: planted})
	d, err := e.StartBuildkitd(t.Context(), harness.BuildkitdOpt{})
	require.NoError(t, err)
	c, err := d.Client(t.Context())
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	fail := false
	build := func(ctx context.Context, gw gwclient.Client) (*gwclient.Result, error) {
		if fail {
			return nil, errors.New("no: " + planted)
		}
		res := gwclient.NewResult()
		res.AddMeta("frontend.report", []byte(base64.StdEncoding.EncodeToString([]byte(planted))))
		return res, gw.Warn(ctx, "", "short "+planted, gwclient.WarnOpts{Detail: [][]byte{[]byte("long " + planted)}, URL: "https://example.com"})
	}
	in := harness.SolveInput{Frontend: harness.Frontend{Func: build}, Modify: func(o *client.SolveOpt) { o.Exports = nil }}
	_, err = e.Solve(t.Context(), c, in)
	require.NoError(t, err)
	fail = true
	_, err = e.Solve(t.Context(), c, in)
	require.NoError(t, err)
	err = e.CheckSecrets()
	for _, want := range []string{"warning", "detail of a warning", "error of a build", "result frontend.report, decoded"} {
		require.ErrorContains(t, err, "the planted one (in the "+want+")")
	}
}

// TestTokensAreSecrets: what a registry of the harness issues is looked for.
func TestTokensAreSecrets(t *testing.T) {
	e := ownEnv(t)
	reg, err := e.StartRegistry(t.Context(), harness.RegistryOpt{Mode: harness.ModeToken})
	require.NoError(t, err)
	out, err := e.Run(t.Context(), e.Tools.Path(harness.ToolBusybox), harness.CommandOpt{
		Args: []string{"wget", "-q", "-Y", "off", "-O", "-", "http://" + reg.Addr + "/token?scope=repository:a/b:pull"},
	})
	require.NoError(t, err)
	require.Contains(t, out.Stdout, "token")
	require.ErrorContains(t, e.CheckSecrets(), "token of "+reg.Addr+" (in the stdout of busybox)")
}
