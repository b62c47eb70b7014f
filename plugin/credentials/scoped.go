package credentials

import (
	"cmp"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/docker/cli/cli/config"
)

// scopedDir is the folder of buildx that holds them.
const scopedDir = "config"

// ScopedFile is the file in which buildx looks for the credentials for pulls of a
// repository; host is spelled as in requests. One for a whole host would be taken
// for its pushes too: they ask for pull and push, and buildx v0.37.2 compares only
// whether what the folder names is asked for (util/dockerutil/dockerconfig).
func ScopedFile(buildxDir, host, repository string) string {
	return filepath.Join(buildxDir, scopedDir, host, filepath.FromSlash(repository)+"@pull", config.ConfigFileName)
}

// scoped is one folder HOST[/REPOSITORY][@ACTION[,ACTION]] with a config.json.
type scoped struct {
	dir     string
	host    string
	repo    string
	actions []string
}

// findScoped lists buildx's folders. One that cannot be read ends the list, as
// it does for buildx.
func findScoped(buildxDir string) []scoped {
	base := filepath.Join(buildxDir, scopedDir)
	var out []scoped
	_ = filepath.WalkDir(base, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() || d.Name() != config.ConfigFileName {
			return nil
		}
		rel, err := filepath.Rel(base, filepath.Dir(path))
		if err != nil {
			return err
		}
		s := parseScoped(filepath.ToSlash(rel))
		s.dir = filepath.Dir(path)
		out = append(out, s)
		return nil
	})
	return out
}

func parseScoped(key string) scoped {
	name, actions, _ := strings.Cut(key, "@")
	var s scoped
	for a := range strings.SplitSeq(actions, ",") {
		if a = strings.TrimSpace(a); a != "" && !slices.Contains(s.actions, a) {
			s.actions = append(s.actions, a)
		}
	}
	s.host, s.repo, _ = strings.Cut(name, "/")
	return s
}

// pickScoped chooses the folder for a token of the given scopes; ok is false when
// there is none, or more than one resource is asked for.
func pickScoped(all []scoped, host string, scopes []string) (scoped, bool) {
	resources := parseScopes(scopes)
	if len(resources) != 1 {
		return scoped{}, false
	}
	var found []scoped
	for _, s := range all {
		if s.host == host && s.matches(resources) {
			found = append(found, s)
		}
	}
	if len(found) == 0 {
		return scoped{}, false
	}
	// One with a repository before one without, then the one with more actions.
	slices.SortFunc(found, func(a, b scoped) int {
		return cmp.Or(strings.Compare(b.repo, a.repo), cmp.Compare(len(b.actions), len(a.actions)))
	})
	return found[0], true
}

func (s scoped) matches(resources map[string][]string) bool {
	for resource, actions := range resources {
		if s.repo != "" && resource != "repository:"+s.repo {
			return false
		}
		for _, a := range s.actions {
			if !slices.Contains(actions, a) {
				return false
			}
		}
	}
	return true
}

// PullScopes are those of a token for pulls of a repository.
func PullScopes(repository string) []string { return []string{"repository:" + repository + ":pull"} }

// parseScopes groups scopes ("repository:a/b:pull,push", several in one string
// with spaces) by their resource; nil if one of them is empty.
func parseScopes(scopes []string) map[string][]string {
	out := map[string][]string{}
	for _, list := range scopes {
		if list == "" {
			return nil
		}
		for scope := range strings.SplitSeq(list, " ") {
			parts := strings.SplitN(scope, ":", 3)
			resource := strings.Join(parts[:min(len(parts), 2)], ":")
			var actions []string
			if len(parts) == 3 {
				actions = strings.Split(parts[2], ",")
			}
			out[resource] = append(out[resource], actions...)
		}
	}
	return out
}
