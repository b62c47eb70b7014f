package faults

import (
	"slices"
	"strings"
	"sync"
)

// row is a line of the table of faults, in the words of a run.
type row struct {
	part, fault, must string
	upstream          string
	pullsafe          []string // in process, as the image
	test              string
}

// table collects the rows of a run.
type table struct {
	mu   sync.Mutex
	rows []row
}

func (tb *table) add(r row) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.rows = append(tb.rows, r)
}

// String is the table in the order of the names of parts, and in a part of the
// tests.
func (tb *table) String(parts ...string) string {
	var b strings.Builder
	for _, part := range parts {
		rows := slices.DeleteFunc(slices.Clone(tb.rows), func(r row) bool { return r.part != part })
		slices.SortStableFunc(rows, func(a, b row) int { return strings.Compare(a.fault, b.fault) })
		b.WriteString("### " + strings.ToUpper(part[:1]) + part[1:] + "\n\n")
		b.WriteString("| Fault | What must happen | Upstream | pullsafe | pullsafe's image | Test |\n|---|---|---|---|---|---|\n")
		for _, r := range rows {
			cells := append([]string{r.fault, r.must, r.upstream}, r.pullsafe...)
			b.WriteString("| " + strings.Join(append(cells, "`"+r.test+"`"), " | ") + " |\n")
		}
		b.WriteString("\n")
	}
	return b.String()
}
