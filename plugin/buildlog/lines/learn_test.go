package lines

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

const plainLog = `#1 [internal] load build definition from Dockerfile
#1 DONE 0.0s

#3 [internal] load metadata for ghcr.io/acme/base:1.4
#3 ERROR: denied: denied
------
 > [internal] load metadata for ghcr.io/acme/base:1.4:
------
Dockerfile:3
--------------------
   1 |     FROM alpine:3
   3 | >>> COPY --from=ghcr.io/acme/base:1.4 /x /x
--------------------
ERROR: failed to solve: denied: denied`

const ttyLog = `[+] Building 0.6s (3/3) FINISHED
 => [internal] load build definition from Dockerfile             0.0s
 => ERROR [internal] load metadata for ghcr.io/acme/base:1.4     0.5s
------
 > [internal] load metadata for ghcr.io/acme/base:1.4:
------
ERROR: failed to solve: denied: denied`

const classicLog = `Sending build context to Docker daemon  2.048kB
Step 1/2 : FROM ghcr.io/acme/base:1.4
 ---> 0a97eee8041e
Step 2/2 : RUN make
 ---> Running in 0123456789ab
make: done`

// TestLearned: whatever stands before each line, the lines are those of the log.
func TestLearned(t *testing.T) {
	for name, stamp := range map[string]func(i int) string{
		"service":         func(int) string { return "builder-1  | " },
		"service, narrow": func(int) string { return "app_builder_1 | " },
		"job":             func(int) string { return "[build-and-push] " },
		"job, tight":      func(int) string { return "[stderr]" },
		"Maven":           func(i int) string { return []string{"[INFO] DOCKER> ", "[ERROR] DOCKER> "}[i%2] },
		"Railway":         func(i int) string { return []string{"[inf]  ", "[err]  "}[i%2] },
		"Coolify":         func(i int) string { return fmt.Sprintf("2025-Sep-16 12:27:%02d.952044 ", i) },
		"pod":             func(int) string { return "build-pod-7d4b9 step-build >> " },
		"elapsed":         func(i int) string { return fmt.Sprintf("00:%02d +0.3s: ", i) },
		"quotation":       func(int) string { return "> " },
		"indent":          func(int) string { return "    " },
		"table":           func(int) string { return "  | " },
		"level":           func(i int) string { return fmt.Sprintf("2026-03-01 10:00:%02d INFO  worker-3 (task %d): ", i, 100*i) },
		"stamp":           func(i int) string { return fmt.Sprintf("2026-03-01T12:34:%02d.1234567Z ", i) },
	} {
		for kind, log := range map[string]string{"plain": plainLog, "tty": ttyLog, "classic": classicLog} {
			want := strings.Split(log, "\n")
			var b strings.Builder
			for i, line := range want {
				b.WriteString(stamp(i) + line + "\n")
			}
			got := readLines(t, strings.NewReader(b.String()))
			for i := range want {
				assert.Equal(t, strings.TrimSpace(want[i]), strings.TrimSpace(got[i]), "%s of %s", kind, name)
			}
		}
	}
}

// TestNotLearned: what a step printed, what is quoted, and the errors of programs are no
// prefix.
func TestNotLearned(t *testing.T) {
	for name, log := range map[string]string{
		"the output of a step": strings.Repeat("#9 0.312 x #1 [internal] load metadata for a\n#9 0.313 x #3 ERROR: denied\n", 4),
		"of a section":         "------\n > [2/2] RUN x:\n" + strings.Repeat("0.312 x #1 [internal] load\n0.313 x ------\n", 4) + "------\n",
		"of a terminal":        strings.Repeat(" => => # x #1 [internal] load metadata\n => => # x #3 ERROR: denied\n", 4),
		"a command":            strings.Repeat(`+ echo "#1 [internal] load metadata"`+"\n", 4),
		"errors":               strings.Repeat("docker: no such file\n", 8) + strings.Repeat("ctr: no\n", 2),
		"steps":                strings.Repeat("#7 sha256:aa 1MB / 2MB\n", 8),
		"prose":                "My build fails.\nIt says: denied.\nWhat now?\nThanks!\n",
		"two of ten":           strings.Repeat("some words of mine\n", 8) + "note of x #1 [internal] load\n",
	} {
		want := strings.Split(strings.TrimSuffix(log, "\n"), "\n")
		assert.Equal(t, want, readLines(t, strings.NewReader(log)), name)
	}
}

// TestKnown: the known forms hold for the few lines of which nothing can be learned.
func TestKnown(t *testing.T) {
	const line = "ERROR: denied: denied"
	for _, prefix := range []string{
		"2026-03-01T12:34:56.1234567Z ", "2026-03-01T12:34:56.1234567Z ##[error]", "build\tUNKNOWN STEP\t2026-03-01T12:34:56.1234567Z ",
		"2026-03-01T12:34:56.123456Z 01O ", "[2026-03-01T12:34:56.123Z] ", "[12:34:56] ", "2026-Mar-01 12:34:56.123456 ",
		`Step #2 - "build": `, "[Container] 2026/03/01 12:34:56.123456 ", "Mar  1 12:34:56 host dockerd[123]: ", "  DEBUG [28a1d5d6] \t",
		"remote: ", "::error::", "\ufeff", "[ERROR] ",
	} {
		assert.Equal(t, []string{line}, readLines(t, strings.NewReader(prefix+line)), "%q", prefix)
	}
}

// TestFields: the message and the error that programs in Go print among other things.
func TestFields(t *testing.T) {
	for line, want := range map[string]string{
		`time="2024-01-01T10:00:00Z" level=fatal msg="failed to resolve reference \"a/b:1\": denied"`:       `failed to resolve reference "a/b:1": denied`,
		`time="2024-01-01T10:00:00Z" level=error msg="Not continuing with pull" error="denied: no"`:         "Not continuing with pull: denied: no",
		`E0101 10:00:00.000000    1234 remote_image.go:180] "PullImage failed" err="denied: \"x\"" image=y`: `PullImage failed: denied: "x"`,
		`time="x" level=info`:      `time="x" level=info`,
		`time="x" msg="never ends`: `time="x" msg="never ends`,
		`see [https://a.example/v2/":](https://a.example/v2/%22:) denied`:                                        `see https://a.example/v2/": denied`,
		`fatal: [host]: FAILED! => {"cmd": ["docker", "pull", "a/b"], "stdout": "x\ny", "stderr": "denied: no"}`: "+ docker pull a/b|x|y|denied: no",
		`fatal: [host]: FAILED! => {broken}`:                                                                     `fatal: [host]: FAILED! => {broken}`,
	} {
		assert.Equal(t, want, strings.Join(readLines(t, strings.NewReader(line)), "|"), line)
	}
}
