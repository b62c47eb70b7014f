package main

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// pair is the comparison of the two images of a channel.
type pair struct {
	Channel            string
	upstream, pullsafe *results
	// differences stayed when the tests were run again; rerun lists those that
	// were, with what came of it.
	differences []difference
	rerun       []rerun
	// bothFailed are the tests that failed with both images, with the reason.
	bothFailed []failure
}

// difference is a test that ended in another way, and why it failed.
type difference struct {
	name               string
	upstream, pullsafe outcome
	reason             string
}

type rerun struct {
	function string
	equal    bool
}

type failure struct {
	name, reason string
	known        bool
}

// expected are tests that do not pass on stand-ins or not on every machine, with
// either image.
var expected = map[string]string{
	"TestRunSecurityInsecure":  "expects that the machine gives root every capability",
	"TestReproSourceDateEpoch": "expects the digests of Debian's own image",
}

// compare runs the tests with both images, and once more the tests that differ
// or fail.
func (s *suite) compare(ctx context.Context, channel, filter string) (*pair, error) {
	upstream, pullsafe, err := s.frontends(ctx, channel)
	if err != nil {
		return nil, err
	}
	p := &pair{Channel: channel}
	if p.upstream, err = s.runAndSay(ctx, upstream, filter); err != nil {
		return nil, err
	}
	if p.pullsafe, err = s.runAndSay(ctx, pullsafe, filter); err != nil {
		return nil, err
	}
	again := unsettled(p.upstream, p.pullsafe)
	if len(again) > 0 {
		filter := only(again)
		say("once more: %s", strings.Join(functions(again), ", "))
		u, err := s.runAndSay(ctx, upstream, filter)
		if err != nil {
			return nil, err
		}
		o, err := s.runAndSay(ctx, pullsafe, filter)
		if err != nil {
			return nil, err
		}
		p.again(again, u, o)
	}
	p.differences = differences(p.upstream, p.pullsafe)
	p.bothFailed = bothFailed(p.upstream, p.pullsafe)
	return p, nil
}

func (s *suite) runAndSay(ctx context.Context, fe image, filter string) (*results, error) {
	say("%s", fe)
	res, err := s.run(ctx, fe, filter)
	if err != nil {
		return nil, err
	}
	say("%s: %d passed, %d failed, %d skipped in %s", fe, res.count(pass), res.count(fail), res.count(skip), res.took.Round(time.Second))
	return res, nil
}

// unsettled are the tests to run again: those that differ, and those that failed
// with both images and should not.
func unsettled(upstream, pullsafe *results) []string {
	var list []string
	for _, d := range differences(upstream, pullsafe) {
		list = append(list, d.name)
	}
	for _, f := range bothFailed(upstream, pullsafe) {
		if !f.known {
			list = append(list, f.name)
		}
	}
	return list
}

// again puts the results of the second run in the place of the first's.
func (p *pair) again(names []string, upstream, pullsafe *results) {
	p.upstream.replace(functions(names), upstream)
	p.pullsafe.replace(functions(names), pullsafe)
	left := functions(unsettled(p.upstream, p.pullsafe))
	for _, f := range functions(names) {
		p.rerun = append(p.rerun, rerun{f, !slices.Contains(left, f)})
	}
}

// replace takes the tests of some functions from another run.
func (r *results) replace(functions []string, by *results) {
	maps.DeleteFunc(r.tests, func(name string, _ *test) bool { return slices.Contains(functions, function(name)) })
	maps.Copy(r.tests, by.tests)
}

// differences lists the tests that ended in another way, by name, without those
// whose subtests tell it.
func differences(upstream, pullsafe *results) []difference {
	names := maps.Clone(upstream.tests)
	maps.Copy(names, pullsafe.tests)
	var list []difference
	for _, name := range slices.Sorted(maps.Keys(names)) {
		d := difference{name: name, upstream: upstream.outcome(name), pullsafe: pullsafe.outcome(name)}
		if d.upstream == d.pullsafe {
			continue
		}
		switch {
		case d.pullsafe == fail:
			d.reason = pullsafe.tests[name].reason()
		case d.upstream == fail:
			d.reason = upstream.tests[name].reason()
		}
		if n := len(list); n > 0 && strings.HasPrefix(name, list[n-1].name+"/") {
			list = list[:n-1]
		}
		list = append(list, d)
	}
	return list
}

func (r *results) outcome(name string) outcome {
	if t := r.tests[name]; t != nil {
		return t.outcome
	}
	return ""
}

// bothFailed lists the tests that failed with both images, without those whose
// subtests tell it.
func bothFailed(upstream, pullsafe *results) []failure {
	var list []failure
	for _, name := range slices.Sorted(maps.Keys(upstream.tests)) {
		if upstream.outcome(name) != fail || pullsafe.outcome(name) != fail {
			continue
		}
		if n := len(list); n > 0 && strings.HasPrefix(name, list[n-1].name+"/") {
			list = list[:n-1]
		}
		reason, known := expected[function(name)]
		if !known {
			reason = upstream.tests[name].reason()
		}
		list = append(list, failure{name, reason, known})
	}
	return list
}

// functions are the suite's functions that tests belong to.
func functions(tests []string) []string {
	var list []string
	for _, t := range tests {
		list = append(list, function(t))
	}
	slices.Sort(list)
	return slices.Compact(list)
}
