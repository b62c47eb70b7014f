package report_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
)

// TestDetails: what one answer calls for first, and what it does not.
func TestDetails(t *testing.T) {
	const scope = "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed"
	for _, tc := range []struct {
		name, ref, text string
		headline, first string // parts of them
		retry           bool
	}{
		{"no official image", "docker.io/library/builder:latest", scope, "has no official image builder", "build it first", false},
		{"an official image", "docker.io/library/python:3.11", scope, "docker.io denied access", "docker logout", true},
		{"of an account", "docker.io/acme/app:1", scope, "private, missing, or no access", "private, renamed or removed", false},
		{"of another registry", "quay.io/acme/app:1", scope, "quay.io denied access", "docker logout quay.io", true},
		{"Docker Hub, 403", "docker.io/library/rust:1", "unexpected status from HEAD request to https://registry-1.docker.io/v2/library/rust/manifests/1: 403 Forbidden", "docker.io denied access", "registry-mirrors", true},
		{"a layer", "ghcr.io/a/b:1", "failed to copy: httpReadSeeker: failed open: unexpected status from GET request to https://ghcr.io/v2/a/b/blobs/sha256:aa: 403 Forbidden", "denied access to a layer", "build again", false},
		{"a push", "ghcr.io/a/b:1", "failed to push ghcr.io/a/b:1: denied: permission_denied: write_package", "denied the push", "permissions: packages: write", false},
		{"a push without a host", "", "failed to push a: denied: permission_denied: write_package", "denied the push", "ACCOUNT/NAME", false},
		{"a push to plain HTTP", "reg.example.com/a:1", `failed to push reg.example.com/a:1: failed to do request: Head "https://reg.example.com/v2/a/blobs/sha256:aa": http: server gave HTTP response to HTTPS client`, "TLS verification failed", "http = true", false},
		{"a login", "", `Error response from daemon: Get "https://ghcr.io/v2/": denied: denied`, "ghcr.io rejected the login", "docker login ghcr.io", false},
		{"a role", "us-docker.pkg.dev/a/b/c:1", `denied: Permission "artifactregistry.repositories.downloadArtifacts" denied on resource`, "denied access", "the missing permission", false},
		{"Windows", "mcr.microsoft.com/windows/servercore:ltsc2022", "no match for platform in manifest sha256:aa: not found", "not for this platform", "Windows containers", false},
		{"a keychain", "", "error getting credentials - err: exit status 1, out: `User interaction is not allowed.`", "credential helper", "security unlock-keychain", true},
		{"a proxy", "docker.io/a/b:1", `failed to do request: Head "https://registry-1.docker.io/v2/a/b/manifests/1": Proxy Authentication Required`, "no connection", "docker pull docker.io/a/b:1", false},
		{"damaged", "quay.io/a/b:1", `failed commit on ref "layer-sha256:aa": commit failed: unexpected commit digest sha256:bb, expected sha256:aa`, "is damaged", "docker builder prune", false},
		{"localhost", "localhost/a:1", `failed to do request: Head "https://localhost/v2/a/manifests/1": dial tcp 127.0.0.1:443: connect: connection refused`, "names a local image", "build it first", false},
		{"a setup step", "moby/buildkit:buildx-stable-1", "toomanyrequests: You have reached your pull rate limit.", "rate limit", "docker login", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := report.ExplainSingle(diagnosis.Diagnose(tc.ref, tc.text), tc.ref)
			assert.Contains(t, c.Headline, tc.headline)
			require.NotEmpty(t, c.Remedies)
			assert.Contains(t, c.Remedies[0].Command+c.Remedies[0].Note, tc.first)
			assert.Equal(t, tc.retry, c.AnonymousRetryCanHelp)
			if c.Push {
				for _, r := range c.Remedies {
					assert.NotContains(t, r.Command, "logout")
				}
			}
		})
	}
}

// TestOther: whose an error is that no registry has to do with.
func TestOther(t *testing.T) {
	for _, text := range []string{
		`process "/bin/sh -c x" did not complete successfully: exit code: 1`, "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.",
		`failed to create task for container: exec: "/x": permission denied: unknown`, "fatal: could not read Username for 'https://github.com'",
	} {
		whose, todo := report.Other(diagnosis.Diagnose("", text).Detail)
		assert.NotEmpty(t, whose, text)
		assert.Len(t, todo, 1, text)
	}
	whose, todo := report.Other("")
	assert.Empty(t, whose)
	assert.NotNil(t, todo)
}
