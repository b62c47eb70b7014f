package field

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/harness"
	"github.com/org/pullsafe/tests/readme"
)

// The sections of tests/README.md.
const (
	tableProxies = "field-proxies"
	tableHelpers = "field-helpers"
)

var headers = map[string][]string{
	tableProxies: {"Software", "Configuration", "As written", "U", "P", "B", "Rejected credentials"},
	tableHelpers: {"Helper", "As written", "U", "P", "B", "`credsStore`", "`credHelpers`", "`credsStore`, empty entry for the alias"},
}

var tables tableSet

// tableSet is what the run has found.
type tableSet struct {
	mu   sync.Mutex
	rows map[string][][]string
}

func (s *tableSet) row(table, first string, cells ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rows == nil {
		s.rows = map[string][][]string{}
	}
	s.rows[table] = append(s.rows[table], append([]string{first}, cells...))
}

// write puts the tables into tests/README.md.
func (s *tableSet) write() int {
	for table, rows := range s.rows {
		slices.SortFunc(rows, slices.Compare)
		lines := []string{line(headers[table]), strings.Repeat("|---", len(headers[table])) + "|"}
		for _, row := range rows {
			lines = append(lines, line(row))
		}
		if err := readme.Write(table, strings.Join(lines, "\n")); err != nil {
			_, _ = os.Stderr.WriteString(err.Error() + "\n")
			return 1
		}
	}
	return 0
}

func line(cells []string) string { return "| " + strings.Join(cells, " | ") + " |" }

// stopAfter ends a program with its test.
func stopAfter(t *testing.T, p *harness.Process) {
	t.Helper()
	harness.LogOnFailure(t, p)
	t.Cleanup(func() { require.NoError(t, p.Stop(context.WithoutCancel(t.Context()))) })
}
