// Package report joins references with their resolutions and puts what is known of
// them into the forms in which people and programs read it: the error of a build
// that failed, the warning of one that fell back, the table and the JSON of a
// preflight, annotations for GitHub. It has all the sentences about images
// (words.go, warning.go), and the only renderer (render.go).
//
// The JSON form (schema.go) is for other programs to rely on. Its version changes
// when a field loses its meaning, not when one is added. A guess is never worded as a
// fact.
package report
