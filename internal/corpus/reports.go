package corpus

import (
	_ "embed" // the reports
	"testing"
)

//go:embed field-reports.jsonl
var reports []byte

// Report is a whole log of a public report and its labels.
type Report struct {
	ID    string `json:"id"`
	Log   string `json:"log"`
	Ref   string `json:"ref"`   // the image, "" if nobody can tell
	Class string `json:"class"` // a diagnosis.Class
	Host  string `json:"host"`  // the registry host, "" if nobody can tell
	// Retry is whether a try without credentials can help.
	Retry    bool   `json:"anonymous_retry_can_help"`
	Fix      string `json:"what_fixed_it"`
	Failures []struct {
		Ref   string `json:"ref"`
		Class string `json:"class"`
		Host  string `json:"host"`
	} `json:"failures"` // where there are several
}

// Reports are all whole logs.
func Reports(t testing.TB) []Report {
	t.Helper()
	return rows[Report](t, reports)
}
