package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/pkg/errors"

	"github.com/org/pullsafe/tests/harness"
)

// report is the result of a whole run.
type report struct {
	BuildKit string
	Date     time.Time
	Pairs    []*pair
}

// verdict is the error that tells in what pullsafe is not as upstream, or what
// could not be told.
func (r *report) verdict() error {
	var list []string
	for _, p := range r.Pairs {
		for _, d := range p.differences {
			list = append(list, p.Channel+": "+d.String())
		}
		for _, f := range p.bothFailed {
			if !f.known {
				list = append(list, p.Channel+": "+f.name+" failed with both images: "+f.reason)
			}
		}
		if p.upstream.count(pass) == 0 {
			list = append(list, p.Channel+": no test passed with upstream's image")
		}
	}
	if len(list) > 0 {
		return errors.New(strings.Join(list, "\n"))
	}
	return nil
}

func (d difference) String() string {
	text := fmt.Sprintf("`%s`: %s with upstream's image, %s with pullsafe's", d.name, d.upstream.word(), d.pullsafe.word())
	if d.reason != "" {
		text += ": " + d.reason
	}
	return text
}

func (o outcome) word() string {
	if o == "" {
		return "not run"
	}
	return string(o)
}

// markdown is the text for tests/README.md.
func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "BuildKit %s, its Dockerfile tests on the OCI worker, run on %s.\n\n", r.BuildKit, r.Date.Format("2006-01-02"))
	b.WriteString("| Frontend image | Passed | Failed | Skipped | Minutes |\n|---|---|---|---|---|\n")
	for _, p := range r.Pairs {
		suffix := ""
		if p.Channel != harness.ChannelMainline {
			suffix = " " + p.Channel
		}
		row(&b, "upstream"+suffix, p.upstream)
		row(&b, "pullsafe"+suffix, p.pullsafe)
	}
	b.WriteString("\nA test with subtests is counted as those. What is skipped mostly needs the containerd worker, or a frontend that is no image.\n")
	for _, p := range r.Pairs {
		p.write(&b)
	}
	return b.String()
}

func row(b *strings.Builder, name string, res *results) {
	fmt.Fprintf(b, "| %s | %d | %d | %d | %.1f |\n", name, res.count(pass), res.count(fail), res.count(skip), res.took.Minutes())
}

func (p *pair) write(b *strings.Builder) {
	var differ, failed, again []string
	for _, d := range p.differences {
		differ = append(differ, d.String())
	}
	for _, f := range p.bothFailed {
		failed = append(failed, "`"+f.name+"`: "+f.reason)
	}
	for _, r := range p.rerun {
		what := "then equal"
		if !r.equal {
			what = "as before"
		}
		again = append(again, "`"+r.function+"`: "+what)
	}
	list(b, "Differences, "+p.Channel, differ)
	list(b, "Failed with both images, "+p.Channel, failed)
	list(b, "Run a second time with both images, "+p.Channel, again)
}

// list writes a list in Markdown.
func list(b *strings.Builder, title string, items []string) {
	if len(items) == 0 {
		fmt.Fprintf(b, "\n%s: none.\n", title)
		return
	}
	fmt.Fprintf(b, "\n%s:\n\n", title)
	for _, item := range items {
		fmt.Fprintf(b, "- %s\n", item)
	}
}
