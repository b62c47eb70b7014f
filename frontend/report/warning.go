package report

import (
	"fmt"
	"strings"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/resolve"
)

// maxListed bounds the references that a warning names.
const maxListed = 3

// Rule is the name of the warning, by which a log can be read and `# check=skip=`
// silences it.
const Rule = "RegistryCredentialsRejected"

// Warning is about the rejected credentials of one registry host.
type Warning struct {
	Host   string
	Refs   []string            // the images that it is about
	Answer diagnosis.Diagnosis // to the first attempt
}

// Short is the text. It holds the command, because buildx shows no more than this.
func (w Warning) Short() string {
	d, todo := w.answer(), "Run: "+logout(w.Host).Command
	d.Message = ""
	//exhaustive:ignore
	switch d.Class {
	case diagnosis.CredentialHelper:
		todo = "Repair it or remove it from config.json"
	case diagnosis.DeniedAmbiguous:
	default:
		d.Class = diagnosis.CredentialsRejected
	}
	return fmt.Sprintf("%s; resolved %s without %s%s. %s", opening(d), listed(w.Refs), without(d), warningCode(d), todo)
}

// without is what an image was resolved without, behind [opening]. More cannot be
// claimed: other credentials can be stored for the host alias, or for where it redirects.
func without(d diagnosis.Diagnosis) string {
	//exhaustive:ignore
	switch d.Class {
	case diagnosis.CredentialsRejected:
		return "them"
	case diagnosis.CredentialHelper:
		return "it"
	default: // it does not show that there were any
		return "credentials stored for " + where(d)
	}
}

// warningCode is empty for rejected credentials: the name of the rule says that.
func warningCode(d diagnosis.Diagnosis) Code {
	if d.Class == diagnosis.CredentialsRejected {
		return ""
	}
	return Code(d.Class) + codeResolved
}

// FallbackCode is the code of a fallback in the text of a warning or a step.
func FallbackCode(text string) Code {
	if code, ok := FindCode(text); ok {
		return code
	}
	return Code(diagnosis.CredentialsRejected) + codeResolved
}

// Detail is the detail, line by line.
func (w Warning) Detail() []string {
	d, run := w.answer(), logout(w.Host).Command
	resolved := " was resolved"
	if len(w.Refs) > 1 {
		resolved = " were resolved"
	}
	lines := []string{
		opening(d) + ".",
		listed(w.Refs) + resolved + " under a host alias, without the credentials stored for " + w.Host + ".",
	}
	if d.Class == diagnosis.CredentialHelper {
		lines = append(lines, "To fix it: repair the credential helper, "+noteHelper(w.Host)+".")
	} else {
		lines = append(lines,
			"To fix it: "+run+", and log in again only if you need to.",
			sentence(noteEnv),
			sentence(noteKeepForPush(where(d))))
	}
	return append(lines,
		"A long-running client (an IDE) may cache credentials for five minutes.",
		"To silence this warning: # check=skip="+Rule+". To make it an error: PULLSAFE_STRICT=true or # check=error=true.")
}

// answer is about the host as the user wrote it.
func (w Warning) answer() diagnosis.Diagnosis {
	d := w.Answer
	d.Host = w.Host
	return d
}

func listed(refs []string) string {
	clean := make([]string, 0, maxListed)
	for _, ref := range refs[:min(len(refs), maxListed)] {
		clean = append(clean, diagnosis.Clean(ref, maxAnswer))
	}
	text := strings.Join(clean, ", ")
	if more := len(refs) - maxListed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func sentence(note string) string { return strings.ToUpper(note[:1]) + note[1:] + "." }

// StepMark begins the names of steps that tell of a fallback.
const StepMark = "[pullsafe] "

// Step is the name of the progress step that tells of the fallback of a reference,
// for clients and daemons that show no warnings. A terminal cuts it, so what to run
// comes early.
func Step(r *resolve.Resolution) string {
	return fmt.Sprintf(StepMark+"%s. Run: %s. Resolved %s without %s%s",
		opening(r.Written), logout(r.Written.Host).Command, diagnosis.Clean(r.Ref, maxAnswer), without(r.Written), warningCode(r.Written))
}
