package fix

import (
	"github.com/moby/buildkit/session/auth/authprovider"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/plugin/credentials"
	"github.com/org/pullsafe/plugin/finding"
)

// Mode is the value of --fix.
type Mode string

// The modes. Off is none.
const (
	Off         Mode = ""
	Remove      Mode = "remove"
	KeepForPush Mode = "keep-for-push"
)

// ParseMode reads the value of --fix.
func ParseMode(value string) (Mode, error) {
	switch m := Mode(value); m {
	case Off, Remove, KeepForPush:
		return m, nil
	default:
		return Off, errors.Errorf("--fix=%s: there are --fix=%s (the same as --fix) and --fix=%s", value, Remove, KeepForPush)
	}
}

// Action is one change.
type Action struct {
	Registry finding.Registry
	Mode     Mode
	// Erase are the keys that are removed from the store of the login.
	Erase []string
	// Write are the files that are made.
	Write []string
}

// Skipped is a refused login that is left as it is.
type Skipped struct {
	Registry finding.Registry
	Why      string
}

// Plan says what is to be done, and what is refused and not touched.
func Plan(findings []finding.Finding, mode Mode, buildxDir string) (actions []Action, skipped []Skipped) {
	for _, r := range finding.Registries(findings) {
		if r.Rejected == 0 && r.Verdict != finding.HelperFailed {
			continue
		}
		if why := untouchable(&r, mode); why != "" {
			skipped = append(skipped, Skipped{r, why})
			continue
		}
		a := Action{Registry: r, Mode: mode}
		if mode == KeepForPush {
			for _, name := range r.Public {
				a.Write = append(a.Write, credentials.ScopedFile(buildxDir, r.Host, name))
			}
		} else {
			a.Erase = keys(&r)
		}
		actions = append(actions, a)
	}
	return actions, skipped
}

func untouchable(r *finding.Registry, mode Mode) string {
	switch {
	case r.Verdict == finding.HelperFailed:
		return "its helper program failed: repair that, or remove it from the configuration"
	case r.Verdict == finding.Accepted:
		return "it was accepted for other images"
	case r.Verdict != finding.Rejected:
		return "it could not be tested"
	case r.Resolved == 0:
		return "the images cannot be had without it either: log in again, with access to them"
	case r.Source.Kind == credentials.Environment:
		return noteEnviron
	case mode == KeepForPush:
		return keepable(r)
	}
	return ""
}

// keys are the names under which a login for the registry can be stored, as
// `docker logout` removes them (docker/cli v29.7.2, cli/command/registry/logout.go).
func keys(r *finding.Registry) []string {
	host := r.Host
	if host == authprovider.DockerHubRegistryHost {
		index := authprovider.DockerHubConfigfileKey
		return []string{index, index + "access-token", index + "refresh-token"}
	}
	list := []string{host, "http://" + host, "https://" + host}
	if r.Source.Key != "" && r.Source.Key != list[0] && r.Source.Key != list[1] && r.Source.Key != list[2] {
		list = append(list, r.Source.Key) // an older form, with a path
	}
	return list
}
