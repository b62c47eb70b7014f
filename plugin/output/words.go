package output

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/registry"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/plugin/credentials"
	"github.com/org/pullsafe/plugin/finding"
)

// maxCell bounds the text of a cell, in runes.
const maxCell = 300

// Credential says where a credential comes from.
func Credential(s credentials.Source) string {
	key, file := fmt.Sprintf("%q", diagnosis.Clean(s.Key, maxCell)), File(s.File)
	switch s.Kind {
	case credentials.Auths:
		return "auths " + key + " in " + file
	case credentials.CredsStore:
		return diagnosis.Clean(s.Helper, maxCell) + " (credsStore in " + file + ")"
	case credentials.CredHelpers:
		return diagnosis.Clean(s.Helper, maxCell) + " (credHelpers " + key + " in " + file + ")"
	case credentials.Environment:
		return "DOCKER_AUTH_CONFIG " + key
	case credentials.None:
	}
	if s.Scoped {
		return "none, set by " + file
	}
	return "none"
}

// File is a file name with the home folder shortened.
func File(name string) string {
	name = diagnosis.Clean(name, maxCell)
	if home, err := os.UserHomeDir(); err == nil && home != "/" {
		if rest, ok := strings.CutPrefix(name, home+string(filepath.Separator)); ok {
			return filepath.Join("~", rest)
		}
	}
	return name
}

func cell(text, style string) report.Cell { return report.Cell{Text: text, Style: style} }

// verdict says what became of a credential.
func verdict(r *finding.Registry) report.Cell {
	answer := report.Quote(r.Answer)
	switch r.Verdict {
	case finding.Accepted:
		if r.Rejected > 0 {
			return cell(fmt.Sprintf("accepted, but REJECTED for %d of %d images", r.Rejected, r.Images), yellow)
		}
		return cell("accepted", green)
	case finding.Rejected:
		return cell("REJECTED"+answer, red)
	case finding.LoginRejected:
		return cell("REJECTED by GET /v2/"+answer+", images resolve", yellow)
	case finding.NotRejected:
		if answer == "" {
			return cell("not rejected: GET /v2/ asks for none", green)
		}
		return cell("not rejected, not tested"+answer, yellow)
	case finding.HelperFailed:
		return cell("HELPER FAILED"+answer, red)
	case finding.NotTested:
		return cell("not tested"+answer, yellow)
	case finding.NotAsked:
		return cell("not asked for", "")
	case finding.Nothing:
	}
	return cell("-", "")
}

// accessWords are the failures in a cell of the table.
var accessWords = map[finding.Access]string{
	finding.NotAttempted: "-",
	finding.Resolved:     "ok",
	finding.Access(diagnosis.CredentialsRejected): "REJECTED",
	finding.Access(diagnosis.AuthRequired):        "denied",
	finding.Access(diagnosis.DeniedAmbiguous):     "DENIED",
	finding.Access(diagnosis.CredentialHelper):    "HELPER FAILED",
	finding.Access(diagnosis.RateLimited):         "rate limit",
	finding.Access(diagnosis.NotFound):            "not found",
	finding.Access(diagnosis.NoMatchingPlatform):  "no such platform",
	finding.Access(diagnosis.NetworkFailure):      "no connection",
	finding.Access(diagnosis.TLSFailure):          "TLS failed",
	finding.Access(diagnosis.RegistryOutage):      "registry error",
}

func with(a finding.Access) report.Cell {
	word, ok := accessWords[a]
	if !ok {
		word = "failed"
	}
	switch a {
	case finding.NotAttempted:
		return cell(word, "")
	case finding.Resolved:
		return cell(word, green)
	default:
		return cell(word, red)
	}
}

// without is red only where there is no other way: that a private image cannot
// be pulled without credentials is expected.
func without(f *finding.Finding) report.Cell {
	c := with(f.Without)
	if c.Style == red {
		c.Text = strings.ToLower(c.Text)
		if f.With == finding.Resolved {
			c = cell("no (private)", "")
			if f.Without != finding.Access(diagnosis.AuthRequired) && f.Without != finding.Access(diagnosis.DeniedAmbiguous) {
				c.Text = "unknown"
			}
		}
	}
	return c
}

// closing is the last paragraph: the counts, and what they mean for a build.
func closing(findings []finding.Finding) string {
	s := finding.Report(findings).Summary
	text := s.Closing() + "\n"
	logout, helper := 0, 0
	for i := range findings {
		switch f := &findings[i]; {
		case !f.Logout() && f.Alias == "":
		case f.Verdict == finding.HelperFailed:
			helper++
		case f.Verdict == finding.Rejected:
			logout++
		}
	}
	if logout > 0 {
		text += fmt.Sprintf("The stored credentials were rejected for %s that can be pulled without them.\n", count(logout))
	}
	text += loginsRejected(findings)
	if helper > 0 {
		text += fmt.Sprintf("A credential helper failed for %s that can be pulled without credentials.\n", count(helper))
	}
	if s.Failed == 0 && s.OKWithoutCredentials == 0 && s.References > 0 && s.NotChecked == 0 {
		text += "All images can be pulled.\n"
	}
	return text
}

// loginsRejected tells of credentials that no build misses, and that are wrong.
func loginsRejected(findings []finding.Finding) string {
	var b strings.Builder
	for _, r := range finding.Registries(findings) {
		if r.Verdict == finding.LoginRejected {
			fmt.Fprintf(&b, "%s rejects the stored credentials when docker login tests them, but these images resolve: it may give anonymous tokens for wrong\n"+
				"credentials, with which private images cannot be pulled. To renew them: %s\n", diagnosis.Clean(r.Domain, maxCell), registry.LoginCommand(r.Domain))
		}
	}
	return b.String()
}

func count(images int) string {
	if images == 1 {
		return "1 image"
	}
	return fmt.Sprintf("%d images", images)
}

// noImages is all that is said when there is nothing to check.
const noImages = "No images are named: there is nothing to check.\n"

// name is the image as the user wrote it.
func name(f *finding.Finding) string {
	if f.Needed {
		return f.Name()
	}
	return f.Name() + " (not needed by the target)"
}
