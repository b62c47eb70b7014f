package frontend

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/distribution/reference"
	gwclient "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/util/suggest"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/references"
	"github.com/org/pullsafe/frontend/registry"
	"github.com/org/pullsafe/frontend/report"
)

// keyReport is the result's metadata with the report. The prefix "frontend."
// takes it to the client, and buildx writes a value that is base64 of a JSON
// object into its metadata file as that object.
const keyReport = "frontend.pullsafe.report"

// results are the session's references as a report.
func (s *session) results() *report.Report {
	var refs []report.Reference
	for _, e := range s.ledger().all() {
		refs = append(refs, s.result(e))
	}
	return report.New(refs)
}

func (s *session) result(e entry) report.Reference {
	r := report.Reference{
		Ref:      e.found.Name,
		Written:  e.found.Written,
		Platform: references.PlatformString(e.found.Platform),
		Needed:   e.found.Needed,
		Outcome:  outcomeOf(e),
		Digest:   e.digest.String(),
	}
	for _, p := range e.found.Positions {
		r.Positions = append(r.Positions, report.Position{
			File:        p.File,
			Line:        p.Line,
			Instruction: diagnosis.Clean(p.Instruction, maxInstruction),
			Stage:       p.Stage,
		})
	}
	if e.query != nil && (e.rescued || e.err != nil) {
		c := e.tries.Conclude()
		if e.rescued {
			c = e.tries.Rescued()
		}
		r.Diagnosis, r.Explanation = &c.Diagnosis, c.Headline
	}
	if r.Outcome == report.Failed {
		r.Hint = s.bareNameHint(e.found)
	}
	return r
}

// maxInstruction bounds the text of an instruction in a report, in runes.
const maxInstruction = 200

func outcomeOf(e entry) report.Outcome {
	switch {
	case e.query == nil:
		return report.NotChecked
	case e.rescued:
		return report.OKWithoutCredentials
	case e.err != nil:
		return report.Failed
	default:
		return report.OK
	}
}

// bareNameHint tells that a name without registry, tag and digest may have been
// meant as a stage or a named context.
func (s *session) bareNameHint(ref references.Reference) string {
	if s.set == nil || len(ref.Positions) == 0 || strings.ContainsAny(ref.Written, "/:@") {
		return ""
	}
	named, err := reference.ParseNormalizedNamed(ref.Name)
	if err != nil || reference.Domain(named) != registry.DockerHub {
		return ""
	}
	near, _ := suggest.Search(ref.Written, s.set.Names, false)
	return report.BareNameHint(ref.Written, ref.Name, near, s.set.Names)
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
