// Command demo shows what pullsafe is for on a machine without Docker and
// without access to any registry: it starts buildkitd and registries under the
// names of the real ones on loopback, stores a login that they refuse, and builds
// examples/uv through the real buildx with the upstream frontend and with
// pullsafe. It ends with an error unless each build went as it should.
package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/pkg/errors"

	"github.com/org/pullsafe/tests/demo/stage"
	"github.com/org/pullsafe/tests/harness"
)

func main() {
	if err := stage.Run(context.Background(), say, perform); err != nil {
		fmt.Fprintf(os.Stderr, "\ndemo: %v\n", err)
		os.Exit(1)
	}
}

func perform(ctx context.Context, s *stage.Stage) error {
	d := &demo{stage: s}
	for _, s := range scenes {
		if err := d.play(ctx, s); err != nil {
			return err
		}
	}
	d.compare()
	return nil
}

func say(format string, args ...any) {
	fmt.Printf("==> "+format+"\n", args...)
}

// demo is how the scenes went on the stage.
type demo struct {
	stage   *stage.Stage
	results []result
}

// scene is one build of the example and what has to come of it.
type scene struct {
	title    string
	syntax   string // the frontend, in place of the Dockerfile's own line
	file     string
	fails    bool
	want     []string // in the output
	mustMiss []string
}

// result is how a scene went.
type result struct {
	scene
	last string
}

var scenes = []scene{
	{
		title:  "upstream (docker/dockerfile:1)",
		syntax: "docker/dockerfile:1",
		file:   "Dockerfile",
		fails:  true,
		want:   []string{"ERROR: failed to build: failed to solve: failed to fetch oauth token: denied: denied"},
	},
	{
		title: "pullsafe, public images",
		file:  "Dockerfile",
		want: []string{
			"RegistryCredentialsRejected: ghcr.io rejected the stored credentials; resolved ghcr.io/astral-sh/uv:0.9.7 without them. Run: docker logout ghcr.io",
			"[pullsafe] ghcr.io rejected the stored credentials (\"denied\"). Run: docker logout ghcr.io. Resolved ghcr.io/astral-sh/uv:0.9.7 without them",
		},
	},
	{
		title:    "pullsafe, an image that is private",
		file:     "private.Dockerfile",
		fails:    true,
		want:     []string{"ghcr.io/acme/private-tools:1", "private.Dockerfile:5", "docker logout ghcr.io", "docker login ghcr.io"},
		mustMiss: []string{"failed to solve: failed to fetch oauth token"},
	},
}

func (d *demo) play(ctx context.Context, s scene) error {
	args := []string{"build", "--progress=plain", "--no-cache", "-f", s.file}
	if s.syntax != "" {
		args = append(args, "--build-arg", "BUILDKIT_SYNTAX="+s.syntax)
	}
	args = append(args, ".")
	say("%s", s.title)
	fmt.Printf("$ docker buildx %s\n", strings.Join(args, " "))
	out, err := d.stage.Buildkitd.Buildx(ctx, harness.CommandOpt{
		Args: args, Dir: d.stage.Example, DockerConfig: d.stage.Login, Env: []string{"NO_COLOR=1"},
	})
	if err != nil {
		return err
	}
	fmt.Println(out.Stderr)
	return d.judge(s, out)
}

// judge compares a build with what the scene must show.
func (d *demo) judge(s scene, out *harness.Output) error {
	if (out.Code != 0) != s.fails {
		return errors.Errorf("%s: exit code %d", s.title, out.Code)
	}
	for _, w := range s.want {
		if !strings.Contains(out.Stderr, w) {
			return errors.Errorf("%s: the output does not have %q", s.title, w)
		}
	}
	for _, m := range s.mustMiss {
		if strings.Contains(out.Stderr, m) {
			return errors.Errorf("%s: the output must not have %q", s.title, m)
		}
	}
	d.results = append(d.results, result{scene: s, last: ending(out.Stderr)})
	return nil
}

// escapes are colours, which buildx prints here and there without a terminal too.
var escapes = regexp.MustCompile("\x1b\\[[0-9;]*m")

// ending is what a user reads at the end of a build: the error, or the warnings.
func ending(text string) string {
	for _, mark := range []string{"\nERROR: ", "1 warning found"} {
		if i := strings.LastIndex(text, mark); i >= 0 {
			return strings.TrimSpace(escapes.ReplaceAllString(text[i:], ""))
		}
	}
	return ""
}

// columnWidth is the width of one build in the comparison, in runes.
const columnWidth = 46

// compare prints how the three builds ended, side by side.
func (d *demo) compare() {
	say("the same folder, the same rejected credentials, side by side")
	var columns [][]string
	rows := 0
	for _, r := range d.results {
		verdict := "builds"
		if r.fails {
			verdict = "fails"
		}
		lines := append(wrap(r.title+": "+verdict), strings.Repeat("-", columnWidth))
		for line := range strings.SplitSeq(r.last, "\n") {
			lines = append(lines, wrap(line)...)
		}
		columns = append(columns, lines)
		rows = max(rows, len(lines))
	}
	for i := range rows {
		cells := make([]string, len(columns))
		for j, c := range columns {
			if i < len(c) {
				cells[j] = c[i]
			}
			cells[j] = fmt.Sprintf("%-*s", columnWidth, cells[j])
		}
		fmt.Println(strings.TrimRight(strings.Join(cells, " | "), " "))
	}
	fmt.Println()
}

// wrap breaks a line between words so that it fits a column.
func wrap(line string) []string {
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
	var out []string
	cur := ""
	for word := range strings.FieldsSeq(line) {
		switch {
		case cur == "":
			cur = indent + word
		case len(cur)+1+len(word) <= columnWidth:
			cur += " " + word
		default:
			out, cur = append(out, cur), indent+"  "+word
		}
	}
	return append(out, cur)
}
