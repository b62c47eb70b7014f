package main

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pkg/errors"
)

const (
	upstreamImage = "frontend/dockerfile/cmd/dockerfile-frontend/Dockerfile"
	upstreamTags  = "frontend/dockerfile/release"
	ourTags       = "cmd/pullsafe-frontend/release"
)

// aspect is a set of names in BuildKit's source by which a frontend, its users or
// its daemon can tell one version from another.
type aspect struct {
	name string
	read func(root string) ([]string, error)
	// todo is what a new name asks for, if anything.
	todo string
}

var aspects = []aspect{
	{"capabilities in the label of the image", func(root string) ([]string, error) {
		return labelCaps(filepath.Join(root, upstreamImage))
	}, ""}, // compared with our own label
	{"channels and their build tags", channelTags, ""}, // copied, or compared with ours
	{"gateway requests (`LLBBridge`)", protoNames("frontend/gateway/pb/gateway.proto", rpcs), "decide whether the decorator in `frontend` must see the new gateway requests"},
	{"fields of gateway messages", protoNames("frontend/gateway/pb/gateway.proto", fields), "look whether the new fields of gateway messages name an image or a source"},
	{"Go API of the gateway client", apiOf("frontend/gateway/client"), "look at the new Go API of the gateway: the decorator embeds `client.Client`, so a new method passes it by"},
	{"Go API of the source resolver", apiOf("client/llb/sourceresolver"), "look whether `frontend/resolve/request.go` must hand on the new fields of the source resolver"},
	{"gateway capabilities", capIDs("frontend/gateway/pb"), ""},
	{"LLB capabilities", capIDs("solver/pb"), ""},
	{"fields of LLB", protoNames("solver/pb/ops.proto", fields), "look whether `llb` must rewrite the new fields of definitions"},
	{"fields of source policies", protoNames("sourcepolicy/pb/policy.proto", fields), "look whether the new fields of source policies change what `llb` sends"},
	{"options of the frontend", optionKeys, "look whether the new options name an image or decide what is built (`frontend/references`)"},
	{"build arguments", buildArgs, ""},
	{"subrequests", subrequests, "see that the new subrequests answer as upstream's (`tests/dropin/calls_test.go`)"},
	{"checks of the linter", linterRules, ""},
}

var labelLine = regexp.MustCompile(`(?m)^LABEL moby\.buildkit\.frontend\.caps="([^"]*)"$`)

// labelCaps are the capabilities that the image of a Dockerfile lists.
func labelCaps(dockerfile string) ([]string, error) {
	text, err := os.ReadFile(dockerfile)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	m := labelLine.FindStringSubmatch(string(text))
	if m == nil {
		return nil, errors.Errorf("%s has no label with capabilities", dockerfile)
	}
	return strings.Split(m[1], ","), nil
}

// readTags maps the channels in a folder to their build tags.
func readTags(dir string) (map[string]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "tags"))
	if err != nil {
		return nil, errors.WithStack(err)
	}
	tags := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, errors.WithStack(err)
		}
		tags[filepath.Base(filepath.Dir(file))] = string(text)
	}
	return tags, nil
}

func channelTags(root string) ([]string, error) {
	tags, err := readTags(filepath.Join(root, upstreamTags))
	var list []string
	for channel, text := range tags {
		list = append(list, channel+": "+cmp.Or(strings.TrimSpace(text), "no tags"))
	}
	return list, err
}

var (
	rpcs         = regexp.MustCompile(`^\s*rpc (\w+)\(`)
	fields       = regexp.MustCompile(`^\s*(?:repeated |optional )?(?:map<[^>]*>|[\w.]+) (\w+) = \d+`)
	protoMessage = regexp.MustCompile(`^\s*message (\w+)`)
)

// protoNames are the names that a pattern finds in the lines of a protocol, fields
// with their message.
func protoNames(file string, pattern *regexp.Regexp) func(string) ([]string, error) {
	return func(root string) ([]string, error) {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			return nil, errors.WithStack(err)
		}
		var list []string
		prefix := ""
		for line := range strings.SplitSeq(string(text), "\n") {
			if m := protoMessage.FindStringSubmatch(line); m != nil && pattern == fields {
				prefix = m[1] + "."
			}
			if m := pattern.FindStringSubmatch(line); m != nil {
				list = append(list, prefix+m[1])
			}
		}
		return list, nil
	}
}

// apiOf are the methods of interfaces and the fields of structs that a package
// exports.
func apiOf(dir string) func(string) ([]string, error) {
	return func(root string) ([]string, error) {
		var list []string
		err := inspect(filepath.Join(root, dir), func(n ast.Node) {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || !spec.Name.IsExported() {
				return
			}
			var members *ast.FieldList
			switch t := spec.Type.(type) {
			case *ast.InterfaceType:
				members = t.Methods
			case *ast.StructType:
				members = t.Fields
			default:
				return
			}
			for _, member := range members.List {
				for _, name := range member.Names {
					if name.IsExported() {
						list = append(list, spec.Name.Name+"."+name.Name)
					}
				}
			}
		})
		return list, err
	}
}

// capIDs are the capabilities that a package declares.
func capIDs(dir string) func(string) ([]string, error) {
	return func(root string) ([]string, error) {
		return constants(filepath.Join(root, dir), func(spec *ast.ValueSpec, _, _ string) bool {
			t, ok := spec.Type.(*ast.SelectorExpr)
			return ok && t.Sel.Name == "CapID"
		})
	}
}

// optionKeys are the options that dockerui reads, without build arguments.
func optionKeys(root string) ([]string, error) {
	return constants(filepath.Join(root, "frontend/dockerui"), func(_ *ast.ValueSpec, name, value string) bool {
		return strings.HasPrefix(name, "key") && !strings.HasPrefix(value, "build-arg:")
	})
}

func subrequests(root string) ([]string, error) {
	return constants(filepath.Join(root, "frontend/subrequests"), func(_ *ast.ValueSpec, _, value string) bool {
		return strings.HasPrefix(value, "frontend.")
	})
}

var buildArg = regexp.MustCompile(`^(?:build-arg:)?(BUILDKIT_[A-Z_]+)$`)

// buildArgs are the build arguments that mean something to the frontend.
func buildArgs(root string) ([]string, error) {
	found := map[string]bool{}
	for _, dir := range []string{"frontend/dockerui", "frontend/dockerfile"} {
		err := inspect(filepath.Join(root, dir), func(n ast.Node) {
			if m := buildArg.FindStringSubmatch(stringOf(n)); m != nil {
				found[m[1]] = true
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// linterRules are the names of the checks.
func linterRules(root string) ([]string, error) {
	var list []string
	err := inspect(filepath.Join(root, "frontend/dockerfile/linter"), func(n ast.Node) {
		kv, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return
		}
		if key, ok := kv.Key.(*ast.Ident); ok && key.Name == "Name" && stringOf(kv.Value) != "" {
			list = append(list, stringOf(kv.Value))
		}
	})
	return list, err
}

// dockerfileVersion is the version of the Dockerfile frontend in a BuildKit, as
// upstream tags its image: 1.28.0, where the source says 1.28.
func dockerfileVersion(root string) (string, error) {
	dir := filepath.Join(root, "frontend/dockerfile/version")
	list, err := constants(dir, func(_ *ast.ValueSpec, name, _ string) bool { return name == "version" })
	if err != nil {
		return "", err
	}
	if len(list) != 1 {
		return "", errors.Errorf("%s declares %d constants named version", dir, len(list))
	}
	if strings.Count(list[0], ".") == 1 {
		return list[0] + ".0", nil
	}
	return list[0], nil
}

// constants are the values of the string constants below a folder that keep wants.
func constants(dir string, keep func(spec *ast.ValueSpec, name, value string) bool) ([]string, error) {
	var list []string
	err := inspect(dir, func(n ast.Node) {
		decl, ok := n.(*ast.GenDecl)
		if !ok || decl.Tok != token.CONST {
			return
		}
		for _, s := range decl.Specs {
			spec := s.(*ast.ValueSpec)
			for i, name := range spec.Names {
				if i >= len(spec.Values) {
					continue
				}
				if value := stringOf(spec.Values[i]); value != "" && keep(spec, name.Name, value) {
					list = append(list, value)
				}
			}
		}
	})
	return list, err
}

// stringOf is the value of a string literal; other nodes have none.
func stringOf(n ast.Node) string {
	lit, ok := n.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	value, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return value
}

// inspect visits the nodes of the Go files below a folder, without tests.
func inspect(dir string, visit func(ast.Node)) error {
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return errors.WithStack(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return errors.WithStack(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			visit(n)
			return true
		})
		return nil
	})
}
