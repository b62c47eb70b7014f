package diagnosis

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/org/pullsafe/internal/corpus"
)

func TestCorpus(t *testing.T) {
	rows := corpus.Rows(t)
	var class, retry, used, status, statuses, host, hosts int
	for _, row := range rows {
		t.Run(row.ID, func(t *testing.T) {
			d := Diagnose(row.Ref, row.Error)
			agrees := d.Class == Class(row.Class) && d.AnonymousRetryCanHelp == row.Retry
			class += count(d.Class == Class(row.Class))
			retry += count(d.AnonymousRetryCanHelp == row.Retry)
			used += count(assert.ObjectsAreEqual(row.UsedCredentials, d.UsedCredentials))
			if Class(row.Class) != NotARegistryError {
				// Labels of what no registry said name npm's and apt's hosts.
				statuses++
				status += count(d.HTTPStatus == row.HTTPStatus)
				if row.Ref != "" && row.Registry != "" {
					hosts++
					host += count(d.Host == row.Registry)
					if d.Host != row.Registry {
						t.Logf("host %q, label %q", d.Host, row.Registry)
					}
				}
				if d.HTTPStatus != row.HTTPStatus {
					t.Logf("status %d, label %d", d.HTTPStatus, row.HTTPStatus)
				}
			}
			if reason, ok := corpus.Disagreements[row.ID]; ok {
				assert.False(t, agrees, "agrees now, remove it from the disagreements: %s", reason)
				return
			}
			assert.Equal(t, Class(row.Class), d.Class, row.Error)
			assert.Equal(t, row.Retry, d.AnonymousRetryCanHelp, row.Error)
		})
	}
	t.Logf("class %d/%d, retry %d/%d, credentials %d/%d, status %d/%d, host %d/%d",
		class, len(rows), retry, len(rows), used, len(rows), status, statuses, host, hosts)
	assert.GreaterOrEqual(t, float64(class)/float64(len(rows)), 0.95)
	assert.GreaterOrEqual(t, float64(retry)/float64(len(rows)), 0.97)
	for id := range corpus.Disagreements {
		assert.True(t, slices.ContainsFunc(rows, func(row corpus.Row) bool { return row.ID == id }), id)
	}
}

func count(ok bool) int {
	if ok {
		return 1
	}
	return 0
}
