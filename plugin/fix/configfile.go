package fix

import (
	"slices"
	"strings"

	"github.com/pkg/errors"
	"github.com/tailscale/hujson"

	"github.com/org/pullsafe/plugin/configfile"
	"github.com/org/pullsafe/plugin/output"
)

// removeAuths deletes keys below "auths" of a config.json, whose path has no
// symbolic link, and leaves all else in it as it is.
func removeAuths(name string, keys []string) error {
	err := configfile.Edit(name, func(text []byte) ([]byte, error) {
		edited, err := withoutAuths(text, keys)
		return edited, errors.Wrap(err, output.FixUnreadable)
	})
	if errors.Is(err, configfile.ErrBusy) {
		return errors.New(output.FixBusy)
	}
	return err
}

// withoutAuths is the text without the keys. As for docker, "auths" may be there
// several times and in any letter case.
func withoutAuths(text []byte, keys []string) ([]byte, error) {
	root, err := hujson.Parse(text)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	object, ok := root.Value.(*hujson.Object)
	if !ok || !root.IsStandard() {
		return nil, errors.New("it is no JSON object")
	}
	for i := range object.Members {
		auths, ok := object.Members[i].Value.Value.(*hujson.Object)
		if !ok || !strings.EqualFold(memberName(object.Members[i]), "auths") {
			continue
		}
		auths.Members = slices.DeleteFunc(auths.Members, func(m hujson.ObjectMember) bool {
			return slices.Contains(keys, memberName(m))
		})
		if last := len(auths.Members) - 1; last >= 0 {
			auths.Members[last].Value.AfterExtra = nil // white space before a comma, which would keep the comma
		} else {
			auths.AfterExtra = nil
		}
	}
	return root.Pack(), nil
}

func memberName(m hujson.ObjectMember) string {
	name, _ := m.Name.Value.(hujson.Literal)
	return name.String()
}
