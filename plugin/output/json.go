package output

import (
	"io"

	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/plugin/credentials"
	"github.com/org/pullsafe/plugin/finding"
)

// document is the report of the preflight with what only this machine knows.
type document struct {
	Version    string           `json:"version"`
	References []reference      `json:"references"`
	Summary    report.Summary   `json:"summary"`
	Registries []registryAnswer `json:"registries"`
	Notes      []string         `json:"notes,omitempty"`
}

type reference struct {
	report.Reference

	Credential credential `json:"credential"`
	// With and Without are "ok" or the class of the failure; absent where the
	// image was not asked for in this way.
	With    finding.Access `json:"withCredentials,omitempty"`
	Without finding.Access `json:"withoutCredentials,omitempty"`
	// Alias is the host alias by which a build with pullsafe resolves the image, and
	// Aliases all that it asks for it.
	Alias     string   `json:"alias,omitempty"`
	Aliases   []alias  `json:"aliases,omitempty"`
	Platforms []string `json:"platforms,omitempty"`
}

type alias struct {
	Host   string         `json:"host"`
	Access finding.Access `json:"answer"` // "ok" or the class of the failure
	// Message is the answer in words, of the registry, its proxy or a helper.
	Message   string              `json:"message,omitempty"`
	Anonymous bool                `json:"anonymous"`
	Source    *credentials.Source `json:"credential,omitempty"` // of what was found for the alias
}

func newAliases(f *finding.Finding) []alias {
	var out []alias
	for i := range f.Aliases {
		a := &f.Aliases[i]
		one := alias{Host: a.Host, Access: a.Access, Message: a.Answer, Anonymous: a.Anonymous}
		if !a.Anonymous {
			one.Source = &a.Source
		}
		out = append(out, one)
	}
	return out
}

type credential struct {
	credentials.Source

	Verdict finding.Verdict `json:"verdict"`
}

type registryAnswer struct {
	Host       string     `json:"host"`
	Credential credential `json:"credential"`
	Answer     string     `json:"answer,omitempty"`
	References int        `json:"references"`
	Rejected   int        `json:"rejected"`
	// Public counts the references for which the credential was rejected, and that
	// can be resolved without.
	Public int `json:"rejectedPublic"`
}

// JSON writes one indented object.
func JSON(w io.Writer, findings []finding.Finding, notes []string) error {
	r := finding.Report(findings)
	doc := document{Version: r.Version, Summary: r.Summary, References: []reference{}, Registries: []registryAnswer{}, Notes: notes}
	for i := range findings {
		f := &findings[i]
		doc.References = append(doc.References, reference{
			Reference:  r.References[i],
			Credential: newCredential(f.Source, f.Verdict),
			With:       f.With, Without: f.Without, Alias: f.Alias, Aliases: newAliases(f), Platforms: f.Platforms,
		})
	}
	for _, reg := range finding.Registries(findings) {
		doc.Registries = append(doc.Registries, registryAnswer{
			Host: reg.Domain, Credential: newCredential(reg.Source, reg.Verdict), Answer: reg.Answer,
			References: reg.Images, Rejected: reg.Rejected, Public: reg.Resolved,
		})
	}
	return writeJSON(w, doc)
}

func newCredential(s credentials.Source, v finding.Verdict) credential {
	if s.Kind == "" {
		s.Kind = credentials.None
	}
	return credential{Source: s, Verdict: v}
}
