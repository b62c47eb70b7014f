package fix

import (
	"slices"

	"github.com/org/pullsafe/frontend/registry"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/plugin/credentials"
	"github.com/org/pullsafe/plugin/finding"
	"github.com/org/pullsafe/plugin/output"
)

// command is how the plugin is called in what a person is told to run.
const command = "docker pullsafe check "

// Advise makes the remedies for rejected credentials suit where these come from and
// what else the check says of them, which diagnosis cannot know.
func Advise(findings []finding.Finding) {
	entries := finding.Entries(findings)
	for i := range entries {
		e := &entries[i]
		for _, f := range e.Findings {
			if f.Verdict != finding.Rejected || f.Diagnosis == nil {
				continue
			}
			d := *f.Diagnosis
			if f.Outcome == report.OKWithoutCredentials {
				d.Remedies = remedies(e, f)
			} else {
				d.Remedies = logouts(e, f, d.Remedies)
			}
			f.Diagnosis = &d
		}
	}
}

// remedies are those for a public image.
func remedies(e *finding.Entry, f *finding.Finding) []report.Remedy {
	if e.Source.Kind == credentials.Environment {
		return []report.Remedy{{Note: output.FixEnvironment}}
	}
	if spared := e.Sparing(); spared != nil {
		list := []report.Remedy{{Note: output.Keep(spared)}}
		if unkeepable(e) == "" {
			list = append(list, report.Remedy{Note: output.ByHand(f.Host, finding.Repository(f.Ref))})
		}
		return list
	}
	example := quote(e.Public()[0].Name())
	list := []report.Remedy{{Command: command + "--fix " + example, Note: output.NoteRemove}}
	if !e.AskedAtHome() {
		list[0] = report.Remedy{Note: output.NotAtHome(e)}
	}
	if unkeepable(e) == "" {
		list = append(list, report.Remedy{Command: command + "--fix=keep-for-push " + example, Note: output.NoteKeepForPush})
	}
	return list
}

// logouts makes `docker logout` one from the entry, and leaves it out for one that is
// of use elsewhere.
func logouts(e *finding.Entry, f *finding.Finding, list []report.Remedy) []report.Remedy {
	var out []report.Remedy
	for _, r := range list {
		if r.Command == registry.LogoutCommand(f.Diagnosis.Host) {
			if s := e.Sparing(); s != nil && s.Verdict == finding.Accepted || !e.AskedAtHome() {
				continue
			}
			r.Command = logout(e.Source.Entry())
		}
		out = append(out, r)
	}
	return out
}

// logout is the command that removes an entry: `docker logout HOST` does not know an
// older form of the key, with a path.
func logout(e credentials.Entry) string {
	host := e.Host()
	switch {
	case host == registry.DockerHub:
		return registry.LogoutCommand(host)
	case slices.Contains(e.Spellings(), e.Key):
		return "docker logout " + host
	}
	return "docker logout " + quote(e.Key)
}
