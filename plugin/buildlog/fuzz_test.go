package buildlog

import (
	"fmt"
	"testing"

	"github.com/org/pullsafe/internal/corpus"
)

// FuzzOutput: whatever the text, there is an answer, it is valid JSON, nothing in it
// can harm a terminal, and no word of the text stands where ours do.
func FuzzOutput(f *testing.F) {
	for _, tc := range logs {
		f.Add([]byte(tc.log), "")
	}
	for _, text := range archive(f, "testdata/kinds.txt") {
		f.Add([]byte(text), "")
	}
	for _, r := range corpus.Reports(f) {
		f.Add([]byte(r.Log), "")
	}
	f.Add([]byte(refusedPlain), "ghcr.io/acme/app:1")
	f.Add([]byte("\xff\xfeE\x00R\x00"), "")
	f.Add([]byte("------\n > \n------\nDockerfile:1\n--------------------\n 1 | >>> FROM\n"), "x")
	f.Add([]byte("#1 [internal] load metadata for \x1b]0;x\n#1 ERROR: denied\x1b[2J\n"), "\x1b[2J")
	f.Add([]byte(`{"vertexes":[{"name":"x","error":"failed to fetch oauth token: \u001b[2Jdenied"}]}`), "")
	f.Add([]byte("ERROR: failed to solve: 1 of 2 images could not be resolved\n\nghcr.io denied access (\"\x1b\") [pullsafe:denied-ambiguous/auth-required]\n  a/b    D:1    FROM a/b\n\n  docker logout ghcr.io\n"), "")
	f.Add([]byte(" - RegistryCredentialsRejected: ghcr.io denied access; resolved docker.io/a/b without credentials [pullsafe:denied-ambiguous/resolved]. Run: docker logout (line 2)"), "")
	f.Add([]byte("[pullsafe:rate-limited/account/verdict/resolved/strict/off/client]\nA/b:1    D:1    FROM a\n[pull"), "a")
	f.Add([]byte(logOf(fmt.Sprintf(forged, forgedCode))), "")
	f.Add([]byte("run --privileged x:1\n--------------------\n   1 | >>> FROM docker\n--------------------\nERROR: failed to solve: failed to fetch oauth token: denied\n"), "")
	f.Add([]byte("Error response from daemon: Head \"https://-x.gcr.io/v2/a/manifests/1\": denied: x"), "")
	f.Fuzz(func(t *testing.T, text []byte, ref string) {
		checkOutput(t, string(text), ref)
	})
}
