package buildcmd

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pkg/errors"
)

// localPrefix marks a path of bake as one of the client.
const localPrefix = "cwd://"

// bakeTarget is what `buildx bake --print` says of one target.
type bakeTarget struct {
	Context          string             `json:"context"`
	Dockerfile       string             `json:"dockerfile"`
	DockerfileInline string             `json:"dockerfile-inline"`
	Args             map[string]*string `json:"args"`
}

// TargetChoice is the frontend of one target of bake.
type TargetChoice struct {
	Choice

	Target string
}

// ChooseBake decides for each target of what `buildx bake --print` has printed, which
// is sorted by name.
func ChooseBake(printed []byte, version string, environ Environ) ([]TargetChoice, error) {
	own, err := ownFrontend(version, environ)
	if err != nil {
		return nil, err
	}
	var doc struct {
		Target map[string]bakeTarget `json:"target"`
	}
	if err := json.Unmarshal(printed, &doc); err != nil {
		return nil, errors.Wrap(err, "reading the output of buildx bake --print")
	}
	var list []TargetChoice
	for _, name := range slices.Sorted(maps.Keys(doc.Target)) {
		t := doc.Target[name]
		c := TargetChoice{Target: name}
		if v := t.Args[SyntaxArg]; v == nil || *v == "" {
			c.Choice = own.choose(t.syntax(), notes{"pullsafe: target " + name + ": ", "--set " + name + ".args."})
		} else if *v != own.image {
			c.Note = fmt.Sprintf("pullsafe: target %s: %s=%s is set; building with that frontend instead of %s", name, SyntaxArg, *v, own.image)
		}
		list = append(list, c)
	}
	return list, nil
}

func (t *bakeTarget) syntax() syntaxLine {
	if t.DockerfileInline != "" {
		return syntaxOf([]byte(t.DockerfileInline))
	}
	path := t.Dockerfile
	if path == "" {
		path = defaultName
	}
	if local, ok := strings.CutPrefix(path, localPrefix); ok {
		return syntaxOfFile(local)
	}
	dir := strings.TrimPrefix(t.Context, localPrefix)
	if isElsewhere(dir) || isElsewhere(path) {
		return syntaxLine{unknown: true}
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	return syntaxOfFile(path)
}

// BakeArgs are those of `buildx bake` that tell where its files are and what is only
// asked.
type BakeArgs struct {
	// Stdin: a file comes from standard input.
	Stdin bool
	// Asks: nothing is built.
	Asks bool
	// Builder and Call are the values of --builder and --call.
	Builder, Call string
}

// bakeSwitches are the flags of `buildx bake` without a value.
var bakeSwitches = []string{"check", "debug", "D", "help", "h", "load", "no-cache", "print", "pull", "push"}

// ParseBakeArgs reads arguments as buildx bake does.
func ParseBakeArgs(args []string) BakeArgs {
	var a BakeArgs
	for i := 0; i < len(args); i++ {
		if args[i] == "--" {
			break
		}
		if args[i] == "-" || !strings.HasPrefix(args[i], "-") {
			continue
		}
		name, value, hasValue := flagOf(args[i])
		if !hasValue && !slices.Contains(bakeSwitches, name) && i+1 < len(args) {
			i++
			value = args[i]
		}
		switch name {
		case "f", "file":
			a.Stdin = a.Stdin || value == "-"
		case "print", "list", "list-targets", "list-variables", "help", "h":
			a.Asks = true
		case "builder":
			a.Builder = value
		case "call":
			a.Call = value
		}
	}
	return a
}
