// Package credentials tells which credential buildx sends to a registry, and
// where it comes from.
//
// buildx looks in this order (buildx v0.37.2,
// util/dockerutil/dockerconfig/configprovider.go, and docker/cli v29.7.2,
// cli/config/configfile/file.go):
//
//	scoped.go  a config.json of its own for the registry, the repository or the
//	           action, below buildx's folder config/; only for a token of one
//	           repository, and in place of the Docker CLI's config.json
//	store.go   DOCKER_AUTH_CONFIG, then the credential helper that config.json
//	           names for the registry (credHelpers) or for all (credsStore), and
//	           without a helper what config.json holds (auths)
//	helper.go  asks a helper, with a limit of time
//
// A secret leaves the package only by Credential.Login and Credential.Token; what
// is printed of a credential is its Source.
package credentials
