// Package report joins references with their resolutions and puts what is known of
// them into the forms in which people and programs read it: the error of a build
// that failed, the warning of one that fell back, the table and the JSON of a
// preflight, annotations for GitHub. It has all the sentences about images, and the
// only renderer.
//
//	schema.go     the Report, whose JSON form other programs may rely on; it carries
//	              a version, which changes when a field loses its meaning, not when
//	              one is added
//	reference.go  a reference and its resolution -> an entry of the report
//	conclude.go   the answers about one reference -> what they mean together
//	remedies.go   what to run, in order
//	code.go       by which a program finds a conclusion in a log again
//	words.go      the sentences
//	failure.go, table.go, warning.go, github.go   the forms
//	render.go     causes, remedies, grids of cells; the plugin's tables and its
//	              reading of logs are written with them too
//
// A guess is never worded as a fact.
package report
