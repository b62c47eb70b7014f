// Package suite holds what BuildKit's own tests of the Dockerfile frontend need,
// in a module of its own: their dependencies are not the product's. The version
// of BuildKit must be that of the product's go.mod; the run checks it.
package suite

import (
	_ "github.com/moby/buildkit/frontend/dockerfile" // its tests are what is run
)
