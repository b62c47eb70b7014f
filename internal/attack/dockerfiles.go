package attack

import (
	"fmt"
	"strings"
)

// Kinds are the Dockerfiles that are cheap to write and dear to read. In each but
// the last, the work can be made to grow with the square of the size.
var Kinds = []string{"chain", "same", "flat", "triggers", "onbuild", "mounts", "copies", "references", "unneeded", "arguments"}

// Dockerfile returns a Dockerfile of one of the Kinds, of about n lines.
func Dockerfile(kind string, n int) string {
	b := &dockerfile{}
	switch kind {
	case "chain": // each stage is built upon the one before
		b.add("FROM scratch AS s0")
		b.each(n-1, "FROM s%d AS s%d", func(i int) []any { return []any{i, i + 1} })
	case "same":
		b.each(n, "FROM ghcr.io/public/a:1 AS s%d", one)
	case "flat":
		b.each(n, "FROM scratch AS s%d", one)
	case "triggers": // of one stage
		b.add("FROM scratch AS b")
		b.each(n, "ONBUILD COPY --from=ghcr.io/public/p%d:1 /x /y", one)
		b.add("FROM b")
	case "onbuild": // triggers that many stages run
		b.add("FROM scratch AS b")
		b.each(n, "ONBUILD COPY --from=ghcr.io/public/a:1 /x /y", none)
		b.each(n, "FROM b AS c%d", one)
		b.add("FROM scratch")
		b.each(n, "COPY --from=c%d /a /b", one)
	case "mounts": // of one instruction
		b.add("FROM scratch")
		b.WriteString("RUN ")
		for i := range n {
			fmt.Fprintf(&b.Builder, "--mount=from=ghcr.io/public/a:1,target=/x%d \\\n", i)
		}
		b.add("true")
	case "copies":
		b.add("FROM scratch")
		b.each(n, "COPY --from=ghcr.io/public/a:1 /x /y%d", one)
	case "references":
		b.each(n, "FROM ghcr.io/private/p%d:1 AS s%d", two)
		b.add("FROM scratch")
		b.each(n, "COPY --from=s%d /x /y", one)
	case "unneeded":
		b.each(n, "FROM ghcr.io/private/p%d:1 AS s%d", two)
		b.add("FROM ghcr.io/public/a:1")
	case "arguments": // the value of each is twice as long as the one before
		b.add("ARG A0=aaaaaaaaaa")
		b.each(n-1, "ARG A%d=$A%d$A%d", func(i int) []any { return []any{i + 1, i, i} })
		b.add("FROM scratch")
	}
	return b.String()
}

type dockerfile struct{ strings.Builder }

func (b *dockerfile) add(line string) { b.WriteString(line + "\n") }

// each adds n lines; args are those of the format for one of them.
func (b *dockerfile) each(n int, format string, args func(i int) []any) {
	for i := range n {
		fmt.Fprintf(&b.Builder, format+"\n", args(i)...)
	}
}

func none(int) []any  { return nil }
func one(i int) []any { return []any{i} }
func two(i int) []any { return []any{i, i} }
