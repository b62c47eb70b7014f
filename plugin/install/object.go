package install

import (
	"bytes"
	"slices"
	"strings"

	"github.com/pkg/errors"
	"github.com/tailscale/hujson"
)

// object is an object of a JSON text at a depth: 1 for the outermost.
type object struct {
	*hujson.Object

	depth int
	unit  string // one step of indentation
	eol   string
}

// parse reads a text that is one JSON object, without what docker does not read either:
// comments and trailing commas.
func parse(text []byte) (*hujson.Value, object, error) {
	root, err := hujson.Parse(text)
	if err != nil {
		return nil, object{}, errors.Wrap(err, "it is not valid JSON")
	}
	o, ok := root.Value.(*hujson.Object)
	if !ok || !root.IsStandard() {
		return nil, object{}, errors.New("it is not a JSON object")
	}
	out := object{Object: o, depth: 1, unit: "\t", eol: "\n"}
	if space := out.space(); len(o.Members) > 0 && bytes.ContainsRune(space, '\n') {
		out.unit = string(space[bytes.LastIndexByte(space, '\n')+1:])
	}
	if bytes.Contains(out.space(), []byte("\r\n")) {
		out.eol = "\r\n"
	}
	return &root, out, nil
}

// space is the white space before the last member, or inside of an empty object.
func (o object) space() []byte {
	if n := len(o.Members); n > 0 {
		return o.Members[n-1].Name.BeforeExtra
	}
	return o.AfterExtra
}

// lines tells whether each member has a line of its own.
func (o object) lines() bool { return bytes.ContainsRune(o.space(), '\n') }

func (o object) indent(depth int) hujson.Extra {
	return hujson.Extra(o.eol + strings.Repeat(o.unit, depth))
}

// find is the index of a member. Docker takes the name in any letter case, and merges
// what is there several times; that is not edited.
func (o object) find(name string) (int, error) {
	same := func(m hujson.ObjectMember) bool { return strings.EqualFold(nameOf(m), name) }
	i := slices.IndexFunc(o.Members, same)
	if i >= 0 && slices.ContainsFunc(o.Members[i+1:], same) {
		return i, errors.Errorf("it has %q more than once", name)
	}
	return i, nil
}

func nameOf(m hujson.ObjectMember) string {
	name, _ := m.Name.Value.(hujson.Literal)
	return name.String()
}

// text is the string that a member has; ok is false when there is none.
func (o object) text(name string) (value string, ok bool, err error) {
	i, err := o.find(name)
	if i < 0 || err != nil {
		return "", false, err
	}
	l, isLiteral := o.Members[i].Value.Value.(hujson.Literal)
	if !isLiteral || l.Kind() != '"' {
		return "", false, errors.Errorf("%q in it is not a string", name)
	}
	return l.String(), true, nil
}

// set gives a member a string. A new one comes last.
func (o object) set(name, value string) error {
	i, err := o.find(name)
	if err != nil {
		return err
	}
	if i >= 0 {
		o.Members[i].Value.Value = hujson.String(value)
		return nil
	}
	o.add(name, hujson.String(value))
	return nil
}

// child is the object that a member has. With create, one that is missing is made,
// and added is true.
func (o object) child(name string, create bool) (c object, added bool, err error) {
	c = object{depth: o.depth + 1, unit: o.unit, eol: o.eol}
	i, err := o.find(name)
	if err != nil {
		return c, false, err
	}
	if i >= 0 {
		var ok bool
		if c.Object, ok = o.Members[i].Value.Value.(*hujson.Object); !ok {
			return c, false, errors.Errorf("%q in it is not an object", name)
		}
		return c, false, nil
	}
	if !create {
		return c, false, nil
	}
	c.Object = &hujson.Object{}
	if o.lines() {
		c.AfterExtra = o.indent(o.depth)
	}
	o.add(name, c.Object)
	return c, true, nil
}

// add puts a member behind the others, laid out as they are.
func (o object) add(name string, value hujson.ValueTrimmed) {
	m := hujson.ObjectMember{Name: hujson.Value{Value: hujson.String(name)}, Value: hujson.Value{Value: value}}
	switch n := len(o.Members); {
	case o.lines():
		m.Name.BeforeExtra, m.Value.BeforeExtra = o.indent(o.depth), hujson.Extra(" ")
	case n > 0 && len(o.Members[n-1].Value.BeforeExtra) > 0:
		m.Name.BeforeExtra, m.Value.BeforeExtra = hujson.Extra(" "), hujson.Extra(" ")
	}
	o.Members = append(o.Members, m)
}

// remove takes a member out.
func (o object) remove(name string) error {
	i, err := o.find(name)
	if i < 0 || err != nil {
		return err
	}
	o.Members = slices.Delete(o.Members, i, i+1)
	if n := len(o.Members); n > 0 {
		o.Members[n-1].Value.AfterExtra = nil // white space before a comma, which would keep the comma
	}
	return nil
}
