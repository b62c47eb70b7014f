// Package llb gives images a host alias, another spelling of the same registry
// host, so that they are pulled without the credentials that are stored for that
// host. It knows BuildKit's graph and source policies, and nothing of Dockerfiles,
// answers of registries, or people.
//
//	host.go, alias.go     the aliases of a host, and of a reference
//	source.go             references and identifiers of image sources
//	policy.go             source policies, for a definition and for a single request
//	rewrite.go            the same in the definition itself
//	vertex.go             the op that an error names: its images, and how it runs again
//
// # Why an alias takes the credentials away
//
// When a registry asks for authentication, BuildKit asks the client with the host as
// the reference writes it (util/resolver/authorizer.go), and the client looks it up by
// that literal string (session/auth/authprovider, docker/cli config/credentials). Host
// names are compared without regard to case (RFC 9110, section 4.2.3) and a port that
// is written out, or with a leading zero, is the same port; so "GHCR.IO",
// "ghcr.io:443" and "GHCR.IO:443" are the registry "ghcr.io" for the network, and a
// host without a login for the client. BuildKit then asks for an anonymous token, and
// pulls natively: the same digests, and so the same cache keys.
//
// # Why convert rules are preferred
//
// BuildKit applies those of [Names.Policy] while it loads the definition, after the
// user's own policies have seen the reference as written, and progress and error
// snippets keep the user's names, the latter because [Names.Annotate] says them under
// the new digests as well. [AliasPolicy] does the same for a request for metadata.
// [Names.Rewrite] changes the definition itself, for daemons without the LLB
// capability source.policy, which have no policies that could be bypassed.
//
// # What never changes
//
// The registry, its port, the scheme (BuildKit's plain HTTP rule for loopback hosts),
// the repository's path, the tag, the digest, the platform and every attribute of a
// source. An identifier that BuildKit would read differently is left alone.
package llb
