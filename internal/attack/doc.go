// Package attack generates hostile input: Dockerfiles and logs that are large, or
// that imitate pullsafe's own output.
package attack
