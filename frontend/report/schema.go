package report

import (
	"encoding/json"

	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/diagnosis"
)

// Version is the version of the schema.
const Version = "1.0.0"

// Outcome is what became of a reference.
type Outcome string

// The outcomes.
const (
	OK                   Outcome = "ok"
	OKWithoutCredentials Outcome = "ok-without-credentials"
	Failed               Outcome = "failed"
	NotChecked           Outcome = "not-checked"
)

// Report is what is known of the references of one build.
type Report struct {
	Version    string      `json:"version"`
	References []Reference `json:"references"`
	Summary    Summary     `json:"summary"`
}

// Reference is one image for one platform.
type Reference struct {
	Ref      string `json:"ref"`                // normalised, with tag or digest
	Platform string `json:"platform,omitempty"` // that was asked for; empty leaves it to BuildKit
	// Positions name the image, in the order of the file; none for one that the
	// Dockerfile does not name; an ONBUILD trigger's stands where its base does.
	Positions []Position `json:"positions"`
	Needed    bool       `json:"needed"` // the target of the build depends on the image
	Outcome   Outcome    `json:"outcome"`
	Digest    string     `json:"digest,omitempty"`    // of the manifest or index, where the image was found
	Diagnosis *Diagnosis `json:"diagnosis,omitempty"` // what the answers mean together; absent where there was none
	// Explanation is the diagnosis in one sentence.
	Explanation string `json:"explanation,omitempty"`

	Written string `json:"-"` // as the user wrote it
	Code    Code   `json:"-"` // of the explanation
	Hint    string `json:"-"` // a further sentence about this image alone
	pulling bool   // its content could not be pulled, the metadata was resolved
}

// Position is a place in a Dockerfile that names an image.
type Position struct {
	File        string `json:"file"`
	Line        int    `json:"line"`            // from 1
	Instruction string `json:"instruction"`     // its first line
	Stage       string `json:"stage,omitempty"` // name or number; empty for the only one
}

// Summary counts references by outcome; an image for several platforms counts
// once for each.
type Summary struct {
	References           int `json:"references"`
	OK                   int `json:"ok"`
	OKWithoutCredentials int `json:"okWithoutCredentials"`
	Failed               int `json:"failed"`
	NotChecked           int `json:"notChecked"`
}

// New makes a report of references, in their order.
func New(refs []Reference) *Report {
	r := &Report{Version: Version, References: refs, Summary: Summary{References: len(refs)}}
	if refs == nil {
		r.References = []Reference{}
	}
	for i := range r.References {
		ref := &r.References[i]
		if ref.Positions == nil {
			ref.Positions = []Position{}
		}
		switch ref.Outcome {
		case OK:
			r.Summary.OK++
		case OKWithoutCredentials:
			r.Summary.OKWithoutCredentials++
		case Failed:
			r.Summary.Failed++
		case NotChecked:
			r.Summary.NotChecked++
		}
	}
	return r
}

// StatusCode is the exit status of a preflight: 1 when a needed image cannot be
// resolved, or under strict only by the anonymous fallback, else 0.
func (r *Report) StatusCode(strict bool) int {
	bad := r.where(func(ref *Reference) bool {
		return ref.Needed && (ref.Outcome == Failed || ref.Outcome == NotChecked || strict && ref.Outcome == OKWithoutCredentials)
	})
	return min(len(bad), 1)
}

// JSON is the report as one indented object.
func (r *Report) JSON() ([]byte, error) {
	dt, err := json.MarshalIndent(r, "", "  ")
	return diagnosis.PrintableJSON(dt), errors.Wrap(err, "failed to marshal the report")
}

// where keeps the references for which keep is true.
func (r *Report) where(keep func(*Reference) bool) []*Reference {
	var out []*Reference
	for i := range r.References {
		if keep(&r.References[i]) {
			out = append(out, &r.References[i])
		}
	}
	return out
}

// distinct counts references by name, whatever the number of platforms.
func distinct(refs []*Reference) int {
	names := map[string]struct{}{}
	for _, r := range refs {
		names[r.Ref] = struct{}{}
	}
	return len(names)
}
