// Package registry is what is known of single registries beyond their protocol:
// one table (table.go), asked by host. Each fact in it has its source beside it;
// what has none is not there.
package registry
