// Package buildlog finds the registry failures in a build log and says what each
// means, in the words of frontend/report. It knows what logs look like and nothing of
// what registries say:
//
//	lines/       (package lines) bytes -> lines as a program printed them, without what
//	             a terminal, a CI system or a log collector did to them
//	shape.go     the forms of buildx's, buildctl's and docker's output: steps,
//	             their output, sections of failed steps
//	excerpt.go   excerpts of Dockerfiles
//	phrases.go   searches a line for many phrases in one pass
//	scanner.go   follows a log line by line: which lines can be an error
//	progress.go  the progress in it: steps of BuildKit and of the classic builder
//	activity.go  who is at what, with which image: steps, clients, daemons
//	event.go     a line that can be an error, with those that a terminal or a registry
//	             added to it, and what it is about: the nearest activity that has an image
//	readings.go  what a line that a terminal cut can have been
//	image.go     names of images and hosts: what is none is not taken from a log
//	own.go       errors and warnings of pullsafe itself, which are known by their codes
//	statement.go what such a code says of images, and how far it is believed
//	failure.go   what was found, each failure once
//	last.go      the last error of a text in which no registry failed
//	explain.go   a whole text: a message alone, or a log
//	print.go     what is printed, with the renderer of frontend/report, and the JSON
//
// A log is anybody's text. Reading it costs time in proportion to its length and memory
// within bounds, and ends with the context. Hosts, references and places are the only
// words that are taken from it, checked or cleaned; a registry's message is quoted.
//
// What a RUN step printed is never an error of a registry, whatever it says: npm,
// apt, git and a docker inside of the build all print 401 and denied.
//
// A text that is one message and no log is explained by frontend/diagnosis as it
// stands, so that the answer is the frontend's.
package buildlog
