package references_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/references"
)

// onbuildOf are the triggers of the images of random Dockerfiles. What they name has
// none: of an image whose triggers lead back to it the converter never gets free.
func onbuildOf(ref string) []string {
	switch {
	case strings.Contains(ref, "/trigger"):
		return []string{"COPY --from=quay.io/from/onbuild:1 / /t", "RUN --mount=from=quay.io/from/mount,target=/m true", "RUN true"}
	case strings.Contains(ref, "/plain-trigger"):
		return []string{"RUN echo hi", "COPY . /x"}
	}
	return nil
}

// agreeOn is agree for Dockerfiles that nobody has looked at: one that the
// converter gives up on half way asks for less than there is. It tells whether
// the converter got through.
func agreeOn(t *testing.T, dockerfile string, opts map[string]string, onbuild func(string) []string) bool {
	t.Helper()
	c := &converterClient{opts: maps.Clone(opts), onbuild: onbuild}
	bc, err := dockerui.NewClient(c)
	if err != nil {
		return false // the options are refused before anybody looks at the Dockerfile
	}
	set, err := references.Collect(t.Context(), []byte(dockerfile), references.Options{
		Filename:        "Dockerfile",
		Target:          bc.Target,
		BuildArgs:       bc.BuildArgs,
		BuildPlatform:   bc.BuildPlatforms[0],
		TargetPlatforms: bc.TargetPlatforms,
		MultiPlatform:   bc.MultiPlatformRequested,
		Contexts:        references.ParseContexts(c.opts),
	})
	asked, cerr := c.asks(t, []byte(dockerfile), false)
	if err != nil {
		if strings.Contains(err.Error(), "invalid stage index") {
			return false // the converter counts what RUN mounts as stages
		}
		// The converter may have asked for some before it came to what it refuses.
		require.Error(t, cerr, "refused here: %v", err)
		require.NotErrorIs(t, cerr, errNothingSolved, "refused here: %v", err)
		return false
	}
	found := set.References
	if onbuild != nil {
		for _, ref := range set.References {
			found = append(found, set.OnBuild(t.Context(), ref, onbuild(ref.Name))...)
		}
	}
	// Only what is asked for: an image that a context and a FROM name has the
	// progress step of either.
	needed, all := map[string]struct{}{}, map[string]struct{}{}
	for _, ref := range found {
		require.NotEmpty(t, ref.Positions)
		key := ref.Name + " " + references.PlatformString(ref.Platform)
		all[key] = struct{}{}
		if ref.Needed {
			needed[key] = struct{}{}
		}
	}
	if !errors.Is(cerr, errNothingSolved) && cerr != nil {
		require.Subset(t, sorted(needed), sorted(asked), "the converter's error: %v", cerr)
		return false
	}
	require.Equal(t, sorted(asked), sorted(needed), "the converter's error: %v", cerr)
	everything, cerr := c.asks(t, []byte(dockerfile), true)
	if cerr == nil || errors.Is(cerr, errNothingSolved) {
		// The converter runs no triggers of stages that are not needed.
		require.Subset(t, sorted(all), sorted(everything), "all stages")
		require.True(t, onbuild != nil || len(all) == len(everything), "all stages: %v, %v", sorted(all), sorted(everything))
	}
	return true
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// TestAgreesOnRandomDockerfiles is the differential test with Dockerfiles that are
// put together at random. Seed and number of runs are fixed; a failure prints the
// Dockerfile and its options.
func TestAgreesOnRandomDockerfiles(t *testing.T) {
	const seed, runs = 20260, 600
	t.Logf("seed %d, %d runs", seed, runs)
	rnd := rand.New(rand.NewPCG(seed, seed))
	through := 0
	for i := range runs {
		g := &generator{Rand: rnd}
		df, opts := g.dockerfile(), g.options()
		ok := t.Run(fmt.Sprint(i), func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Logf("options %q\n%s", opts, df)
				}
			}()
			if agreeOn(t, df, opts, onbuildOf) {
				through++
			}
		})
		if !ok {
			break
		}
	}
	require.Greater(t, through, runs/2, "most of them must be Dockerfiles that build")
}

// generator makes Dockerfiles of all that can name an image.
type generator struct {
	*rand.Rand
	stages []string // the named ones
	count  int      // of all
	lines  []string
	escape string
}

func (g *generator) pick(options ...string) string { return options[g.IntN(len(options))] }

func (g *generator) maybe(percent int, s string) string {
	if g.IntN(100) < percent {
		return s
	}
	return ""
}

// word is an instruction or flag, sometimes in another letter case.
func (g *generator) word(s string) string {
	switch g.IntN(6) {
	case 0:
		return strings.ToLower(s)
	case 1:
		return s[:1] + strings.ToLower(s[1:])
	}
	return s
}

const aDigest = "@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func (g *generator) image() string {
	return g.pick("alpine", "alpine:3", "busybox:latest", "docker.io/library/alpine", "index.docker.io/library/busybox",
		"ghcr.io/x/y:1", "ghcr.io/x/y", "GHCR.IO/x/y:1", "ghcr.io:443/x/y:1", "quay.io/a/b"+aDigest, "quay.io/a/b:2"+aDigest,
		"localhost/a", "localhost:5000/b", "127.0.0.1:5000/c:d", "Reg.Test/e", "reg.test/trigger", "reg.test/plain-trigger:1", "two", "base", "ctx")
}

// base is what FROM can hold.
func (g *generator) base() string {
	if len(g.stages) > 0 && g.IntN(3) == 0 {
		s := g.stages[g.IntN(len(g.stages))]
		return g.pick(s, strings.ToLower(s), strings.ToUpper(s))
	}
	return g.pick(g.image(), g.image(), g.image(), "scratch", "$IMG", "${IMG}", "ghcr.io/x/y:$V", "ghcr.io/x/y:${V:-9}", "${NONE:-"+g.image()+"}",
		"${IMG:+alpine}", "alpine:${V#1}", "alpine:${V%%.*}", "alpine:${V/1/7}", g.pick("$NONE", "alpine", "debian"), "img-$TARGETARCH", "img-${TARGETOS}-$BUILDARCH", "\"alpine:4\"", "img:$TARGETSTAGE")
}

func (g *generator) dockerfile() string {
	g.escape = "\\"
	if g.IntN(8) == 0 {
		g.escape = "`"
		g.add("# escape=`")
	} else if g.IntN(8) == 0 {
		g.add("# check=skip=all")
	}
	if g.IntN(5) > 0 {
		g.add("ARG IMG=alpine:5 V=1.2")
		g.add("ARG P=linux/arm64")
	}
	for range g.IntN(3) {
		g.add(g.pick("# a comment with FROM quay.io/in/comment", "", "ARG IMG=alpine:5", "ARG V=1.2", "ARG V", "ARG IMG=ghcr.io/arg/img:${V:-0}",
			"ARG IMG", "ARG A=b C=d", "ARG TARGETARCH", "ARG BUILDPLATFORM", "ARG P=linux/arm64", "arg IMG='busybox:6'"))
	}
	for range 1 + g.IntN(4) {
		g.stage()
	}
	return strings.Join(g.lines, "\n") + g.maybe(80, "\n")
}

func (g *generator) add(line string) { g.lines = append(g.lines, line) }

func (g *generator) stage() {
	line := g.word("FROM") + " "
	if g.IntN(3) == 0 {
		line += "--platform=" + g.pick("$BUILDPLATFORM", "${BUILDPLATFORM}", "$TARGETPLATFORM", "linux/arm64", "linux/arm/v7", "$P", "${P:-linux/amd64}", "linux/$TARGETARCH", "linux/amd64") + " "
	}
	line += g.base()
	if g.IntN(3) > 0 {
		name := g.pick("base", "two", "three", "Build", "ctx", "x-y.z_1")
		line += g.pick(" AS ", " as ", "   As ") + name
		// Nothing in the stage may name it, but rarely: that is an error.
		if g.IntN(20) == 0 {
			g.stages = append(g.stages, name)
		} else {
			defer func() { g.stages = append(g.stages, name) }()
		}
	}
	g.add(line)
	for range g.IntN(5) {
		g.instruction()
	}
	g.count++
}

// source is what --from can hold.
func (g *generator) source() string {
	options := []string{g.image(), g.image(), "scratch"}
	for i := range g.count {
		options = append(options, strconv.Itoa(i))
	}
	options = append(options, g.stages...)
	for _, s := range g.stages {
		options = append(options, strings.ToUpper(s), s)
	}
	if g.IntN(50) == 0 {
		return g.pick("99", "${IMG}") // both are errors
	}
	return g.pick(options...)
}

func (g *generator) instruction() {
	split := " "
	if g.IntN(5) == 0 {
		split = " " + g.escape + "\n  "
	}
	mount := func() string {
		return "--mount=" + g.pick("", "type=bind,") + "from=" + g.source() + ",target=/m" + g.pick("", ",source=/a")
	}
	switch g.IntN(12) {
	case 0, 1, 2:
		g.add(g.word("COPY") + split + "--from=" + g.source() + " " + g.maybe(20, "--link ") + "/a /b")
	case 3, 4:
		g.add(g.word("RUN") + split + mount() + " " + g.maybe(30, mount()+" ") + "true")
	case 5:
		g.add("RUN " + mount() + " <<EOT\nFROM quay.io/in/heredoc\nCOPY --from=quay.io/in/heredoc2 / /\nEOT")
	case 6:
		g.add("COPY <<A <<\"B\" /x/\nCOPY --from=quay.io/in/heredoc3 / /\nA\n$V\nB")
	case 7:
		g.add(g.word("ONBUILD") + " " + g.pick("COPY --from="+g.source()+" /a /b", "RUN "+mount()+" true", "RUN true", "COPY . /a"))
	case 8:
		g.add(g.pick("ARG IMG=stage", "ARG V", "ENV V=3", "WORKDIR /x", "USER 1", "LABEL a=b", "ADD https://example.com/x /y", "COPY . /z"))
	case 9:
		g.add("RUN --mount=type=cache,target=/c --mount=type=secret,id=s --mount=type=tmpfs,target=/t --mount=type=ssh true")
	case 10:
		g.add("RUN [\"echo\", \"--mount=from=quay.io/in/json\"]")
	default:
		g.add("# COPY --from=quay.io/in/comment2 / /")
	}
}

// options are what the client adds.
func (g *generator) options() map[string]string {
	opts := map[string]string{}
	set := func(percent int, key string, values ...string) {
		if g.IntN(100) < percent {
			opts[key] = g.pick(values...)
		}
	}
	if len(g.stages) > 0 {
		set(25, "target", g.stages...)
	}
	set(2, "target", "nope")
	set(20, "build-arg:IMG", "quay.io/build/arg", "scratch", "quay.io/b:1", "")
	set(20, "build-arg:V", "8.1", "x_1")
	set(10, "build-arg:NONE", "busybox:none")
	set(10, "build-arg:TARGETARCH", "mine")
	set(10, "build-arg:BUILDPLATFORM", "linux/s390x")
	set(30, "platform", "linux/amd64", "linux/arm64", "linux/amd64,linux/arm64", "linux/arm/v7,linux/amd64")
	set(10, "multi-platform", "true")
	for _, name := range []string{"alpine", "busybox", "ghcr.io/x/y:1", "base", "two", "three", "alpine::linux/arm64", "quay.io/from/onbuild:1"} {
		set(8, "context:"+name, "docker-image://quay.io/ctx/"+g.pick("a", "b:1", "c"+aDigest), "docker-image://alpine", "docker-image://scratch",
			"docker-image:busybox:ctx")
	}
	set(5, "context:busybox", "docker-image://reg.test/trigger")
	return opts
}

// FuzzAgreesWithConverter is the differential test with anything as a Dockerfile.
func FuzzAgreesWithConverter(f *testing.F) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 40 {
		g := &generator{Rand: rnd}
		df, opts := g.dockerfile(), g.options()
		keys := slices.Sorted(maps.Keys(opts))
		key := ""
		if len(keys) > 0 {
			key = keys[0]
		}
		f.Add(df, key, opts[key], opts["platform"], opts["target"])
	}
	f.Add("FROM alpine\nCOPY --from=x / /", "context:x", "docker-image://y", "linux/amd64", "")
	f.Add("from a as b\nONBUILD copy --from=c / /\nfrom b", "build-arg:b", "", "", "b")
	f.Fuzz(func(t *testing.T, dockerfile, key, value, platform, target string) {
		opts := map[string]string{"platform": platform, "target": target}
		if strings.HasPrefix(key, "build-arg:") || strings.HasPrefix(key, "context:") && strings.HasPrefix(value, "docker-image:") {
			opts[key] = value
		}
		if platform == "" {
			delete(opts, "platform")
		}
		agreeOn(t, dockerfile, opts, nil)
	})
}
