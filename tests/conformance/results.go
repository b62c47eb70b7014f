package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pkg/errors"
)

// outcome is how a test ended; empty if it was not run or did not end.
type outcome string

const (
	pass outcome = "pass"
	fail outcome = "fail"
	skip outcome = "skip"
)

// test is one test of the suite, or one of its subtests.
type test struct {
	outcome outcome
	output  strings.Builder
}

// results are the tests of one run by their short names.
type results struct {
	tests map[string]*test
	root  test
	took  time.Duration
	// text is what was printed outside of any test.
	text strings.Builder
}

// event is what test2json prints; see "go doc test2json".
type event struct {
	Action, Test, Output string
}

// parse reads the events of a run and calls ended at the end of each test.
func parse(r io.Reader, ended func(name string, o outcome)) *results {
	res := &results{tests: map[string]*test{}}
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			res.add(line, ended)
		}
		if err != nil {
			return res
		}
	}
}

func (r *results) add(line []byte, ended func(string, outcome)) {
	var ev event
	if json.Unmarshal(line, &ev) != nil || ev.Test == "" {
		r.text.WriteString(ev.Output)
		return
	}
	t := &r.root
	name := shortName(ev.Test)
	if name != "" {
		if t = r.tests[name]; t == nil {
			t = &test{}
			r.tests[name] = t
		}
	}
	switch o := outcome(ev.Action); o {
	case pass, fail, skip:
		t.outcome = o
		if name != "" {
			ended(name, o)
		}
	default:
		if ev.Action == "output" {
			t.output.WriteString(ev.Output)
		}
	}
}

// check is that the suite ran to its end.
func (r *results) check() error {
	if len(r.tests) == 0 {
		return errors.Errorf("no test was run: %s%s", r.text.String(), r.root.output.String())
	}
	if r.root.outcome == "" {
		return errors.Errorf("the tests did not end: %s", tail(r.text.String(), 2000))
	}
	return nil
}

// count counts the tests with an outcome. A test with subtests is not counted:
// they are.
func (r *results) count(o outcome) int {
	parents := map[string]bool{}
	for name := range r.tests {
		for i, c := range name {
			if c == '/' {
				parents[name[:i]] = true
			}
		}
	}
	n := 0
	for name, t := range r.tests {
		if t.outcome == o && !parents[name] {
			n++
		}
	}
	return n
}

// shortName takes from a test's name what all have; it is empty for the root.
func shortName(name string) string {
	name = strings.TrimPrefix(strings.TrimPrefix(name, rootTest), "/")
	return strings.Replace(strings.Replace(name, "/worker=oci", "", 1), "/frontend=gateway", "", 1)
}

// function is the suite's function that a test belongs to.
func function(name string) string {
	f, _, _ := strings.Cut(name, "/")
	return f
}

// maxReason bounds a reason, which may quote a whole log.
const maxReason = 200

// reason is the line in which testify tells what went wrong.
func (t *test) reason() string {
	_, text, ok := strings.Cut(t.output.String(), "Error:")
	if !ok {
		return ""
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "Received unexpected error") {
			return line[:min(len(line), maxReason)]
		}
	}
	return ""
}

// progress prints what failed as it happens, and a sign of life.
func progress(label string) func(string, outcome) {
	n := 0
	return func(name string, o outcome) {
		n++
		switch {
		case o == fail:
			fmt.Printf("    %s: %s failed\n", label, name)
		case n%50 == 0:
			fmt.Printf("    %s: %d\n", label, n)
		}
	}
}

func tail(s string, n int) string {
	if len(s) > n {
		s = s[len(s)-n:]
	}
	return s
}
