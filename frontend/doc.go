// Package frontend is BuildKit's Dockerfile frontend, which in addition builds
// through registry credentials that a registry refuses.
//
// The build itself is BuildKit's own (builder.Build). It runs behind a decorator
// of the gateway client, and only there does this package act:
//
//   - Metadata. A reference is asked for as written first. When the registry
//     refused it in a way that credentials can have caused, it is asked for again
//     under another spelling of the same registry host, for which the session has
//     no credentials (package llb). Nothing but the spelling differs, and nothing
//     but a refusal leads to it: a source policy's verdict, a missing image, a
//     rate limit or a broken network is final.
//   - Solve. The repositories that had to be asked for without credentials are
//     pulled that way too, by convert rules where the daemon has source policies,
//     by rewriting the definition where it has none. Steps, snippets and names
//     stay what the user wrote.
//   - Report. What was pulled without credentials is a warning; what could not be
//     resolved at all is one error, which names every image, its line, what the
//     registry answered and what to run (package diagnosis).
//
// Before the builder starts, every reference that the Dockerfile names is
// resolved at once (package references), so that all that fails is known
// together. The preflight never decides about the build: the builder asks the
// same client, is answered from the same results, and only what it asks for can
// fail it.
//
// The frontend image has no network and no credentials. Everything is asked of
// BuildKit through the gateway, and the state of one build lives in one session
// value: the package has no variables that a build changes.
package frontend
