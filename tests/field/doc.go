// Package field builds with pullsafe through real software: the proxies that stand in
// front of registries, registries that are not the harness's, and the credential
// helpers of clouds and desktops. What a host alias is worth depends on them alone.
//
// Each row is a program with a configuration that is found in the field. It gets a
// host name and TLS of its own, and BuildKit's requests as BuildKit sends them: Host and
// server name as spelled, HTTP/1.1. Of each row the tests assert what every spelling
// of the host answers without credentials, and whether a build with rejected
// credentials goes through, by which host alias, or what it says.
//
// `make test` runs nginx, HAProxy and pass; `make field` runs all, and writes the
// tables of tests/README.md.
package field
