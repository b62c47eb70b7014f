package frontend

import (
	"encoding/json"

	"github.com/org/pullsafe/frontend/references"
)

// onBuild are the images that the ONBUILD triggers of the resolved bases name
// and that are not known yet. They are known only now, and have no triggers of
// their own that would count: nothing is built upon them.
func (s *session) onBuild() []references.Reference {
	known := map[string]struct{}{}
	for _, ref := range s.refs {
		known[ref.Key()] = struct{}{}
	}
	var out []references.Reference
	for _, e := range s.ledger().entries(func(e entry) bool { return e.err == nil && len(e.found.Positions) > 0 }) {
		for _, ref := range s.set.OnBuild(e.found, triggers(e.config)) {
			if _, ok := known[ref.Key()]; !ok {
				known[ref.Key()] = struct{}{}
				out = append(out, ref)
			}
		}
	}
	return out
}

// triggers are the ONBUILD triggers in an image's configuration.
func triggers(config []byte) []string {
	var image struct {
		Config struct{ OnBuild []string }
	}
	if json.Unmarshal(config, &image) != nil {
		return nil
	}
	return image.Config.OnBuild
}
