package fix

import (
	"slices"
	"strings"

	"github.com/pkg/errors"
	"github.com/tailscale/hujson"

	"github.com/org/pullsafe/plugin/configfile"
	"github.com/org/pullsafe/plugin/output"
)

// Sections of a config.json.
const (
	auths       = "auths"
	credHelpers = "credHelpers"
)

// edit changes a file with [configfile.Edit]; one that cannot be read stays as it is.
func edit(name string, change func(text []byte) ([]byte, error)) error {
	err := configfile.Edit(name, func(text []byte) ([]byte, error) {
		edited, err := change(text)
		return edited, errors.Wrap(err, output.FixUnreadable)
	})
	if errors.Is(err, configfile.ErrBusy) {
		return errors.New(output.FixBusy)
	}
	return err
}

// parse is the object in a config.json.
func parse(text []byte) (*hujson.Value, *hujson.Object, error) {
	root, err := hujson.Parse(text)
	if err != nil {
		return nil, nil, errors.WithStack(err)
	}
	object, ok := root.Value.(*hujson.Object)
	if !ok || !root.IsStandard() {
		return nil, nil, errors.New("it is not a JSON object")
	}
	return &root, object, nil
}

// without is the text without keys of a section. As for docker, a section may be there
// several times and in any letter case.
func without(text []byte, section string, keys []string) ([]byte, error) {
	root, object, err := parse(text)
	if err != nil {
		return nil, err
	}
	for i := range object.Members {
		in, ok := object.Members[i].Value.Value.(*hujson.Object)
		if !ok || !strings.EqualFold(memberName(object.Members[i]), section) {
			continue
		}
		in.Members = slices.DeleteFunc(in.Members, func(m hujson.ObjectMember) bool {
			return slices.Contains(keys, memberName(m))
		})
		if last := len(in.Members) - 1; last >= 0 {
			in.Members[last].Value.AfterExtra = nil // white space before a comma, which would keep the comma
		} else {
			in.AfterExtra = nil
		}
	}
	return root.Pack(), nil
}

// withoutHelper is the text with an empty entry for each host under credHelpers, by
// which docker asks no helper for it (docker/cli, cli/config/configfile/file.go,
// getConfiguredCredentialStore). A host that has an entry keeps it.
func withoutHelper(text []byte, hosts []string) ([]byte, error) {
	root, object, err := parse(text)
	if err != nil {
		return nil, err
	}
	helpers, err := helpersOf(object)
	if err != nil {
		return nil, err
	}
	for _, host := range hosts {
		if slices.ContainsFunc(helpers.Members, func(m hujson.ObjectMember) bool { return memberName(m) == host }) {
			continue
		}
		add(helpers, host, hujson.Value{Value: hujson.String("")}, indentOf(object))
	}
	return root.Pack(), nil
}

// helpersOf is the last credHelpers of a config.json, which is made if there is none.
func helpersOf(object *hujson.Object) (*hujson.Object, error) {
	for i := range slices.Backward(object.Members) {
		m := &object.Members[i]
		if !strings.EqualFold(memberName(*m), credHelpers) {
			continue
		}
		if in, ok := m.Value.Value.(*hujson.Object); ok {
			return in, nil
		}
		return nil, errors.New(credHelpers + " is not a JSON object")
	}
	helpers := &hujson.Object{}
	if len(object.Members) > 0 {
		helpers.AfterExtra = slices.Clone(object.Members[0].Name.BeforeExtra)
	}
	add(object, credHelpers, hujson.Value{Value: helpers}, nil)
	return helpers, nil
}

// add adds a member, in the style of the first one, or behind indent where there is none.
func add(object *hujson.Object, name string, value hujson.Value, indent hujson.Extra) {
	m := hujson.ObjectMember{Name: hujson.Value{Value: hujson.String(name), BeforeExtra: indent}, Value: value}
	m.Value.BeforeExtra = hujson.Extra(" ")
	if n := len(object.Members); n > 0 {
		m.Name.BeforeExtra = slices.Clone(object.Members[0].Name.BeforeExtra)
		m.Value.BeforeExtra = slices.Clone(object.Members[0].Value.BeforeExtra)
		object.Members[n-1].Value.AfterExtra = nil
	}
	object.Members = append(object.Members, m)
}

// indentOf is the white space before the members of an object in another.
func indentOf(object *hujson.Object) hujson.Extra {
	outer := string(object.Members[0].Name.BeforeExtra) // credHelpers is one at least
	return hujson.Extra(outer + outer[strings.LastIndexByte(outer, '\n')+1:])
}

func memberName(m hujson.ObjectMember) string {
	name, _ := m.Name.Value.(hujson.Literal)
	return name.String()
}
