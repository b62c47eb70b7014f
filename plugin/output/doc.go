// Package output prints what a check found: as a table for people (table.go), as
// JSON in the schema of the preflight with the credentials beside it (json.go),
// and as commands that GitHub turns into annotations (github.go). The reasons and
// what to run are written by frontend/report, as in a build that fails.
package output
