package frontend

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOptions(t *testing.T) {
	for _, tc := range []struct {
		name string
		line string            // what follows the image on the syntax line
		args map[string]string // build arguments
		want func(o *options)
	}{
		{name: "defaults"},
		{name: "other arguments", args: map[string]string{"HTTP_PROXY": "x", "pullsafe_retry": "off", "MY_PULLSAFE_RETRY": "off"}},
		{name: "retry off, word", line: "retry=off", want: func(o *options) { o.retry = false }},
		{name: "retry off, argument", args: map[string]string{"PULLSAFE_RETRY": "off"}, want: func(o *options) { o.retry = false }},
		{name: "retry on", line: "retry=on"},
		{name: "strict, bare word", line: "strict", want: func(o *options) { o.strict = true }},
		{name: "strict, word with a value", line: "strict=1", want: func(o *options) { o.strict = true }},
		{name: "strict, argument", args: map[string]string{"PULLSAFE_STRICT": "true"}, want: func(o *options) { o.strict = true }},
		{name: "not strict", line: "strict=false"},
		{name: "scope all, word", line: "scope=all", want: func(o *options) { o.all = true }},
		{name: "scope all, argument", args: map[string]string{"PULLSAFE_SCOPE": "all"}, want: func(o *options) { o.all = true }},
		{name: "scope target", line: "scope=target"},
		{name: "hosts, word", line: "hosts=ghcr.io,quay.io", want: func(o *options) { o.hosts = []string{"ghcr.io", "quay.io"} }},
		{name: "hosts with spaces", args: map[string]string{"PULLSAFE_HOSTS": "ghcr.io, quay.io"}, want: func(o *options) { o.hosts = []string{"ghcr.io", "quay.io"} }},
		{name: "hosts, argument", args: map[string]string{"PULLSAFE_HOSTS": "ghcr.io:5000"}, want: func(o *options) { o.hosts = []string{"ghcr.io:5000"} }},
		{
			name: "several words",
			line: "  retry=off\tstrict  scope=all ",
			want: func(o *options) { o.retry, o.strict, o.all = false, true, true },
		},
		{
			name: "the argument wins",
			line: "retry=off strict scope=all hosts=ghcr.io",
			args: map[string]string{"PULLSAFE_RETRY": "on", "PULLSAFE_STRICT": "false", "PULLSAFE_SCOPE": "target", "PULLSAFE_HOSTS": "quay.io"},
			want: func(o *options) { o.hosts = []string{"quay.io"} },
		},
		{name: "the last word wins", line: "retry=off retry=on"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			want := defaults()
			if tc.want != nil {
				tc.want(&want)
			}
			got, err := parseOptions(frontendOpts(tc.line, tc.args))
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
}

func frontendOpts(line string, args map[string]string) map[string]string {
	opts := map[string]string{"target": "x", "context:retry": "off", "cmdline": "org/pullsafe " + line}
	for k, v := range args {
		opts["build-arg:"+k] = v
	}
	return opts
}

func TestOptionsWithoutASyntaxLine(t *testing.T) {
	got, err := parseOptions(nil)
	require.NoError(t, err)
	require.Equal(t, defaults(), got)
	// The image alone is not a control, whatever its name.
	got, err = parseOptions(map[string]string{"cmdline": "retry=off"})
	require.NoError(t, err)
	require.Equal(t, defaults(), got)
}

func TestInvalidOptions(t *testing.T) {
	const names = "retry, strict, scope, hosts"
	for _, tc := range []struct {
		name, line string
		args       map[string]string
		want       []string
	}{
		{"unknown word", "retyr=off", nil, []string{`"retyr"`, "the syntax line", names}},
		{"unknown bare word", "loud", nil, []string{`"loud"`, "the syntax line", names}},
		{"upper case word", "RETRY=off", nil, []string{`"RETRY"`, names}},
		{"no name", "=off", nil, []string{`""`, names}},
		{"unknown argument", "", map[string]string{"PULLSAFE_RETYR": "off"}, []string{`"retyr"`, "build argument PULLSAFE_RETYR", names}},
		{"argument without a name", "", map[string]string{"PULLSAFE_": "off"}, []string{`""`, names}},
		{"bad retry", "retry=no", nil, []string{`"retry"`, "on, off"}},
		{"bare retry", "retry", nil, []string{`"retry"`, "on, off"}},
		{"bad strict", "", map[string]string{"PULLSAFE_STRICT": "maybe"}, []string{`"strict"`, "PULLSAFE_STRICT", "true, false"}},
		{"empty strict", "", map[string]string{"PULLSAFE_STRICT": ""}, []string{`"strict"`, "true, false"}},
		{"bad scope", "scope=stage", nil, []string{`"scope"`, "target, all"}},
		{"bare hosts", "hosts", nil, []string{`"hosts"`, "separated by commas"}},
		{"empty host", "hosts=ghcr.io,,quay.io", nil, []string{"separated by commas"}},
		{"a bad argument behind a good word", "retry=off", map[string]string{"PULLSAFE_RETRY": "maybe"}, []string{`"retry"`, "on, off"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := parseOptions(frontendOpts(tc.line, tc.args))
			require.Error(t, err)
			require.True(t, strings.HasPrefix(err.Error(), "pullsafe: "), err)
			for _, part := range tc.want {
				require.ErrorContains(t, err, part)
			}
			for _, value := range tc.args {
				require.False(t, value != "" && strings.Contains(err.Error(), `"`+value+`"`), "a build argument's value is not printed: %s", err)
			}
		})
	}
}

// TestControlsAreListed: an error names every control and each error its values.
func TestControlsAreListed(t *testing.T) {
	for _, c := range controls {
		_, err := parseOptions(frontendOpts("nothing", nil))
		require.ErrorContains(t, err, c.name)
		_, err = parseOptions(frontendOpts(c.name+"=,", nil))
		require.ErrorContains(t, err, c.values)
	}
}

func TestFallsBack(t *testing.T) {
	for _, tc := range []struct {
		name string
		opt  options
		host string
		want bool
	}{
		{"every host", options{retry: true}, "ghcr.io", true},
		{"off", options{}, "ghcr.io", false},
		{"off wins over a host", options{hosts: []string{"ghcr.io"}}, "ghcr.io", false},
		{"listed", options{retry: true, hosts: []string{"quay.io", "ghcr.io"}}, "ghcr.io", true},
		{"listed in another case", options{retry: true, hosts: []string{"GHCR.io"}}, "ghcr.io", true},
		{"not listed", options{retry: true, hosts: []string{"quay.io"}}, "ghcr.io", false},
		{"part of a name", options{retry: true, hosts: []string{"ghcr.io"}}, "my.ghcr.io", false},
		{"another port", options{retry: true, hosts: []string{"reg.test"}}, "reg.test:5000", false},
		{"Docker Hub", options{retry: true, hosts: []string{"docker.io"}}, "docker.io", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.want, tc.opt.fallsBack(tc.host))
		})
	}
}

// TestBuildOfInvalidOptions: before anything is asked.
func TestBuildOfInvalidOptions(t *testing.T) {
	gw := newFake(t, nil)
	gw.opts = frontendOpts("", map[string]string{"PULLSAFE_RETRY": "maybe"})
	_, err := Build(t.Context(), gw)
	require.ErrorContains(t, err, "PULLSAFE_RETRY")
	require.Empty(t, gw.solves)
}
