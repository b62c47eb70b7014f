// Package faults breaks the network, the token service and the registry below a
// build, ends builds in the middle, and loads one daemon with many of them.
//
// A fault has a registry host, an image and a front of its own (site), so that
// neither the daemon's memory of tokens and layers nor its connections carry
// anything from one to the next, and all share one daemon. Each is built with
// upstream's image and with pullsafe: where nothing but the fault is wrong, both
// must end alike; where the login is refused too and the fault hits the try
// without credentials, the test says what must happen.
//
// The tables of tests/README.md are made by the same runs (make faults).
package faults

import (
	"os"
	"testing"

	"github.com/org/pullsafe/tests/world"
)

var shared = world.Get()

func TestMain(m *testing.M) {
	os.Exit(world.Main(m))
}
