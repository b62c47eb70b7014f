package diagnosis

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type corpusRow struct {
	ID              string `json:"id"`
	Error           string `json:"error"`
	Ref             string `json:"ref"`
	Registry        string `json:"registry"`
	Class           Class  `json:"class"`
	Retry           bool   `json:"anonymous_retry_can_help"`
	UsedCredentials *bool  `json:"used_credentials"`
	HTTPStatus      int    `json:"http_status"`
}

// disagreements are labels that this package does not follow, with the reason.
// Each must go on disagreeing, or its row here is stale.
var disagreements = map[string]string{
	"credentials-rejected-7d221524": "an expired login for a public repository of Artifact Registry gives this very text; the label knows that the repository was private",
	"credentials-rejected-4dfa9b76": "GitLab refuses a deploy token of another project with this very text although the image is public; the label knows that it was private",
	"rate-limited-27270ed3":         "the account's limit is reached, the anonymous one perhaps not: but a limit is no refusal and pullsafe does not go around one",
}

func readCorpus(t testing.TB) []corpusRow {
	t.Helper()
	file, err := os.Open("testdata/registry-errors.jsonl")
	require.NoError(t, err)
	defer func() { assert.NoError(t, file.Close()) }()
	var rows []corpusRow
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var row corpusRow
		require.NoError(t, json.Unmarshal(lines.Bytes(), &row))
		rows = append(rows, row)
	}
	require.NoError(t, lines.Err())
	require.NotEmpty(t, rows)
	return rows
}

func TestCorpus(t *testing.T) {
	rows := readCorpus(t)
	var class, retry, used, status, statuses, host, hosts int
	for _, row := range rows {
		t.Run(row.ID, func(t *testing.T) {
			d := Diagnose(row.Ref, row.Error)
			agrees := d.Class == row.Class && d.AnonymousRetryCanHelp == row.Retry
			class += count(d.Class == row.Class)
			retry += count(d.AnonymousRetryCanHelp == row.Retry)
			used += count(assert.ObjectsAreEqual(row.UsedCredentials, d.UsedCredentials))
			if row.Class != NotARegistryError {
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
			if reason, ok := disagreements[row.ID]; ok {
				assert.False(t, agrees, "agrees now, remove it from disagreements: %s", reason)
				return
			}
			assert.Equal(t, row.Class, d.Class, row.Error)
			assert.Equal(t, row.Retry, d.AnonymousRetryCanHelp, row.Error)
		})
	}
	t.Logf("class %d/%d, retry %d/%d, credentials %d/%d, status %d/%d, host %d/%d",
		class, len(rows), retry, len(rows), used, len(rows), status, statuses, host, hosts)
	assert.GreaterOrEqual(t, float64(class)/float64(len(rows)), 0.95)
	assert.GreaterOrEqual(t, float64(retry)/float64(len(rows)), 0.97)
	for id := range disagreements {
		assert.True(t, hasRow(rows, id), id)
	}
}

func hasRow(rows []corpusRow, id string) bool {
	for _, row := range rows {
		if row.ID == id {
			return true
		}
	}
	return false
}

func count(ok bool) int {
	if ok {
		return 1
	}
	return 0
}
