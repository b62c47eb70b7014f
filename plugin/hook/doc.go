// Package hook answers the Docker CLI when one of its commands has failed: one
// line under "What's next", and only for failures that stored credentials
// can have caused.
//
// The Docker CLI gives the error of its own commands (docker pull). Of a plugin
// (docker build, docker compose) it knows the exit status alone (docker/cli
// v29.7.2, cmd/docker/docker.go, cmdErrorMessage); what the last build failed of
// is then asked of buildx's history.
package hook
