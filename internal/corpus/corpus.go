// Package corpus is real messages of registries, builders and clients, labelled
// by hand with what they mean. What reads an error is tested with all of them:
// the frontend's diagnosis, the reading of build logs, the plugin's explain.
package corpus

import (
	"bufio"
	"bytes"
	_ "embed" // the messages
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

//go:embed registry-errors.jsonl
var messages []byte

// Row is a message and its labels.
type Row struct {
	ID       string `json:"id"`
	Error    string `json:"error"`
	Ref      string `json:"ref"`      // the image, "" if the message's context does not tell
	Registry string `json:"registry"` // its registry host
	Class    string `json:"class"`    // a diagnosis.Class
	// Retry is whether a try without credentials can help.
	Retry           bool  `json:"anonymous_retry_can_help"`
	UsedCredentials *bool `json:"used_credentials"`
	HTTPStatus      int   `json:"http_status"` // 0 if the message has none
}

// Disagreements are the rows whose label pullsafe does not follow, with the
// reason: what is labelled is known only to whoever saw the registry.
var Disagreements = map[string]string{
	"credentials-rejected-7d221524": "an expired login for a public repository of Artifact Registry gives this very text; the label knows that the repository was private",
	"credentials-rejected-4dfa9b76": "GitLab refuses a deploy token of another project with this very text although the image is public; the label knows that it was private",
	"rate-limited-27270ed3":         "the account's limit is reached, the anonymous one perhaps not: but a limit is no refusal and pullsafe does not go around one",
}

// Rows are all messages.
func Rows(t testing.TB) []Row {
	t.Helper()
	return rows[Row](t, messages)
}

// rows are the objects of a file, one on a line.
func rows[T any](t testing.TB, file []byte) []T {
	t.Helper()
	var list []T
	lines := bufio.NewScanner(bytes.NewReader(file))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var row T
		require.NoError(t, json.Unmarshal(lines.Bytes(), &row))
		list = append(list, row)
	}
	require.NoError(t, lines.Err())
	require.NotEmpty(t, list)
	return list
}
