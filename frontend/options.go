package frontend

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/distribution/reference"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/registry"
)

const (
	keyCmdline     = "cmdline"
	keyRequestID   = "requestid"
	keySyntaxArg   = "build-arg:BUILDKIT_SYNTAX"
	keyResolveMode = "image-resolve-mode"
	buildArgPrefix = "build-arg:"

	// controlPrefix starts the build arguments that control pullsafe. The same
	// names, in lower case and without the prefix, are words on the syntax line.
	controlPrefix = "PULLSAFE_"
)

// options are the controls of one build.
type options struct {
	retry  bool     // fall back to anonymous access
	strict bool     // what only the fallback resolved is an error
	all    bool     // resolve the stages that the target does not need as well
	hosts  []string // fall back only for these registry hosts; empty: every host
}

// control is one switch.
type control struct {
	name   string
	values string // for the error text
	word   string // value of the bare word on the syntax line; empty: it needs one
	set    func(o *options, value string) bool
}

// controls is the whole list; docs and error texts follow it.
var controls = []control{
	{name: "retry", values: "on, off", set: func(o *options, v string) bool {
		o.retry = v == "on"
		return v == "on" || v == "off"
	}},
	{name: "strict", values: "true, false", word: "true", set: func(o *options, v string) (ok bool) {
		b, err := strconv.ParseBool(v)
		o.strict = b
		return err == nil
	}},
	{name: "scope", values: "target, all", set: func(o *options, v string) bool {
		o.all = v == "all"
		return v == "all" || v == "target"
	}},
	{name: "hosts", values: "registry hosts, separated by commas", set: func(o *options, v string) bool {
		o.hosts = nil
		for host := range strings.SplitSeq(v, ",") {
			o.hosts = append(o.hosts, strings.TrimSpace(host))
		}
		return !slices.ContainsFunc(o.hosts, func(host string) bool { return !isHost(host) })
	}},
}

// isHost tells whether s is a registry host as references have it.
func isHost(s string) bool {
	named, err := reference.ParseNormalizedNamed(s + "/x")
	return err == nil && reference.Domain(named) == s && reference.Path(named) == "x"
}

// parseOptions reads the controls: words on the syntax line first, then build
// arguments, which win.
func parseOptions(opts map[string]string) (options, error) {
	o := options{retry: true}
	words := strings.Fields(opts[keyCmdline])
	for _, w := range words[min(1, len(words)):] { // behind the image
		name, value, ok := strings.Cut(w, "=")
		if err := o.apply(name, value, !ok, "the syntax line"); err != nil {
			return o, err
		}
	}
	for _, k := range slices.Sorted(maps.Keys(opts)) {
		name, ok := strings.CutPrefix(k, buildArgPrefix+controlPrefix)
		if !ok {
			continue
		}
		if err := o.apply(strings.ToLower(name), opts[k], false, "build argument "+controlPrefix+name); err != nil {
			return o, err
		}
	}
	return o, nil
}

func (o *options) apply(name, value string, bare bool, where string) error {
	i := slices.IndexFunc(controls, func(c control) bool { return c.name == name })
	if i < 0 {
		names := make([]string, 0, len(controls))
		for _, c := range controls {
			names = append(names, c.name)
		}
		return errors.Errorf("pullsafe: unknown control %q in %s; known are: %s", name, where, strings.Join(names, ", "))
	}
	c := controls[i]
	if bare {
		value = c.word
	}
	if !c.set(o, value) {
		// Not the value: a build argument may be a secret that went astray.
		return errors.Errorf("pullsafe: invalid value for %q in %s; valid: %s", name, where, c.values)
	}
	return nil
}

// fallsBack tells whether a rejection by host may be answered with the anonymous
// fallback.
func (o *options) fallsBack(host string) bool {
	listed := func(h string) bool { return registry.Same(h, host) }
	return o.retry && (len(o.hosts) == 0 || slices.ContainsFunc(o.hosts, listed))
}
