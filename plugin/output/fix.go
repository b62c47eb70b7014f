package output

import (
	"fmt"
	"strings"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/registry"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/plugin/credentials"
	"github.com/org/pullsafe/plugin/finding"
)

// What --fix says of an entry that it leaves as it is, and of a change that failed.
const (
	FixNotPublic   = "the images cannot be pulled without them either: log in again, with access to them"
	FixEnvironment = "change or unset DOCKER_AUTH_CONFIG: neither docker logout nor --fix can remove what it holds"
	FixScoped      = "these credentials are stored only in buildx's own folder already"
	FixNoTokens    = "this registry uses Basic authentication, and buildx reads its own folder only for tokens"
	FixUnreadable  = "the configuration cannot be read, so it is not changed"
	FixBusy        = "other programs keep writing the file, so it is not changed"
	FixUnverified  = "the result could not be verified"
)

// What the remedies say of the commands of --fix.
const (
	NoteRemove      = "removes these credentials as docker logout does; asks first"
	NoteKeepForPush = "builds pull this image without them; everything else keeps them (buildx 0.31 or newer)"
)

// Keep is the remedy for an image whose credentials are left as they are.
func Keep(spared *finding.Finding) string {
	if spared.Verdict == finding.Accepted {
		return "the same credentials are accepted for " + spared.Name() + ": keep them"
	}
	return "keep the credentials until it is clear what else they are used for: " + Spared(spared)
}

// ByHand is how to pull one repository of a host without the credentials.
func ByHand(host, repository string) string {
	return "to pull this image without them, put " + registry.AnonymousConfig(host) + " into config.json in buildx's folder config/" + host + "/" + repository + "@pull (buildx 0.31 or newer)"
}

// NotAtHome says that the registry that an entry is for was not asked.
func NotAtHome(e *finding.Entry) string {
	return "they are stored for " + e.Source.Entry().Host() + ", which was not checked: check an image from it too"
}

// Spared says for which answer an entry is left as it is.
func Spared(f *finding.Finding) string {
	answer := report.Quote(f.Answer())
	switch f.Verdict {
	case finding.Accepted:
		return "they were accepted for " + f.Name()
	case finding.HelperFailed:
		return "their helper program failed for " + f.Name() + answer + ": repair it, or remove it from the configuration"
	case finding.NotAsked:
		return "they were not tested with " + f.Name() + ", whose registry did not ask for any"
	case finding.Rejected:
		return "access to " + f.Name() + " was denied" + answer + ", which valid credentials can get too"
	case finding.LoginRejected:
		return "they are not accepted" + answer + ", but " + f.Name() + " is resolved with an anonymous token: log in again, or log out"
	case finding.NotRejected:
		return "they were not rejected for " + f.Name()
	case finding.NotTested, finding.Nothing:
	}
	return "they could not be tested with " + f.Name() + answer
}

// Entry names an entry that goes with another.
func Entry(e credentials.Entry) string {
	key := fmt.Sprintf("%q", diagnosis.Clean(e.Key, maxCell))
	if e.Helper != "" {
		return key + " of " + diagnosis.Clean(e.Helper, maxCell)
	}
	return "auths " + key + " in " + File(e.File)
}

// owner names the registry whose credentials an entry has, and those that are sent
// them too.
func owner(e credentials.Entry) string {
	host := e.Host()
	if host != registry.DockerHub {
		return host
	}
	var others []string
	for _, r := range registry.All() {
		if r.HubLogin {
			others = append(others, r.Hosts...)
		}
	}
	return host + " (and " + strings.Join(others, ", ") + ")"
}

// StillStored says that a change was made and has no effect.
func StillStored(s credentials.Source) string {
	return "the credentials are still there: " + Credential(s)
}

// NowSent says that others are found after a change.
func NowSent(f *finding.Finding, s credentials.Source) string {
	return "pulls of " + f.Name() + " now use other credentials, which were not tested: " + Credential(s) + "; check again"
}

// Removal is what the removal of an entry will do, with what goes with it.
func Removal(e *finding.Entry, with []credentials.Entry) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  remove the credentials for %s: %s\n", owner(e.Source.Entry()), Credential(e.Source))
	for _, w := range with {
		fmt.Fprintf(&b, "    and, not tested, what docker logout removes with them: %s\n", Entry(w))
	}
	return b.String() + forImages(e)
}

// Removed says that it was done.
func Removed(e *finding.Entry) string {
	return "Removed the credentials for " + owner(e.Source.Entry()) + "."
}

// Exception is what files of buildx's own folder will do.
func Exception(e *finding.Entry, names, contents []string) string {
	var b strings.Builder
	for i, name := range names {
		fmt.Fprintf(&b, "  write %s to %s\n", strings.TrimSpace(contents[i]), File(name))
	}
	fmt.Fprintf(&b, "    so that builds pull these repositories without the credentials for %s; all else keeps them (buildx 0.31 or newer)\n", owner(e.Source.Entry()))
	return b.String() + forImages(e)
}

// forImages says for which images an entry was rejected.
func forImages(e *finding.Entry) string {
	public := e.Public()
	images := "1 public image"
	if len(public) > 1 {
		images = fmt.Sprintf("%d public images", len(public))
	}
	return "    rejected for " + images + ", such as " + public[0].Name() + "\n"
}
