// Package lines turns a log as it was stored into the lines that a program printed:
//
//	reader.go  bytes -> lines as a person sees them: of any length, in bounded
//	           memory, without what a terminal does with them
//	prefix.go  the forms in which CI systems put a time or a level before a line
//	learn.go   the prefix of this log, learned from its first lines
//	record.go  lines that a log collector packed into JSON
//
// What stands before a line is learned, not listed: nobody knows all wrappers. A line
// that can only be BuildKit's own ("#1 [internal] load build definition") shows where
// the text begins, and so does a head that most lines have in common. A step's output
// is never looked at for it: what a RUN step prints must not decide what is BuildKit's.
package lines
