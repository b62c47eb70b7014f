// Package registry is what is known of single registries beyond their protocol:
// one table (table.go), asked by host.
//
//	table.go     the rows; each fact has its source beside it, what has none is
//	             not here
//	registry.go  the type of a row, how a host finds its row, the commands to log
//	             in and out
//	host.go      when two hosts are one registry, and Docker Hub's many names
//
// Whoever asks for an image takes from it the order of host aliases; diagnosis,
// what an answer means; report, what to run.
package registry
