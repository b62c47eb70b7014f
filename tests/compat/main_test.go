// Package compat builds with pullsafe on every daemon that it supports: BuildKit
// of four years, Docker Engine with BuildKit 0.8 inside, and Docker Engine with
// the containerd image store.
//
// One daemon of each kind builds a list of scenarios. A daemon remembers images,
// tokens and layers, so each build has a place of its own: a registry host, and
// images whose layers no other has. What a daemon cannot do, pullsafe has to do
// without; how the build then went is read from the build and from what the
// registry saw, and stands in the table of tests/README.md. No cell is a
// constant that does not depend on the run.
//
// Without -full only the daemons that `make tools` has build, and only the most
// important scenario.
package compat

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/tests/world"
)

var shared = world.Get()

func TestMain(m *testing.M) {
	code := world.Main(m)
	if code == 0 {
		code = results.write()
	}
	os.Exit(code)
}

// TestDaemons runs each scenario on each daemon.
func TestDaemons(t *testing.T) {
	list, err := daemons()
	require.NoError(t, err)
	for _, d := range list {
		t.Run(d.name, func(t *testing.T) {
			if !world.Full() && !d.usual {
				t.Skip("not built by make tools; run: make compat")
			}
			r := d.start(t, d)
			results.set(d.name, columnDaemon, r.title)
			results.set(d.name, columnLacks, r.lacks(t))
			for _, s := range scenarios {
				if !world.Full() && !s.fast {
					continue
				}
				t.Run(s.name, func(t *testing.T) {
					cell := s.run(t, r)
					require.NotEmpty(t, cell)
					results.set(d.name, s.column, cell)
				})
			}
		})
	}
}
