package output

import (
	"fmt"
	"strings"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/plugin/credentials"
	"github.com/org/pullsafe/plugin/finding"
)

// fallback says whether a build with pullsafe gets an image that one without does not:
// empty where there is no such difference.
func fallback(f *finding.Finding) report.Cell {
	n := len(f.Aliases)
	if f.Alias != "" {
		return cell("via "+diagnosis.Clean(f.Alias, maxCell), green)
	}
	if n == 0 || f.With == finding.NotAttempted {
		return cell("", "")
	}
	switch last := &f.Aliases[n-1]; {
	case f.Free != nil, !last.Anonymous:
		return cell("blocked by "+blockedBy(last.Source), red)
	case f.Without == finding.Resolved:
		return cell("no alias is served", red)
	default:
		return cell(strings.ToLower(with(last.Access).Text), red)
	}
}

// blockedBy names what holds credentials for an alias.
func blockedBy(s credentials.Source) string {
	if s.Helped() {
		return diagnosis.Clean(s.Helper, maxCell)
	}
	return "credentials for the alias"
}

// Blocked is the explanation of an image that the registry serves under an alias, and
// that a build does not get, since a helper answers or fails for the alias too.
func Blocked(f *finding.Finding) string {
	const anonymous = ", under which the image resolves without credentials"
	if f.Free.Access == finding.Access(diagnosis.CredentialHelper) {
		if f.Verdict == finding.HelperFailed {
			return opening(f) + ", and for the host alias " + f.Free.Host + anonymous
		}
		return opening(f) + "; " + blockedBy(f.Free.Source) + " failed for the host alias " + f.Free.Host + anonymous
	}
	return opening(f) + "; " + blockedBy(f.Free.Source) + " answers for the host alias " + f.Free.Host + " too" + anonymous
}

// NotServed is the explanation of an image that can be resolved without credentials as
// it is written, and under no alias; answers is what these met.
func NotServed(f *finding.Finding) (explanation, answers string) {
	var list []string
	for _, a := range f.Aliases {
		list = append(list, a.Host+report.Quote(a.Answer))
	}
	return opening(f) + "; resolved without them, but builds cannot fall back: no host alias is served",
		"host aliases: " + strings.Join(list, ", ")
}

// opening is what became of the credentials.
func opening(f *finding.Finding) string {
	answer := report.Quote(f.Answer())
	if f.Verdict == finding.HelperFailed {
		return diagnosis.Clean(f.Source.Helper, maxCell) + " failed for " + f.Diagnosis.Host + answer
	}
	return f.Diagnosis.Host + " rejected the stored credentials" + answer
}

// NoteAlias is what --fix does for aliases that a helper blocks.
func NoteAlias(e *finding.Entry) string {
	return "no helper for the host alias " + hosts(e.Free()) + ": builds with pullsafe pull anonymously, the credentials stay; asks first"
}

// AliasByHand is the same for whoever edits the file.
func AliasByHand(e *finding.Entry) string {
	free := e.Free()
	return "or add it yourself: " + entries(free) + " in " + File(free[0].Source.File)
}

// OrAlias is AliasByHand beside a removal of the credentials.
func OrAlias(e *finding.Entry) string {
	free := e.Free()
	return "or keep them, and let builds with pullsafe pull anonymously under the host alias: add " + entries(free) + " to " + File(free[0].Source.File)
}

// NoteServed is the remedy where no alias is served.
const NoteServed = "for the registry's administrator: what to change in the proxy so that builds can fall back"

// Repair is how to find out why a helper fails.
func Repair(f *finding.Finding) report.Remedy {
	if f.Answer() == "" || strings.HasPrefix(f.Answer(), "exit status") {
		return report.Remedy{
			Command: "echo " + key(f.Source) + " | " + diagnosis.Clean(f.Source.Helper, maxCell) + " get", Note: "shows why it fails: docker got no error message",
		}
	}
	return report.Remedy{Note: "repair " + diagnosis.Clean(f.Source.Helper, maxCell) + report.Quote(f.Answer())}
}

// RemoveHelper is how to do without a helper.
func RemoveHelper(s credentials.Source) string {
	if s.Kind == credentials.CredHelpers {
		return "or remove " + fmt.Sprintf("%q", key(s)) + " under credHelpers from " + File(s.File)
	}
	return "or pull and push without credentials: add " + emptyEntry(key(s)) + " to " + File(s.File)
}

// CannotErase is why the credentials of a helper stay, and what works instead.
func CannotErase(s credentials.Source) string {
	return diagnosis.Clean(s.Helper, maxCell) + " cannot erase credentials, it generates them on demand: log in again with the tool that it belongs to, " +
		"or use --fix=keep-for-push, or pull and push without credentials: add " + emptyEntry(key(s)) + " to " + File(s.File)
}

// Instead is what works where a helper has kept the credentials.
func Instead(e *finding.Entry) string {
	s := e.Source
	text := diagnosis.Clean(s.Helper, maxCell) + " did not erase them. Instead, log in again, or use --fix=keep-for-push, or pull and push without credentials: add " + emptyEntry(key(s)) + " to " + File(s.File)
	if free := e.Free(); len(free) > 0 {
		text += ", or, for builds with pullsafe only, none for the host alias: add " + entries(free)
	}
	return text
}

// NoteHelperAgain is the remedy in place of a logout that has no effect.
func NoteHelperAgain(s credentials.Source) string {
	return diagnosis.Clean(s.Helper, maxCell) + " generates credentials on demand, so docker logout has no effect: log in again with the tool that it belongs to"
}

// AliasEntries is what the change of an action for host aliases will do.
func AliasEntries(e *finding.Entry, aliases []string, file string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  add %s to %s\n", emptyEntry(aliases...), File(file))
	fmt.Fprintf(&b, "    so that no helper is asked for this host alias and builds with pullsafe can pull anonymously; the credentials for %s are not changed\n", owner(e.Source.Entry()))
	return b.String()
}

// AliasesSilenced says that it was done.
func AliasesSilenced(aliases []string, file string) string {
	return "Added " + emptyEntry(aliases...) + " to " + File(file) + "."
}

// UndoAliases is how to take it back.
func UndoAliases(aliases []string, file string) string {
	var quoted []string
	for _, a := range aliases {
		quoted = append(quoted, fmt.Sprintf("%q", diagnosis.Clean(a, maxCell)))
	}
	return "remove " + strings.Join(quoted, " and ") + " under credHelpers from " + File(file)
}

// emptyEntry is the part of a config.json with which no helper is asked for hosts.
func emptyEntry(hosts ...string) string {
	var list []string
	for _, h := range hosts {
		list = append(list, fmt.Sprintf(`%q: ""`, diagnosis.Clean(h, maxCell)))
	}
	return `"credHelpers": {` + strings.Join(list, ", ") + `}`
}

func entries(free []finding.Alias) string {
	var list []string
	for _, a := range free {
		list = append(list, a.Host)
	}
	return emptyEntry(list...)
}

func hosts(free []finding.Alias) string {
	var list []string
	for _, a := range free {
		list = append(list, diagnosis.Clean(a.Host, maxCell))
	}
	return strings.Join(list, ", ")
}

func key(s credentials.Source) string { return diagnosis.Clean(s.Key, maxCell) }
