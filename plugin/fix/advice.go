package fix

import (
	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/plugin/credentials"
	"github.com/org/pullsafe/plugin/finding"
	"github.com/org/pullsafe/plugin/probe"
)

// command is how the plugin is called in what a person is told to run.
const command = "docker pullsafe check "

// Advise replaces the remedies for public images with a refused login by those
// that suit where the login comes from, which diagnosis cannot know.
func Advise(findings []finding.Finding) {
	registries := finding.Registries(findings)
	for i := range findings {
		f := &findings[i]
		if f.Outcome != report.OKWithoutCredentials || f.Verdict != finding.Rejected || f.Diagnosis == nil {
			continue
		}
		for n := range registries {
			if r := &registries[n]; r.Host == f.Host && r.Source == f.Source {
				d := *f.Diagnosis
				d.Remedies = remedies(r, f)
				f.Diagnosis = &d
			}
		}
	}
}

func remedies(r *finding.Registry, f *finding.Finding) []report.Remedy {
	switch {
	case r.Source.Kind == credentials.Environment:
		return []report.Remedy{{Note: noteEnviron}}
	case r.Verdict == finding.Accepted:
		return []report.Remedy{{Note: "the same login is accepted for other images of " + r.Domain + ": keep it"}, {
			Note: "to pull this image without it, put {} into config.json in buildx's folder config/" + r.Host + "/" + finding.Repository(f.Ref) + "@pull (buildx 0.31 or newer)",
		}}
	}
	example := diagnosis.Clean(r.Example, maxName)
	list := []report.Remedy{{
		Command: command + "--fix " + example,
		Note:    "removes this login as docker logout does; asks first",
	}}
	if keepable(r) == "" {
		list = append(list, report.Remedy{
			Command: command + "--fix=keep-for-push " + example,
			Note:    "builds pull this image without it, all else keeps it (buildx 0.31 or newer)",
		})
	}
	return list
}

// maxName bounds a reference, in runes.
const maxName = 300

const noteEnviron = "change or unset DOCKER_AUTH_CONFIG: neither docker logout nor --fix can remove what it holds"

// keepable is why a login cannot be kept for pushes alone, or "".
func keepable(r *finding.Registry) string {
	switch {
	case r.Source.Scoped:
		return "it is in buildx's own folder already, and for nothing else"
	case r.Scheme == probe.Basic:
		return "this registry takes logins, not tokens, and buildx reads its own folder only for tokens"
	}
	return ""
}
