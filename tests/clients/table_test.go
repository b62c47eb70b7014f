package clients

import (
	"flag"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/org/pullsafe/tests/readme"
	"github.com/org/pullsafe/tests/world"
)

// row is a line of the table in tests/README.md.
type row struct {
	client, tried, result, difference string
}

// table collects the rows in the order in which tests end.
type table struct {
	mu   sync.Mutex
	rows []row
}

var results table

func (tb *table) add(r row) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.rows = append(tb.rows, r)
}

// write puts the table into tests/README.md, if all of it was run, and returns
// the exit code of the test binary.
func (tb *table) write() int {
	if !world.Full() || flag.Lookup("test.run").Value.String() != "" {
		return 0
	}
	if err := readme.Write("clients", tb.markdown()); err != nil {
		_, _ = os.Stderr.WriteString("clients: " + err.Error() + "\n")
		return 1
	}
	return 0
}

func (tb *table) markdown() string {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	rows := slices.Clone(tb.rows)
	slices.SortStableFunc(rows, func(a, b row) int { return strings.Compare(a.client, b.client) })
	var b strings.Builder
	b.WriteString("| Client | What was tried, under a refused login | With pullsafe | Difference from upstream without login |\n|---|---|---|---|\n")
	for _, r := range rows {
		cells := []string{r.client, r.tried, r.result, r.difference}
		for i, c := range cells {
			cells[i] = strings.ReplaceAll(c, "|", `\|`)
		}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	return b.String()
}
