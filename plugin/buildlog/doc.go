// Package buildlog finds the registry failures in a build log and says what each
// means, in the words of frontend/report. It knows what logs look like and nothing of
// what registries say:
//
//	lines.go    a stream of bytes -> lines of text, without what a terminal does
//	            with them; of any length, in bounded memory
//	prefix.go   what CI systems put before a line
//	shape.go    the forms of buildx's, buildctl's and docker's output: steps,
//	            their output, sections of failed steps, excerpts of Dockerfiles
//	scanner.go  follows a log line by line: which lines can be an error, and of
//	            which image
//	event.go    one such line, with those that a terminal or a registry added to it
//	readings.go what a line that a terminal cut can have been; the image that it names
//	own.go      errors and warnings of pullsafe itself, which are known by their codes
//	failure.go  what was found, each failure once
//	explain.go  a whole text: a message alone, or a log
//	print.go    what is printed, with the renderer of frontend/report, and the JSON
//
// What a RUN step printed is never an error of a registry, whatever it says: npm,
// apt, git and a docker inside of the build all print 401 and denied.
//
// A text that is one message and no log is explained by frontend/diagnosis as it
// stands, so that the answer is the frontend's.
package buildlog
