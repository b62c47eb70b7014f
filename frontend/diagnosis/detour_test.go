package diagnosis

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestMirror: the host that was asked in the registry's place, and no other that a text
// can name.
func TestMirror(t *testing.T) {
	const head = "unexpected status from HEAD request to "
	for _, tc := range []struct{ name, ref, text, mirror string }{
		{"refuses", "ghcr.io/a/b:1", head + "https://mirror.test/v2/a/b/manifests/1?ns=ghcr.io: 403 Forbidden", "mirror.test"},
		{"port, plain HTTP", "alpine", head + "http://10.0.0.1:5000/v2/library/alpine/manifests/3?ns=docker.io: 500 Internal Server Error", "10.0.0.1:5000"},
		{"port of the registry", "reg.test:5000/a", head + "https://mirror.test/v2/a/manifests/1?ns=reg.test%3A5000: 404 Not Found", "mirror.test"},
		{"path before v2", "alpine", head + "https://art.test/api/docker/hub/v2/library/alpine/manifests/3?ns=docker.io: 401 Unauthorized", "art.test"},
		{"no connection", "alpine", `failed to do request: Head "https://mirror.test/v2/library/alpine/manifests/3?ns=docker.io": dial tcp: lookup mirror.test: no such host`, "mirror.test"},
		{"TLS", "alpine", `failed to do request: Head "https://mirror.test/v2/library/alpine/manifests/3?ns=docker.io": tls: failed to verify certificate: x509: certificate signed by unknown authority`, "mirror.test"},
		{"layer", "alpine", `failed to copy: httpReadSeeker: failed open: unexpected status from GET request to https://mirror.test/v2/library/alpine/blobs/sha256:aa?ns=docker.io: 503 Service Unavailable`, "mirror.test"},
		{"without reference", "", head + "https://mirror.test/v2/library/alpine/manifests/3?ns=docker.io: 403 Forbidden", "mirror.test"},
		{"dockerd", "alpine", `Error response from daemon: Head "https://mirror.gcr.io/v2/library/alpine/manifests/latest": dial tcp 192.0.2.1:443: i/o timeout`, "mirror.gcr.io"},

		{"Docker Hub itself", "alpine", head + "https://registry-1.docker.io/v2/library/alpine/manifests/3: 403 Forbidden", ""},
		{"Docker Hub, named", "alpine", head + "https://registry-1.docker.io/v2/library/alpine/manifests/3?ns=docker.io: 403 Forbidden", ""},
		{"token service", "alpine", `failed to fetch anonymous token: unexpected status from GET request to https://auth.docker.io/token?scope=x&service=registry.docker.io: 401 Unauthorized`, ""},
		{"token service of nobody known", "nvcr.io/a", `failed to fetch anonymous token: unexpected status from GET request to https://authn.test/v2/token?ns=nvcr.io: 401 Unauthorized`, ""},
		{"storage", "alpine", `failed to copy: httpReadSeeker: failed open: unexpected status from GET request to https://cdn.test/registry-v2/docker/registry/v2/blobs/sha256/aa/data?X-Amz-Signature=x: 403 Forbidden`, ""},
		{"storage below v2", "alpine", `failed to copy: httpReadSeeker: failed open: unexpected status from GET request to https://cdn.test/v2/blobs/sha256:aa: 403 Forbidden`, ""},
		{"alias", "ghcr.io/a/b:1", head + "https://GHCR.IO:443/v2/a/b/manifests/1: 403 Forbidden", ""},
		{"redirect", "registry.k8s.io/pause:3", head + "https://europe-west2-docker.pkg.dev/v2/k8s-artifacts-prod/images/pause/manifests/3: 403 Forbidden", ""},
		{"words of a registry", "alpine", `failed to fetch oauth token: denied: unexpected status from HEAD request to https://evil.test/v2/library/alpine/manifests/3?ns=docker.io: 404 Not Found`, ""},
		{"words of a registry, quoted", "alpine", `pull access denied, repository does not exist or may require authorization: server message: Head "https://evil.test/v2/library/alpine/manifests/3?ns=docker.io": EOF`, ""},
		{"words behind a status", "alpine", head + "https://registry-1.docker.io/v2/library/alpine/manifests/3: 403 Forbidden: unexpected status from HEAD request to https://evil.test/v2/x/manifests/3?ns=docker.io: 404 Not Found", ""},
		{"no host", "alpine", head + `https://e"vil/v2/library/alpine/manifests/3?ns=docker.io: 404 Not Found`, ""},
	} {
		assert.Equal(t, tc.mirror, Diagnose(tc.ref, tc.text).Mirror, tc.name)
	}
}

// TestRedirect: where a registry, or what stands before it, has sent a request.
func TestRedirect(t *testing.T) {
	for _, tc := range []struct{ name, text, to string }{
		{"back, credentials again", `failed to do request: Head "https://reg.test/v2/a/manifests/1": failed to authorize redirect: failed to fetch oauth token: denied: denied`, "reg.test"},
		{"in a log", `failed to do request: Head \"https://reg.test/v2/a/manifests/1\": failed to authorize redirect: failed to fetch oauth token: denied: denied`, "reg.test"},
		{"in a circle", `failed to do request: Head "https://reg.test/v2/a/manifests/1": stopped after 10 redirects`, "reg.test"},
		{"elsewhere, refused", `unexpected status from HEAD request to https://other.test/v2/a/manifests/1: 403 Forbidden`, "other.test"},
		{"elsewhere, no connection", `failed to do request: Head "https://other.test/v2/a/manifests/1": dial tcp: lookup other.test: no such host`, "other.test"},

		{"none", `unexpected status from HEAD request to https://reg.test/v2/a/manifests/1: 403 Forbidden`, ""},
		{"alias", `unexpected status from HEAD request to https://REG.TEST:443/v2/a/manifests/1: 421 Misdirected Request`, ""},
		{"mirror", `unexpected status from HEAD request to https://other.test/v2/a/manifests/1?ns=reg.test: 403 Forbidden`, ""},
		{"layer", `failed to copy: httpReadSeeker: failed open: unexpected status from GET request to https://cdn.test/v2/a/blobs/sha256:aa: 403 Forbidden`, ""},
		{"token service", `failed to fetch oauth token: unexpected status from GET request to https://auth.test/token?service=reg.test: 403 Forbidden`, ""},
		{"words of a registry", `failed to fetch oauth token: denied: Head "https://evil.test/v2/a/manifests/1": failed to authorize redirect`, ""},
	} {
		d := Diagnose("reg.test/a:1", tc.text)
		assert.Equal(t, tc.to, d.Redirect, tc.name)
		assert.Equal(t, tc.to == "reg.test" || tc.name == "alias", d.NotServed(), tc.name)
		assert.False(t, tc.to != "" && d.Transient(), tc.name)
	}
}

// TestNotServed: what shows that a host alias is not served, and what may be about one
// image, or pass.
func TestNotServed(t *testing.T) {
	const head = "unexpected status from HEAD request to https://REG.TEST/v2/a/manifests/1: "
	for text, want := range map[string]bool{
		head + "400 Bad Request":         true,
		head + "421 Misdirected Request": true,
		`unexpected status from HEAD request to https://REG.TEST/v2/a/manifests/1: 301 Moved Permanently`:      true,
		`failed to do request: Head "https://REG.TEST/v2/a/manifests/1": remote error: tls: unrecognized name`: true,
		`failed to do request: Head "https://reg.test/v2/a/manifests/1": stopped after 10 redirects`:           true,
		head + "404 Not Found":           false,
		head + "403 Forbidden":           false,
		head + "503 Service Unavailable": false,
		`failed to do request: Head "https://REG.TEST/v2/a/manifests/1": remote error: tls: handshake failure`: false,
		`failed to do request: Head "https://REG.TEST/v2/a/manifests/1": EOF`:                                  false,
	} {
		assert.Equal(t, want, Diagnose("reg.test/a:1", text).NotServed(), text)
	}
	refusing := Diagnose("public.ecr.aws/a/b:1", `unexpected status from HEAD request to https://PUBLIC.ECR.AWS:443/v2/a/b/manifests/1: 400 Bad Request`)
	assert.False(t, refusing.NotServed(), "its word for rejected credentials")
}

// TestAskedAs: the URL alone tells that an alias was redirected back.
func TestAskedAs(t *testing.T) {
	const text = "unexpected status from HEAD request to https://reg.test/v2/a/manifests/1: 401 Unauthorized"
	d := Diagnose("reg.test/a:1", text)
	assert.False(t, d.RedirectBack())
	assert.True(t, d.AskedAs("REG.TEST").RedirectBack())
	assert.False(t, d.AskedAs("reg.test").RedirectBack())
	d = Diagnose("reg.test/a:1", `failed to fetch anonymous token: unexpected status from GET request to https://reg.test/token: 401 Unauthorized`)
	assert.False(t, d.AskedAs("REG.TEST").RedirectBack(), "a token service has its own name")
	hub := Diagnose("alpine", "unexpected status from HEAD request to https://REGISTRY-1.DOCKER.IO/v2/library/alpine/manifests/3: 401 Unauthorized")
	assert.False(t, hub.AskedAs("REGISTRY-1.DOCKER.IO").RedirectBack())
}
