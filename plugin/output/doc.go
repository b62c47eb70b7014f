// Package output prints what a check found: as tables of registries and of images
// for people (table.go), and as JSON in the schema of the preflight with the
// credentials beside it (json.go). The reasons and what to run, annotations, and
// the alignment of cells are frontend/report's, as in a build that fails.
package output
