package world

import "flag"

var full = flag.Bool("full", false, "run the slow tests too, and write their tables into tests/README.md")

// Full tells whether the whole of a long series is wanted: `make compat` and the
// like set -full, `make test` runs the fast part.
func Full() bool { return *full }
