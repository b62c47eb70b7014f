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
const Rule = "RegistryCredentialsRefused"

// Warning is about the rejected credentials of one registry host. Its sentences
// are below.
type Warning struct {
	Host   string
	Refs   []string            // the images that it is about
	Answer diagnosis.Diagnosis // to the first attempt
	// Done is what became of the images without the credentials: "pulled", or
	// "resolved" when the build failed for another reason. It is empty where the
	// target does not need the images, and they could not be resolved either way.
	Done string
}

// Short is the text. It holds the command, because buildx shows no more than this.
func (w Warning) Short() string {
	d, refs, run := w.answer(), listed(w.Refs), logout(w.Host).Command
	switch {
	case w.Done == "":
		return fmt.Sprintf("%s refused the stored credentials for %s, which the target does not need%s. Run: %s", w.Host, refs, Code(d.Class), run)
	case d.Class == diagnosis.CredentialHelper:
		return fmt.Sprintf("the credential helper for %s failed; %s %s without credentials%s. Repair it or remove it from config.json", where(d), w.Done, refs, w.code())
	case d.Class == diagnosis.DeniedAmbiguous:
		// Such an answer does not show that there were any credentials.
		return fmt.Sprintf("%s refused access; %s %s without credentials%s. Run: %s", where(d), w.Done, refs, w.code(), run)
	default:
		return fmt.Sprintf("%s refused the stored credentials; %s %s without them. Run: %s", where(d), w.Done, refs, run)
	}
}

// code tells what the rule's name does not: that it was not a rejection of credentials.
func (w Warning) code() Code { return Code(string(w.Answer.Class) + "/resolved") }

// WarningCode is the code of a warning in a log: with none in its text, the stored
// credentials were rejected and the fallback resolved the images.
func WarningCode(text string) Code {
	if code, ok := FindCode(text); ok {
		return code
	}
	return Code(diagnosis.CredentialsRejected) + "/resolved"
}

// Detail is the detail, line by line.
func (w Warning) Detail() []string {
	d, run := w.answer(), logout(w.Host).Command
	if w.Done == "" {
		return []string{
			opening(d) + ", and there is no such public image.",
			"The build does not need it and goes on. The steps marked ERROR in the progress above can be ignored.",
			"To mend it: " + run + ", then log in with credentials that may read the image.",
			"To leave such images out: PULLSAFE_SCOPE=target. To silence this warning: # check=skip=" + Rule + ".",
		}
	}
	answer, public := where(d)+" answered: "+d.Message, " is public: it was had"
	if d.Message == "" || d.Class == diagnosis.CredentialHelper {
		answer = opening(d)
	}
	if len(w.Refs) > 1 {
		public = " are public: they were had"
	}
	lines := []string{
		answer + ".",
		listed(w.Refs) + public + " from the same registry without credentials.",
		"The step marked ERROR in the progress above is the first try, with credentials. It can be ignored.",
	}
	if d.Class == diagnosis.CredentialHelper {
		lines = append(lines, "To mend it: repair the credential helper, "+noteHelper(w.Host)+".")
	} else {
		lines = append(lines,
			"To mend it: "+run+", and log in again only if you need to.",
			sentence(noteEnv),
			sentence(noteKeepForPush(where(d))))
	}
	return append(lines,
		"A client that keeps running may give the old answer for five minutes.",
		"To silence this warning: # check=skip="+Rule+". To make it an error: PULLSAFE_STRICT=true or # check=error=true.")
}

// answer is about the host as the user wrote it.
func (w Warning) answer() diagnosis.Diagnosis {
	d := w.Answer
	d.Host = w.Host
	return d
}

// StepAdvice is what the name of the step of the anonymous fallback ends in where
// there are no warnings.
func StepAdvice(host string) string {
	return fmt.Sprintf(" (without credentials; %s refused the stored ones, run: %s)", host, logout(host).Command)
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

// Step is the name of the progress step that tells of the fallback of a reference,
// for clients and daemons that show no warnings.
func Step(r *resolve.Resolution) string {
	return fmt.Sprintf("[pullsafe] %s, resolved %s without them; run: %s", opening(r.Written), diagnosis.Clean(r.Ref, maxAnswer), logout(r.Host()).Command)
}
