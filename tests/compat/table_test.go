package compat

import (
	"flag"
	"os"
	"strings"
	"sync"

	"github.com/org/pullsafe/tests/readme"
	"github.com/org/pullsafe/tests/world"
)

const (
	columnDaemon = "Daemon"
	columnLacks  = "Has not"
)

// table is what the daemons did, by name and column.
type table struct {
	mu    sync.Mutex
	cells map[[2]string]string
}

var results = table{cells: map[[2]string]string{}}

func (tb *table) set(daemon, column, cell string) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.cells[[2]string{daemon, column}] = cell
}

// write puts the table into tests/README.md, if all of it was run, and returns
// the exit code of the test binary.
func (tb *table) write() int {
	if !world.Full() || flag.Lookup("test.run").Value.String() != "" {
		return 0
	}
	list, err := daemons()
	if err == nil {
		err = readme.Write("compat", tb.markdown(list))
	}
	if err != nil {
		_, _ = os.Stderr.WriteString("compat: " + err.Error() + "\n")
		return 1
	}
	return 0
}

// markdown has a row for each daemon and a column for each scenario.
func (tb *table) markdown(daemons []daemon) string {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	columns := []string{columnDaemon, columnLacks}
	for _, s := range scenarios {
		columns = append(columns, s.column)
	}
	var b strings.Builder
	b.WriteString("| " + strings.Join(columns, " | ") + " |\n" + strings.Repeat("|---", len(columns)) + "|\n")
	for _, d := range daemons {
		for _, column := range columns {
			b.WriteString("| " + strings.ReplaceAll(tb.cells[[2]string{d.name, column}], "|", `\|`) + " ")
		}
		b.WriteString("|\n")
	}
	return b.String()
}
