package references

// The bounds of what is looked at. They are far above what people write, and below
// what could be felt in a build: the builder alone decides about the rest. It asks for
// the images itself, in the order in which it comes to them.
const (
	// MaxReferences bounds the images that are resolved ahead of the builder, an image
	// on several platforms being several.
	MaxReferences = 5_000

	maxLines     = 10_000  // of a Dockerfile; a longer one is not looked at
	maxSize      = 4 << 20 // of a Dockerfile, in bytes
	maxExpanded  = 4 << 20 // of the arguments in FROM with all their values, in bytes
	maxTriggers  = 1_000   // of one image; and of what all the stages that are needed run
	maxPositions = 100     // of one image
	maxNames     = 500     // that a misspelt image is compared with; of more, with none
	maxName      = 128     // of such a name, in bytes
)
