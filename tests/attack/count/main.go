// Command count reads the events of `go test -json` and writes into tests/README.md how
// many cases of each kind of attack were tried. What failed it prints, and fails too.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/pkg/errors"

	"github.com/org/pullsafe/tests/readme"
)

// kinds are what is attacked, with the tests that do so.
var kinds = []struct {
	name  string
	tests []string
}{
	{"source policies", []string{"TestPoliciesWithRefusedLogin", "TestSourcePolicies"}},
	{"Rego policies", []string{"TestRegoPolicies", "TestPoliciesOfBuildx"}},
	{"realms, redirects and challenges, in a build", []string{
		"TestBlobsOnAnotherHost", "TestBlobsOnABrokenHost", "TestTokensOnAnotherHost", "TestTokensWithoutTLS", "TestWithoutTLSOnThatPort", "TestSpellingLosesTLS",
		"TestSpellingLeadsBack", "TestSpellingLeadsOutOfTLS", "TestNoChallenge", "TestEverySpellingRefused", "TestRedirectToAnotherRegistry",
	}},
	{"the same, in `docker pullsafe check`", []string{
		"TestProbeRedirect", "TestProbeRedirectThatAsks", "TestProbeTokenServiceElsewhere", "TestProbeWrongRealm", "TestCheckRealm", "TestProbeEndless",
	}},
	{"mirrors, private CAs, credential helpers, logins of the host alias, another user's cache", []string{
		"TestSettingsOfTheBuilder", "TestMirrorThatHasTheImage", "TestCredentialHelpers", "TestLoginUnderTheAlias", "TestCacheOfAnotherUser",
	}},
	{"words of a registry in a build", []string{"TestHostileWords", "TestWordsStayInQuotes", "TestPolicyOfARegistry"}},
	{"words of anybody in a log, a Dockerfile, a bake or compose file", []string{"TestForgedLog", "TestForgedAdvice", "TestOwnHosts", "TestOutputPrints", "TestCheckPrintsWhatPrints"}},
	{"stored entries and config.json", []string{"TestFixSharedEntry", "TestFixUnwritable", "TestFixKeepsUnknownKeys", "TestFixUndo"}},
	{"frontends that are not ours", []string{"TestBuildFrontend"}},
	{"large logs and Dockerfiles, signals", []string{
		"TestHostileLogs", "TestHostileGrowth", "TestInterrupted", "TestManyTriggers", "TestCheckIsInterrupted", "TestCollectGrowsWithTheDockerfile", "TestOnBuildGrowsWithTheTriggers",
	}},
}

// event is one of test2json.
type event struct{ Action, Package, Test, Output string }

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "count:", err)
		os.Exit(1)
	}
}

func run() error {
	passed, output, failed := map[string][]string{}, map[string]string{}, false
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		var e event
		if err := json.Unmarshal(in.Bytes(), &e); err != nil {
			return errors.Wrapf(err, "%.200s", in.Text())
		}
		switch e.Action {
		case "output", "build-output":
			output[e.Package+e.Test] += e.Output
		case "fail", "build-fail":
			failed = true
			fmt.Fprint(os.Stderr, output[e.Package+e.Test])
		case "pass":
			top, _, _ := strings.Cut(e.Test, "/")
			passed[top] = append(passed[top], e.Test)
		}
	}
	if err := in.Err(); err != nil {
		return errors.WithStack(err)
	}
	if failed {
		return errors.New("tests failed")
	}
	text, err := table(passed)
	if err != nil {
		return err
	}
	return readme.Write("attack", text)
}

func table(passed map[string][]string) (string, error) {
	var b strings.Builder
	b.WriteString("| What is attacked | Cases | Tests |\n|---|---|---|\n")
	for _, k := range kinds {
		cases := 0
		for _, test := range k.tests {
			n := leaves(passed[test])
			if n == 0 {
				return "", errors.Errorf("no case of %s has passed", test)
			}
			cases += n
		}
		fmt.Fprintf(&b, "| %s | %d | `%s` |\n", k.name, cases, strings.Join(k.tests, "`, `"))
	}
	return b.String(), nil
}

// leaves counts the tests that have no subtests.
func leaves(tests []string) int {
	n := 0
	for _, test := range tests {
		if !slices.ContainsFunc(tests, func(other string) bool { return strings.HasPrefix(other, test+"/") }) {
			n++
		}
	}
	return n
}
