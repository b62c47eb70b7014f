// Package harness starts the real programs that pullsafe's tests and its demo
// build with: buildkitd, Docker Engine, buildx, and distribution's registry
// behind a proxy that authenticates as ghcr.io and Docker Hub do.
//
// An Env owns everything: a temporary folder, the processes, the network. Close
// removes all of it and reports what it could not remove. Daemons run in mount
// and PID namespaces of their own, so that no mount shows on the machine and the
// kernel ends everything that a daemon started when the daemon, or this process,
// dies. A folder left by a killed process is removed by the next NewEnv.
//
// No packet leaves the machine. Registries listen on loopback, and a forward
// proxy gives them any host name (ghcr.io, GHCR.IO, ghcr.io:0443) over TLS, with
// certificates of the harness's own authority: daemons get the proxy and the
// authority by environment variables, and the process itself by SetProcessEnv. A host
// that no registry claims is refused and recorded (Network.Refused).
//
// A Registry records every request with the kind of credentials that it carried,
// so that a test asserts what the registry saw, not only that a build passed.
package harness
