// Package install turns pullsafe on for a machine, and off again: it makes the plugin
// what the Docker CLI calls for `docker build`, and its hints what follows a command
// that failed.
//
//	settings.go  what is set in Docker's config.json, and what it was before
//	object.go    members of a JSON object, put in and taken out again to the byte
//	file.go      the file: new, edited, or removed again
//
// What was there before is remembered beside the settings, below plugins.pullsafe,
// which is Docker's place for what a plugin wants to keep. So it goes where the file
// goes, and `docker login`, which writes the file anew, keeps it.
package install
