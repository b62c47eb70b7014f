package main

import "path/filepath"

// columns is the width at which the warning breaks between two words, and at
// which the picture fits GitHub's page about as large as other code.
const (
	columns = 105
	rows    = 60
)

// picture is one build of the example and what is said of it to those who cannot
// see it.
type picture struct {
	name   string
	syntax string // the first line of the Dockerfile
	fails  bool
	title  string
	desc   string
	// want are the words that the picture is there for.
	want []string
}

var pictures = []picture{
	{
		name:   "upstream",
		syntax: "# syntax=docker/dockerfile:1",
		fails:  true,
		title:  "docker buildx build with docker/dockerfile and expired credentials for ghcr.io: the build fails",
		desc: "A terminal. The Dockerfile begins with the line: syntax=docker/dockerfile:1. The build stops at the metadata of " +
			"ghcr.io/astral-sh/uv:0.9.7. The last line names neither the image nor the registry: " +
			"failed to fetch oauth token: denied: denied.",
		want: []string{
			"$ docker buildx build .",
			"=> ERROR [internal] load metadata for ghcr.io/astral-sh/uv:0.9.7",
			"ERROR: failed to build: failed to solve: failed to fetch oauth token: denied: denied",
		},
	},
	{
		name:   "pullsafe",
		syntax: "# syntax=org/pullsafe:1",
		title:  "The same build with pullsafe: it passes, and a warning says what to run",
		desc: "A terminal. The Dockerfile begins with the line: syntax=org/pullsafe:1. The metadata of ghcr.io/astral-sh/uv:0.9.7 is " +
			"loaded, and a step says that ghcr.io rejected the stored credentials and that the image was resolved without them. No step " +
			"has failed. The build finishes with one warning, RegistryCredentialsRejected, which ends in: Run: docker logout ghcr.io.",
		want: []string{
			"$ docker buildx build .",
			"=> [internal] load metadata for ghcr.io/astral-sh/uv:0.9.7",
			// The terminal is too narrow for the rest of it, which the warning has too.
			"=> [pullsafe] ghcr.io rejected the stored credentials (\"denied\"). Run: docker logout ghcr.io.",
			"FINISHED",
		},
	},
}

// file is the committed picture.
func (p picture) file(root string) string {
	return filepath.Join(root, "docs", "images", p.name+".svg")
}

// stream is what it was drawn from.
func (p picture) stream(root string) string {
	return filepath.Join(root, "tests", "picture", "testdata", p.name+".stream")
}
