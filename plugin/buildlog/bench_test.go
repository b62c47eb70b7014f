package buildlog

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ordinary is a log of builds as CI systems keep it: steps, what they print, layers.
func ordinary(stamp string) string {
	var b strings.Builder
	b.WriteString(refusedPlain)
	for i := range 400 {
		fmt.Fprintf(&b, "#12 %d.%03d npm http fetch GET 200 https://npm.example.org/some-package-%d 123ms (cache miss)\n", i/10, i%1000, i)
		if i%8 == 0 {
			fmt.Fprintf(&b, "#9 sha256:6a3a8ac322c4765e994b2b00f4ef9c7f3b31ac41dcc00e176ab181a5e2a1%04d %d.50MB / 204.24MB 4.7s\n", i, i)
			fmt.Fprintf(&b, "+ go test ./pkg/some/package/%d -run TestSomething -count=1 -v -timeout=10m0s\n", i)
			fmt.Fprintf(&b, "ok  \tgithub.com/acme/app/pkg/some/package%d\t0.%03ds\tcoverage: 81.2%% of statements\n", i, i)
		}
	}
	return stamped(stamp, b.String())
}

// BenchmarkOrdinary reads logs as they are, plain and stamped.
func BenchmarkOrdinary(b *testing.B) {
	for name, stamp := range map[string]string{"plain": "", "github": "2026-03-01T12:34:56.1234567Z ", "compose": "builder-1  | "} {
		text := ordinary(stamp)
		b.Run(name, func(b *testing.B) {
			const size = 20 << 20
			b.SetBytes(size)
			for b.Loop() {
				res, err := Explain(b.Context(), &repeated{text: text, left: size, watched: false}, Options{})
				require.NoError(b, err)
				require.NotEmpty(b, res.Failures)
			}
		})
	}
}

// BenchmarkFailures reads logs that are made of failures, each of another image.
func BenchmarkFailures(b *testing.B) {
	for name, line := range map[string]string{
		"errors": "ERROR: failed to solve: ghcr.io/a/b:%d: failed to fetch oauth token: denied: denied\n",
		"steps":  "#%d [internal] load metadata for ghcr.io/a/b:1\n#%[1]d ERROR: failed to authorize: failed to fetch oauth token: denied: denied%[1]d\n",
	} {
		var text strings.Builder
		for i := range 200_000 {
			fmt.Fprintf(&text, line, i+2)
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(text.Len()))
			for b.Loop() {
				_, err := Explain(b.Context(), io.NopCloser(strings.NewReader(text.String())), Options{})
				require.NoError(b, err)
			}
		})
	}
}
