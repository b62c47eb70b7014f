package frontend

import (
	"encoding/base64"
	"encoding/json"

	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/report"
)

// keyReport is the result's metadata with the report. The prefix "frontend."
// takes it to the client, and buildx writes a value that is base64 of a JSON
// object into its metadata file as that object.
const keyReport = "frontend.pullsafe.report"

// results are the session's references as a report.
func (s *session) results() *report.Report {
	var names []string
	if s.set != nil {
		names = s.set.Names
	}
	var refs []report.Reference
	for _, e := range s.entries() {
		refs = append(refs, report.Of(e.found, e.resolution, names))
	}
	return report.New(refs)
}

// addReport puts the report into the result's metadata.
func (s *session) addReport(res *gwclient.Result) error {
	if s.set == nil {
		return nil
	}
	dt, err := json.Marshal(s.results())
	if err != nil {
		return errors.Wrap(err, "failed to marshal the report")
	}
	res.AddMeta(keyReport, []byte(base64.StdEncoding.EncodeToString(dt)))
	return nil
}
