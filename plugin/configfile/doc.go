// Package configfile changes a config.json of Docker's as little as can be: what it
// does not mean to change keeps its bytes, and with them order, white space and keys
// that nobody knows (docker/cli's own Save drops those). The file is replaced at once
// or not at all, with its mode and owner, and begins again if another program, such
// as `docker login`, has written it meanwhile.
package configfile
