package buildcmd

import (
	"slices"
	"strings"
)

// Args is what the arguments of `docker buildx build` say, as far as it matters
// for the frontend.
type Args struct {
	// Context is the path, URL or "-"; empty when there is none.
	Context string
	// File is the value of --file, File "-" is standard input.
	File string
	// BuildArgs and BuildContexts are the values as written, in their order.
	BuildArgs, BuildContexts []string
	// Builder, Call and MetadataFile are the values of --builder, --call and
	// --metadata-file.
	Builder, Call, MetadataFile string
	// Help asks for the help of the command.
	Help bool
}

// switches are the flags of buildx and of docker build without a value; all
// others have one. A flag that is not known here can at worst hide the context,
// and then the Dockerfile is not looked at.
var switches = []string{
	"load", "push", "quiet", "q", "no-cache", "pull", "compress", "squash", "rm", "force-rm", "debug", "D", "check", "help", "h",
	"disable-content-trust", "stream",
}

// ParseArgs reads arguments as buildx does.
func ParseArgs(args []string) Args {
	var a Args
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			a.positional(args[i+1:])
			return a
		case arg == "-" || !strings.HasPrefix(arg, "-"):
			a.positional([]string{arg})
			continue
		}
		name, value, hasValue := flagOf(arg)
		if !hasValue && !slices.Contains(switches, name) && i+1 < len(args) {
			i++
			value = args[i]
		}
		a.set(name, value)
	}
	return a
}

// flagOf splits "--name=value", "-nvalue" and "-n=value". Of joined switches
// ("-qt name") the last one counts.
func flagOf(arg string) (name, value string, hasValue bool) {
	if long, ok := strings.CutPrefix(arg, "--"); ok {
		return cutFlag(long)
	}
	short := arg[1:]
	for len(short) > 1 && slices.Contains(switches, short[:1]) {
		short = short[1:]
	}
	if len(short) == 1 {
		return short, "", false
	}
	return short[:1], strings.TrimPrefix(short[1:], "="), true
}

func cutFlag(s string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(s, "=")
	return name, value, ok
}

func (a *Args) positional(args []string) {
	if a.Context == "" && len(args) > 0 {
		a.Context = args[0]
	}
}

func (a *Args) set(name, value string) {
	switch name {
	case "file", "f":
		a.File = value
	case "build-arg":
		a.BuildArgs = append(a.BuildArgs, value)
	case "build-context":
		a.BuildContexts = append(a.BuildContexts, value)
	case "builder":
		a.Builder = value
	case "call":
		a.Call = value
	case "check":
		a.Call = name // a short form of it
	case "metadata-file":
		a.MetadataFile = value
	case "help", "h":
		a.Help = true
	}
}

// BuildArg is the value of a build argument: the last one given, or that of the
// environment for one without a value.
func (a Args) BuildArg(name string, environ func(string) (string, bool)) (value string, ok bool) {
	for _, arg := range a.BuildArgs {
		k, v, hasValue := strings.Cut(arg, "=")
		if k != name {
			continue
		}
		if hasValue {
			value, ok = v, true
		} else if v, set := environ(name); set {
			value, ok = v, true
		}
	}
	return value, ok
}

// HasContext tells whether the user gives a named context himself.
func (a Args) HasContext(name string) bool {
	return slices.ContainsFunc(a.BuildContexts, func(c string) bool {
		k, _, _ := strings.Cut(c, "=")
		return k == name
	})
}
