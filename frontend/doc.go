// Package frontend is BuildKit's Dockerfile frontend, which in addition builds
// when a registry rejects the credentials of the session for a public image.
//
// The build itself is BuildKit's own (builder.Build). It runs behind a decorator
// of the gateway client, and only there does this package act:
//
//   - Metadata (client.go). A reference is asked for as written first. When
//     credentials can have caused the answer, package resolve falls back to anonymous
//     access: it asks again under a host alias, another spelling of the same registry
//     host, for which the session has no credentials (package llb). Nothing but a
//     rejection leads to it: a source policy's verdict, a missing image, a rate limit
//     or a broken network is final.
//   - Solve (solve.go). What fell back is pulled under its alias too, by convert rules
//     where the daemon has source policies, by rewriting the definition where it has
//     none. Steps, snippets and names stay what the user wrote.
//   - Content (evaluate.go). The result is evaluated before it is handed over. So a
//     layer that is rejected while a step runs leads to the fallback for its image and
//     one more solve, and any other failure of a registry is explained.
//   - Report (warning.go, errors.go, results.go). What fell back is a warning, and
//     a step of its own for clients that show none; what could not be resolved is
//     one error, which names every image, its line, what the registry answered and
//     what to run. All the words are package report's.
//
// Before the builder starts, every reference that the target needs is resolved at
// once (preflight.go; package references finds them, up to bounds that hold no build
// up), so that all that fails is known together. A build that succeeds sends what
// upstream sends. The preflight never decides about the build: the builder is answered
// from the same memo, and only what it asks for can fail it.
//
// The frontend image has no network and no credentials. The state of one build lives
// in one session value: the package has no variables that a build changes.
package frontend
