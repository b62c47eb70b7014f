package install

import (
	"slices"
	"strings"

	"github.com/pkg/errors"
)

const (
	// Plugin is the name of the plugin, as Docker's configuration has it.
	Plugin = "pullsafe"

	// ErrorHooks are the commands after whose failure the Docker CLI asks the plugin
	// for a hint. The first that fits is told to the plugin; with the alias, docker
	// build is "pullsafe build".
	ErrorHooks = "build,pull,pullsafe build,buildx build,compose pull,compose"
)

// The settings, by their places in the file.
const (
	aliases, builder = "aliases", "builder"
	plugins          = "plugins"
	errorHooks       = "error-hooks"
	features, hooks  = "features", "hooks"
	hooksOn          = "true"
)

// What is remembered below plugins.pullsafe: a list of what was added, and the values
// of what was replaced.
const (
	keyAdded = "install-added"
	keyWas   = "install-was-" // and the last part of the setting's name

	addedFile = "config.json"
)

// Setting is one value that is set, by its path.
type Setting struct {
	Path []string
	Want string
	// Is what is there now; Set tells that anything is.
	Is  string
	Set bool
	// Gone: nothing is wanted there.
	Gone bool
}

// Name is the path as a person reads it.
func (s Setting) Name() string { return strings.Join(s.Path, ".") }

// Done tells that there is nothing to do.
func (s Setting) Done() bool { return s.Set && s.Is == s.Want && !s.Gone }

// settings are all, the hints with withHooks alone.
func settings(withHooks bool) []Setting {
	list := []Setting{{Path: []string{aliases, builder}, Want: Plugin}}
	if withHooks {
		list = append(list,
			Setting{Path: []string{features, hooks}, Want: hooksOn},
			Setting{Path: []string{plugins, Plugin, errorHooks}, Want: ErrorHooks})
	}
	return list
}

// Read says what of the settings is there in a text.
func Read(text []byte, withHooks bool) ([]Setting, error) {
	_, root, err := parse(text)
	if err != nil {
		return nil, err
	}
	list := settings(withHooks)
	for i := range list {
		if err := list[i].read(root); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (s *Setting) read(root object) error {
	o, _, err := root.at(s.Path[:len(s.Path)-1], false)
	if err != nil || o.Object == nil {
		return err
	}
	s.Is, s.Set, err = o.text(s.Path[len(s.Path)-1])
	return err
}

// at is the object at a path, and the names of those that were made on the way.
func (o object) at(path []string, create bool) (_ object, added []string, err error) {
	for i, name := range path {
		c, isNew, err := o.child(name, create)
		if err != nil || c.Object == nil {
			return c, added, err
		}
		if isNew {
			added = append(added, strings.Join(path[:i+1], "."))
		}
		o = c
	}
	return o, added, nil
}

// On is the text with the settings, and with what they replace remembered. newFile
// tells that the file is to be removed with them.
func On(text []byte, withHooks, newFile bool) ([]byte, error) {
	value, root, err := parse(text)
	if err != nil {
		return nil, err
	}
	var added []string
	if newFile {
		added = append(added, addedFile)
	}
	was := map[string]string{}
	changed := false
	for _, s := range settings(withHooks) {
		if err := s.read(root); err != nil {
			return nil, err
		}
		if s.Done() {
			continue
		}
		changed = true
		o, made, err := root.at(s.Path[:len(s.Path)-1], true)
		if err != nil {
			return nil, err
		}
		added = append(added, made...)
		last := s.Path[len(s.Path)-1]
		if s.Set {
			was[last] = s.Is
		} else {
			added = append(added, s.Name())
		}
		if err := o.set(last, s.Want); err != nil {
			return nil, err
		}
	}
	if !changed {
		return text, nil
	}
	if err := remember(root, added, was); err != nil {
		return nil, err
	}
	return value.Pack(), nil
}

// remember adds to what an earlier install has noted.
func remember(root object, added []string, was map[string]string) error {
	own, made, err := root.at([]string{plugins, Plugin}, true)
	if err != nil {
		return err
	}
	noted, _, err := own.text(keyAdded)
	if err != nil {
		return err
	}
	list := append(strings.FieldsFunc(noted, isComma), append(added, made...)...)
	slices.Sort(list)
	if err := own.set(keyAdded, strings.Join(slices.Compact(list), ",")); err != nil {
		return err
	}
	for _, s := range settings(true) {
		last := s.Path[len(s.Path)-1]
		if value, ok := was[last]; ok {
			if err := own.set(keyWas+last, value); err != nil {
				return err
			}
		}
	}
	return nil
}

func isComma(r rune) bool { return r == ',' }

// Off is the text as it was before. A setting that has another value by now is
// somebody's, and stays. remove tells that the file was made by On and has nothing
// else in it.
func Off(text []byte) (_ []byte, remove bool, err error) {
	value, root, err := parse(text)
	if err != nil {
		return nil, false, err
	}
	own, _, err := root.at([]string{plugins, Plugin}, false)
	if err != nil {
		return nil, false, err
	}
	noted := ""
	if own.Object != nil {
		if noted, _, err = own.text(keyAdded); err != nil {
			return nil, false, err
		}
	}
	added := strings.FieldsFunc(noted, isComma)
	for _, s := range settings(true) {
		if err := s.off(root, own, added); err != nil {
			return nil, false, err
		}
	}
	if own.Object != nil {
		if err := own.remove(keyAdded); err != nil {
			return nil, false, err
		}
	}
	for _, path := range [][]string{{aliases}, {features}, {plugins, Plugin}, {plugins}} {
		if err := removeEmpty(root, path, added); err != nil {
			return nil, false, err
		}
	}
	return value.Pack(), len(root.Members) == 0 && slices.Contains(added, addedFile), nil
}

// Back is what Off would change: each setting with the value that it had before.
func Back(text []byte) ([]Setting, error) {
	before, err := Read(text, true)
	if err != nil {
		return nil, err
	}
	edited, remove, err := Off(text)
	if err != nil {
		return nil, err
	}
	if remove {
		edited = []byte(empty)
	}
	after, err := Read(edited, true)
	if err != nil {
		return nil, err
	}
	var list []Setting
	for i, s := range before {
		if a := after[i]; a.Set != s.Set || a.Is != s.Is {
			list = append(list, Setting{Path: s.Path, Want: a.Is, Is: s.Is, Set: s.Set, Gone: !a.Set})
		}
	}
	return list, nil
}

// off takes one setting back. Hints that were turned on by hand are not ours to turn
// off; the alias is, whoever wrote it: without the plugin it ends every build.
func (s *Setting) off(root, own object, added []string) error {
	if err := s.read(root); err != nil {
		return err
	}
	last := s.Path[len(s.Path)-1]
	before, replaced := "", false
	if own.Object != nil {
		var err error
		if before, replaced, err = own.text(keyWas + last); err != nil {
			return err
		}
		if err := own.remove(keyWas + last); err != nil {
			return err
		}
	}
	if !s.Done() {
		return nil
	}
	o, _, err := root.at(s.Path[:len(s.Path)-1], false)
	if err != nil {
		return err
	}
	switch {
	case replaced:
		return o.set(last, before)
	case slices.Contains(added, s.Name()) || s.Path[0] == aliases:
		return o.remove(last)
	}
	return nil
}

// removeEmpty removes an object that was added, if it has nothing in it.
func removeEmpty(root object, path, added []string) error {
	if !slices.Contains(added, strings.Join(path, ".")) {
		return nil
	}
	o, _, err := root.at(path, false)
	if err != nil || o.Object == nil || len(o.Members) > 0 {
		return err
	}
	parent, _, err := root.at(path[:len(path)-1], false)
	if err != nil {
		return err
	}
	return errors.WithStack(parent.remove(path[len(path)-1]))
}
