package main

import (
	"maps"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// fixtureGo is the go line of the fixture; every Go that runs these tests has it.
const fixtureGo = "1.26.0"

// buildkitSource is as much of BuildKit as the command reads.
func buildkitSource(dockerfile, caps, tags, exclude string) map[string]string {
	const main = "package main\n\nfunc main() {}\n"
	return map[string]string{
		"go.mod":                                           "module " + buildkit + "\n\ngo " + fixtureGo + "\n" + exclude,
		"cmd/buildkitd/main.go":                            main,
		"client/llb/marshal.go":                            "package llb\n",
		"client/llb/marshal2.go":                           "package llb\n",
		"client/llb/sourceresolver/types.go":               "package sourceresolver\n\ntype Opt struct{ LogName string }\n",
		"frontend/dockerfile/cmd/dockerfile-frontend/a.go": main,
		upstreamImage:                                      "FROM scratch\nLABEL moby.buildkit.frontend.caps=\"" + caps + "\"\n",
		upstreamTags + "/mainline/tags":                    "",
		upstreamTags + "/labs/tags":                        tags + "\n",
		"frontend/dockerfile/version/version.go":           "package version\n\nconst version = \"" + dockerfile + "\"\n",
		"frontend/dockerfile/linter/ruleset.go":            "package linter\n\nvar rule = struct{ Name string }{Name: \"StageNameCasing\"}\n",
		"frontend/dockerui/config.go":                      "package dockerui\n\nconst (\n\tkeyTarget = \"target\"\n\tkeyArg = \"build-arg:BUILDKIT_A\"\n)\n",
		"frontend/gateway/pb/gateway.proto":                "service LLBBridge {\n\trpc Solve(SolveRequest) returns (SolveResponse);\n}\nmessage SolveRequest {\n\tbool Evaluate = 1;\n}\n",
		"frontend/gateway/pb/caps.go":                      "package pb\n\nimport \"" + buildkit + "/util/apicaps\"\n\nconst CapA apicaps.CapID = \"a\"\n",
		"frontend/gateway/client/client.go":                "package client\n\ntype Client interface {\n\tSolve()\n}\n",
		"frontend/subrequests/describe.go":                 "package subrequests\n\nconst Describe = \"frontend.subrequests.describe\"\n",
		"solver/pb/caps.go":                                "package pb\n\nimport \"" + buildkit + "/util/apicaps\"\n\nconst CapB apicaps.CapID = \"b\"\n",
		"solver/pb/ops.proto":                              "message Op {\n\trepeated Input inputs = 1;\n}\n",
		"sourcepolicy/pb/policy.proto":                     "message Rule {\n\tstring action = 1;\n}\n",
		"util/apicaps/caps.go":                             "package apicaps\n\ntype CapID string\n",
	}
}

const (
	oldExclude = "\nexclude example.com/bad v1.0.0\n"
	newExclude = "\nexclude example.com/worse v1.0.0\n"
)

// releases are what the fixture's proxy has.
func releases() []release {
	old := buildkitSource("1.1", "inputs", "old", oldExclude)
	target := buildkitSource("1.2", "inputs,contexts", "new", newExclude)
	target["client/llb/marshal.go"] = "package llb\n\nvar a, b = 1, 2\n"
	target["frontend/gateway/pb/gateway.proto"] += "message Other {\n\tmap<string, bytes> metadata = 1;\n}\n"
	tool := func(path, version, goVersion, require string) release {
		return release{path, version, map[string]string{
			"go.mod": "module " + path + "\n\ngo " + goVersion + "\n" + require, "cmd/x/main.go": "package main\n\nfunc main() {}\n", "lib.go": "package lib\n",
		}}
	}
	const lint = "github.com/golangci/golangci-lint/v2"
	return []release{
		{buildkit, "v0.1.0", old},
		{buildkit, "v0.2.0", target},
		{buildkit, "v0.2.1", target},
		{buildkit, "v0.3.0-rc1", target},
		tool(buildx, "v0.1.0", fixtureGo, ""),
		tool(buildx, "v0.2.0", fixtureGo, "\nrequire "+buildkit+" v0.2.0\n"),
		tool(buildx, "v0.3.0", fixtureGo, "\nrequire "+buildkit+" v0.3.0-rc1\n"),
		tool(lint, "v2.1.0", fixtureGo, ""),
		tool(lint, "v2.2.0", fixtureGo, ""),
		tool(lint, "v2.3.0", "1.26.1", ""),
		tool(lint, "v2.4.0", "1.999.0", ""),
		tool("example.com/lib", "v1.0.0", fixtureGo, ""),
		tool("example.com/lib", "v1.1.0", fixtureGo, ""),
		tool("example.com/lib", "v1.2.0-rc1", fixtureGo, ""),
		tool("example.com/lint", "v1.0.0", fixtureGo, ""),
		tool("example.com/lint", "v1.1.0", fixtureGo, ""),
		tool("example.com/lint", "v1.2.0", "1.999.0", ""),
	}
}

const readmeRow = "| pullsafe | `docker/dockerfile` | BuildKit |\n|---|---|---|\n| v1.0.0-dev | 1.1.0 | v0.1.0 |\n"

// checkoutFiles are those of a checkout with BuildKit v0.1.0, before go.sum files.
func checkoutFiles() map[string]string {
	exclude := "\nexclude example.com/bad v1.0.0\n"
	head := func(name string) string { return "module " + name + "\n\ngo " + fixtureGo + "\n" + exclude + "\n" }
	return map[string]string{
		"go.mod":                          head(projectModule) + "require (\n\texample.com/lib v1.0.0\n\t" + buildkit + " v0.1.0\n)\n",
		"project.go":                      "package pullsafe\n\nimport (\n\t_ \"example.com/lib\"\n\t_ \"" + buildkit + "/client/llb\"\n)\n",
		"Makefile":                        "LINT = $(GO) run example.com/lint/cmd/x@v1.0.0\n",
		"Dockerfile":                      "ARG DOCKERFILE_VERSION=1.1.0-${CHANNEL}\nLABEL moby.buildkit.frontend.caps=\"inputs\"\n",
		"README.md":                       "[BuildKit 0.0 to 0.1, and more](x)\n\n" + readmeRow,
		"README.zh-CN.md":                 "[BuildKit 0.0 到 0.1、](x)\n\n" + readmeRow,
		"docs/clients.md":                 "Tested with the real programs: BuildKit 0.0 and 0.1, Docker\n",
		versionFile:                       "package version\n\nvar (\n\tVersion  = \"v1.0.0-dev\"\n)\n",
		ourTags + "/mainline/tags":        "",
		ourTags + "/labs/tags":            "old\n",
		"tests/tools/buildkit-0.0/go.mod": "module old\n\ngo 1.20\n",
		"tests/conformance/suite/go.mod":  head("suite") + "require " + buildkit + " v0.1.0\n",
		"tests/conformance/suite/a.go":    "package suite\n\nimport _ \"" + buildkit + "/client/llb\"\n",
		"tests/tools/go.mod": head("tools") + "tool (\n\t" + buildx + "/cmd/x\n\t" + buildkit + "/cmd/buildkitd\n\tgithub.com/golangci/golangci-lint/v2/cmd/x\n)\n\n" +
			"require (\n\t" + buildx + " v0.1.0 // indirect\n\tgithub.com/golangci/golangci-lint/v2 v2.1.0 // indirect\n\t" + buildkit + " v0.1.0 // indirect\n)\n",
		"tests/go.mod": head(projectModule+"/tests") + "require (\n\t" + projectModule + " v0.0.0\n\t" + buildkit + " v0.1.0\n)\n\n" +
			"replace " + projectModule + " => ..\n",
		"tests/tests.go":           "package tests\n\nimport (\n\t_ \"" + projectModule + "\"\n\t_ \"" + buildkit + "/client/llb\"\n)\n",
		"tests/tools/other/go.mod": "module other\n\ngo " + fixtureGo + "\n\ntool example.com/lint/cmd/x\n\nrequire example.com/lint v1.1.0 // indirect\n",
	}
}

// newCheckout is a committed checkout of the fixture.
func newCheckout(t *testing.T, tool goTool) string {
	t.Helper()
	root := t.TempDir()
	write(t, root, checkoutFiles())
	for _, dir := range []string{".", "tests", "tests/conformance/suite", "tests/tools"} {
		_, err := tool.run(t.Context(), root+"/"+dir, "mod", "tidy")
		require.NoError(t, err)
	}
	run := func(args ...string) {
		env := append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
		_, err := command(t.Context(), root, env, "git", args...)
		require.NoError(t, err)
	}
	run("init", "-q")
	run("add", "-A")
	run("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false", "commit", "-q", "-m", "x")
	return root
}

// changes are the files that differ, with their new text; one that is gone has
// none.
func changes(before, after map[string]string) map[string]string {
	changed := maps.Clone(after)
	for name, text := range before {
		if now, ok := after[name]; !ok {
			changed[name] = ""
		} else if now == text {
			delete(changed, name)
		}
	}
	return changed
}
