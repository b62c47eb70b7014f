package diagnosis

import (
	"strings"

	"github.com/org/pullsafe/frontend/registry"
)

func logout(host string) Remedy {
	if host == "" {
		return Remedy{Command: "docker logout HOST", Note: noteHost}
	}
	return Remedy{Command: registry.LogoutCommand(host)}
}

func login(host string) Remedy {
	if host == "" {
		return Remedy{Command: "docker login HOST", Note: noteHost}
	}
	return Remedy{Command: registry.LoginCommand(host), Note: registry.Of(host).LoginNote}
}

func notes(list ...string) []Remedy {
	out := make([]Remedy, 0, len(list))
	for _, n := range list {
		out = append(out, Remedy{Note: n})
	}
	return out
}

// remedies are those of one answer alone.
func (d Diagnosis) remedies() []Remedy {
	r := registry.Of(d.Host)
	switch d.Class {
	case CredentialsRejected:
		return d.remediesRejected()
	case AuthRequired:
		if r.NoLogin || r.TokensForAll {
			return notes(noteWait)
		}
		return append([]Remedy{login(d.Host)}, notes(noteTypo)...)
	case DeniedAmbiguous:
		if r.NoLogin || containsAny(lower(d.Message), hopelessWords) {
			return notes(noteFirewall)
		}
		return []Remedy{login(d.Host), logout(d.Host), {Note: noteTypo}}
	case CredentialHelper:
		return notes(noteRepair+inParens(d.Message), helperNote(d.Host))
	case RateLimited:
		return d.remediesLimit()
	case NotFound:
		return notes(noteTypo, noteHidden)
	case NoMatchingPlatform:
		return notes(notePlatforms)
	case NetworkFailure:
		if d.Network == NetworkClient {
			return notes(noteClientNet)
		}
		return notes(noteDaemonNet)
	case TLSFailure:
		return notes(noteTLS)
	case RegistryOutage:
		return notes(noteWait)
	case PolicyDenied:
		if d.UsedCredentials != nil || !strings.HasSuffix(d.Message, "by policy") {
			return notes(noteRegistryRule)
		}
		return notes(notePolicy)
	case InvalidReference:
		return notes(noteReference)
	case Canceled, NotARegistryError:
	}
	return []Remedy{}
}

func (d Diagnosis) remediesRejected() []Remedy {
	switch {
	case containsAny(lower(d.Message), hopelessWords):
		return notes(noteFirewall)
	case registry.Of(d.Host).PrivateOnly:
		return append([]Remedy{login(d.Host)}, notes(noteAgain, noteEnv)...)
	}
	return append([]Remedy{logout(d.Host), login(d.Host)}, notes(noteEnv, noteAgain)...)
}

// remediesFindOut leave the login out first, which tells whether it was at fault.
func remediesFindOut(d Diagnosis, ref string) []Remedy {
	pull := Remedy{Command: "docker pull IMAGE", Note: notePublic}
	if ref != "" {
		pull.Command = "docker pull " + Clean(ref, maxMessage)
	}
	list := []Remedy{logout(d.Host), pull, login(d.Host)}
	if d.Class == DeniedAmbiguous {
		list = append(list, Remedy{Note: noteTypo})
	}
	return append(list, notes(noteEnv, noteAgain)...)
}

// remediesPush: no logout makes a push pass.
func remediesPush(host string) []Remedy {
	return append([]Remedy{login(host)}, notes(notePush, noteAgain)...)
}

func (d Diagnosis) remediesLimit() []Remedy {
	if d.UsedCredentials != nil && *d.UsedCredentials {
		return notes(noteAccount)
	}
	l := login(d.Host)
	if limit := registry.Of(d.Host).Limit; limit != "" {
		l.Note = limit
	}
	return append([]Remedy{l}, notes(noteOrWait)...)
}

func remediesRefusedToo(d Diagnosis) []Remedy {
	if d.Class == CredentialHelper {
		return append(d.remedies(), login(d.Host))
	}
	if d.Class == DeniedAmbiguous {
		return append([]Remedy{login(d.Host)}, notes(noteTypo, noteAgain)...)
	}
	return append([]Remedy{logout(d.Host), login(d.Host)}, notes(noteTypo, noteAgain)...)
}

func remediesRescued(d Diagnosis) []Remedy {
	if d.Class == CredentialHelper {
		return d.remedies()
	}
	return append([]Remedy{logout(d.Host)}, notes(keepPushNote(d.where()), noteEnv)...)
}

func remediesHelperAnswers(d Diagnosis) []Remedy {
	if d.Class == CredentialHelper {
		return d.remedies()
	}
	return append([]Remedy{login(d.Host), logout(d.Host)}, notes(noteHelperAll)...)
}

func remediesMissing(d Diagnosis) []Remedy {
	return append(notes(noteTypo), login(d.Host), logout(d.Host))
}

func remediesNoPlatform(d Diagnosis) []Remedy {
	return append(notes(notePlatforms), logout(d.Host))
}

func remediesAnonymousLimit(d Diagnosis) []Remedy {
	l := login(d.Host)
	return append([]Remedy{l}, notes(noteRaises)...)
}

func remediesPolicyAllowsWritten(d Diagnosis) []Remedy {
	return append([]Remedy{logout(d.Host), login(d.Host)}, notes(notePolicySpell)...)
}

func remediesPolicyUndecided(d Diagnosis) []Remedy {
	return append([]Remedy{logout(d.Host), login(d.Host)}, notes(noteAgain)...)
}

func remediesTLSWithout(d Diagnosis) []Remedy {
	return append([]Remedy{logout(d.Host), login(d.Host)}, notes(noteTLSSpelling, noteEnv)...)
}

func remediesUnfinished(d Diagnosis) []Remedy {
	return append([]Remedy{{Note: noteTryAgain}, logout(d.Host), login(d.Host)}, notes(noteEnv)...)
}
