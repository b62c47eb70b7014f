package main

import (
	"fmt"
	"time"
)

// Kinds of cases.
const (
	// kindCached: everything but the metadata is in the daemon's cache.
	kindCached = "cached"
	// kindSteps: the same, with steps on each image, which the daemon solves before the
	// frontend has ended.
	kindSteps = "steps"
	// kindCold: nothing is.
	kindCold = "cold"
	// kindError: one image is private, the login is refused; both frontends fail.
	kindError = "error"
	// kindRefused: the login is refused, all images are public. Upstream cannot
	// build that, so it builds the same references with a login that is taken.
	kindRefused = "refused"
	// kindRefusedSteps: the same, with steps on each image.
	kindRefusedSteps = "refused-steps"

	kindHang    = "hang"
	kindProcess = "process"
)

// kinds are those that are builds, in the order of the table.
var kinds = []string{kindCached, kindSteps, kindCold, kindError, kindRefused, kindRefusedSteps}

// benchCase is one row of the table.
type benchCase struct {
	kind        string
	refs, hosts int
	latency     time.Duration // before each answer of a registry
}

func (c benchCase) String() string {
	return fmt.Sprintf("%s, %d references over %d hosts, %s", c.kind, c.refs, c.hosts, c.latency)
}

// size is how much a Dockerfile names.
type size struct{ refs, hosts int }

// sizes are those that Dockerfiles have, and one larger than any, which is built
// with one latency only.
var sizes = []size{{1, 1}, {10, 5}, {maxRefs, maxHosts}}

const latencyOfLargest = 50 * time.Millisecond

// allSizes are for -all, with all latencies: hours.
var allSizes = append([]size{{10, 1}, {maxRefs, 1}, {maxRefs, 5}}, sizes...)

// latencies are those of a registry in the same rack, the same country, and far
// away.
var latencies = []time.Duration{0, 50 * time.Millisecond, 200 * time.Millisecond}

// cases are all kinds in all sizes with all latencies that are wanted; with -short
// only the smallest.
func cases(o options) []benchCase {
	sizes := sizes
	if o.all {
		sizes = allSizes
	}
	var out []benchCase
	for _, kind := range kinds {
		for _, size := range sizes {
			for _, latency := range latencies {
				c := benchCase{kind: kind, refs: size.refs, hosts: size.hosts, latency: latency}
				if o.wantsCase(c) {
					out = append(out, c)
				}
			}
		}
	}
	return out
}

func (o options) wantsCase(c benchCase) bool {
	switch {
	case !o.wants(c.kind), o.refs != 0 && o.refs != c.refs, o.latency >= 0 && o.latency != c.latency:
		return false
	case stepsOf(c.kind) > 0 && c.refs == maxRefs:
		return false // more layers than overlayfs mounts
	case o.short:
		return c.refs == sizes[0].refs && c.latency == latencies[0]
	default:
		return o.all || c.refs != maxRefs || c.latency == latencyOfLargest
	}
}
