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

// Advise makes the explanations and the remedies suit what the check knows and a build
// does not: where the credentials come from, what else is sent them, and what the
// registry answers without them.
func Advise(findings []finding.Finding) {
	entries := finding.Entries(findings)
	for i := range entries {
		e := &entries[i]
		for _, f := range e.Findings {
			if f.Diagnosis == nil {
				continue
			}
			d := *f.Diagnosis
			switch {
			case f.Verdict == finding.HelperFailed:
				d.Remedies = helperRemedies(e, f)
			case f.Verdict == finding.Rejected && f.Logout():
				d.Remedies = remedies(e, f)
			case f.Verdict == finding.Rejected:
				d.Remedies = logouts(e, f, d.Remedies)
			default:
				continue
			}
			f.Diagnosis = &d
			explain(f)
		}
	}
}

// explain says why a build does not get an image that can be resolved anonymously.
func explain(f *finding.Finding) {
	if f.Outcome != report.Failed || f.Without != finding.Resolved {
		return
	}
	if f.Free != nil {
		f.Explanation = output.Blocked(f)
	} else if f.NotServed() {
		f.Explanation, f.Hint = output.NotServed(f)
		f.Diagnosis.Remedies = append(f.Diagnosis.Remedies, report.Remedy{
			Command: command + "--registry " + quote(registry.Canonical(f.Diagnosis.Host)), Note: output.NoteServed,
		})
	}
}

// helperRemedies are those for a helper that fails.
func helperRemedies(e *finding.Entry, f *finding.Finding) []report.Remedy {
	var list []report.Remedy
	if f.Free != nil {
		list = append(list, report.Remedy{Command: command + "--fix " + quote(f.Name()), Note: output.NoteAlias(e)}, report.Remedy{Note: output.AliasByHand(e)})
	}
	return append(list, output.Repair(f), report.Remedy{Note: output.RemoveHelper(e.Source)})
}

// remedies are those for a public image.
func remedies(e *finding.Entry, f *finding.Finding) []report.Remedy {
	if e.Source.Kind == credentials.Environment {
		return []report.Remedy{{Note: output.FixEnvironment}}
	}
	if f.Free != nil && (e.Sparing() != nil || e.Source.CannotErase()) {
		list := []report.Remedy{{Command: command + "--fix " + quote(f.Name()), Note: output.NoteAlias(e)}, {Note: output.AliasByHand(e)}}
		if e.Source.CannotErase() {
			list = append(list, report.Remedy{Note: output.NoteHelperAgain(e.Source)})
		}
		return list
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
	switch {
	case e.Source.CannotErase():
		list[0] = report.Remedy{Note: output.NoteHelperAgain(e.Source)}
	case !e.AskedAtHome():
		list[0] = report.Remedy{Note: output.NotAtHome(e)}
	}
	if unkeepable(e) == "" {
		list = append(list, report.Remedy{Command: command + "--fix=keep-for-push " + example, Note: output.NoteKeepForPush})
	}
	if f.Free != nil {
		list = append(list, report.Remedy{Note: output.OrAlias(e)})
	}
	return list
}

// logouts makes `docker logout` one from the entry, and leaves it out for one that is
// of use elsewhere.
func logouts(e *finding.Entry, f *finding.Finding, list []report.Remedy) []report.Remedy {
	var out []report.Remedy
	for _, r := range list {
		if r.Command == registry.LogoutCommand(f.Diagnosis.Host) {
			if e.Source.CannotErase() {
				out = append(out, report.Remedy{Note: output.NoteHelperAgain(e.Source)})
				continue
			}
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
