package report

import (
	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/registry"
)

// Remedy is a command to run with a short comment, or advice alone.
type Remedy struct {
	Command string `json:"command,omitempty"`
	Note    string `json:"note,omitempty"`
}

// doLogin and doLogout stand for these commands in a list of steps.
const (
	doLogin  = "login"
	doLogout = "logout"
)

// steps are commands about host, and notes.
func steps(host string, list ...string) []Remedy {
	out := make([]Remedy, 0, len(list))
	for _, s := range list {
		switch s {
		case doLogin:
			out = append(out, login(host))
		case doLogout:
			out = append(out, logout(host))
		default:
			out = append(out, Remedy{Note: s})
		}
	}
	return out
}

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

// remediesMirror: behind a mirror, BuildKit asks the registry itself, and then shows
// what the mirror answered.
func remediesMirror(d diagnosis.Diagnosis) []Remedy {
	behind := logout(d.Host)
	behind.Note = noteBehindMirror
	return append(steps(d.Host, noteMirror(where(d))), behind)
}

// forProxies adds to a list what the administrator of a registry can do, where it is none
// that is known: those serve their aliases.
func forProxies(host string, list ...string) []string {
	if registry.Of(host).Name == "" {
		list = append(list, noteAliases)
	}
	return list
}

// runHelper shows a person what a credential helper does for a host.
func runHelper(host, note string) Remedy {
	return Remedy{Command: "echo " + host + " | docker-credential-X get", Note: note}
}

// remediesHelper are for a credential helper that answers or fails for the host alias
// too: the first attempt may have met another one.
func remediesHelper(first, last diagnosis.Diagnosis) []Remedy {
	host := first.Host
	erase := logout(host)
	erase.Note = noteErases
	var todo []Remedy
	switch {
	case first.Class == diagnosis.CredentialHelper:
		todo = steps(host, noteRepair+Quote(first.Message), noteEmptyEntry(host), noteHelper(host))
	case last.Class == diagnosis.CredentialHelper:
		todo = append(steps(host, doLogin, noteEmptyEntry(host)), erase)
	default:
		return append([]Remedy{erase}, steps(host, forProxies(host, doLogin, noteEmptyEntry(host))...)...)
	}
	if last.Silent {
		todo = append(todo, runHelper(registry.FirstAlias(host), noteSilent))
	}
	return todo
}

// remedies are those of one answer.
func remedies(d diagnosis.Diagnosis) []Remedy {
	if d.Mirror != "" {
		return remediesMirror(d)
	}
	if list := detailed(d); list != nil {
		return list
	}
	switch d.Class {
	case diagnosis.CredentialsRejected, diagnosis.DeniedAmbiguous, diagnosis.AuthRequired:
		return remediesDenied(d)
	case diagnosis.CredentialHelper:
		todo := steps(d.Host, noteRemoveHelper(d.Host), "or "+noteRepair+Quote(d.Message))
		if d.Silent && d.Host != "" {
			todo = append(todo, runHelper(registry.CredentialKey(d.Host), noteSilent))
		}
		return todo
	case diagnosis.RateLimited:
		if d.UsedCredentials != nil && *d.UsedCredentials {
			return steps(d.Host, noteAccount)
		}
		list := steps(d.Host, doLogin, noteOrWait)
		if limit := registry.Of(d.Host).Limit; limit != "" {
			list[0].Note = limit
		}
		return list
	case diagnosis.NotFound:
		return steps(d.Host, noteTypo, noteHidden)
	case diagnosis.NoMatchingPlatform:
		return steps(d.Host, notePlatforms)
	case diagnosis.NetworkFailure:
		if d.Redirect != "" {
			return steps(d.Host, noteBadRedirect)
		}
		if d.Network == diagnosis.NetworkClient {
			return steps(d.Host, noteClientNet)
		}
		if d.Network == "" && d.Host != "" { // the client may have asked a helper
			return append(steps(d.Host, noteDaemonNet), runHelper(registry.CredentialKey(d.Host), noteWaiting))
		}
		return steps(d.Host, noteDaemonNet)
	case diagnosis.TLSFailure:
		return steps(d.Host, noteTLS)
	case diagnosis.RegistryOutage:
		return steps(d.Host, noteStatus(d.Host))
	case diagnosis.PolicyDenied:
		if d.SourcePolicy {
			return steps(d.Host, notePolicy)
		}
		return steps(d.Host, noteRegistryRule)
	case diagnosis.InvalidReference:
		return steps(d.Host, noteReference)
	case diagnosis.Canceled, diagnosis.NotARegistryError:
	}
	return []Remedy{}
}

// remediesDenied: no logout makes a push pass, and what a registry says to whoever
// asks, no command of ours changes.
func remediesDenied(d diagnosis.Diagnosis) []Remedy {
	r := registry.Of(d.Host)
	switch {
	case d.Class == diagnosis.AuthRequired && (r.NoLogin || r.TokensForAll):
		return steps(d.Host, noteWait)
	case d.Class == diagnosis.AuthRequired:
		return steps(d.Host, doLogin, noteTypo)
	case d.Barred, d.Class == diagnosis.DeniedAmbiguous && r.NoLogin:
		return steps(d.Host, noteFirewall)
	case d.Class == diagnosis.DeniedAmbiguous:
		return steps(d.Host, doLogin, doLogout, noteTypo)
	case r.PrivateOnly:
		return steps(d.Host, doLogin, noteAgain, noteEnv)
	default:
		return steps(d.Host, doLogout, doLogin, noteEnv, noteAgain)
	}
}

// findOut leaves the login out first, which tells whether it was at fault.
func findOut(d diagnosis.Diagnosis, ref string) []Remedy {
	pull := Remedy{Command: "docker pull IMAGE", Note: notePublic}
	if name := diagnosis.Clean(ref, maxName); name != "" {
		pull.Command = "docker pull " + name
	}
	list := []Remedy{logout(d.Host), pull, login(d.Host)}
	if d.Class == diagnosis.DeniedAmbiguous {
		list = append(list, Remedy{Note: noteTypo})
	}
	return append(list, steps(d.Host, noteEnv, noteAgain)...)
}
