package diagnosis

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestKinds: kinds of errors that real logs have, each with neighbours of which the same
// must not be said. The host and the image are those of the text.
func TestKinds(t *testing.T) {
	for _, tc := range []struct {
		text   string
		class  Class
		detail Detail
		host   string
	}{
		// The connection to the daemon, and to a registry.
		{`error during connect: Post "https://10.0.0.5:2376/v1.24/build": x509: certificate has expired or is not yet valid`, NotARegistryError, DaemonConnection, ""},
		{`ERROR: error during connect: Head "http://%2F%2F.%2Fpipe%2FdockerDesktopLinuxEngine/_ping": open //./pipe/dockerDesktopLinuxEngine: The system cannot find the file specified.`, NotARegistryError, DaemonConnection, ""},
		{`ERROR: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?`, NotARegistryError, DaemonConnection, ""},
		{`permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.24/info": dial unix /var/run/docker.sock: connect: permission denied`, NotARegistryError, DaemonConnection, ""},
		{`Error response from daemon: Get "https://10.0.0.5:2376/v2/": x509: certificate has expired or is not yet valid`, TLSFailure, ExpiredCertificate, "10.0.0.5:2376"},
		// A container that could not start, and an image that could not be pulled for it.
		{`docker: Error response from daemon: failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: "/entrypoint.sh": permission denied: unknown.`, NotARegistryError, ContainerStart, ""},
		{`Error response from daemon: driver failed programming external connectivity on endpoint web: Error starting userland proxy: listen tcp4 0.0.0.0:80: bind: permission denied`, NotARegistryError, ContainerStart, ""},
		{`Error response from daemon: error while creating mount source path '/x': mkdir /x: permission denied`, NotARegistryError, ContainerStart, ""},
		{`Error response from daemon: stat /x: permission denied`, NotARegistryError, "", ""},
		{`docker: Error response from daemon: Head "https://ghcr.io/v2/a/b/manifests/1": denied: failed to create task for container`, DeniedAmbiguous, "", "ghcr.io"},
		{`Error response from daemon: denied`, DeniedAmbiguous, "", ""},
		{`Error response from daemon: No such container: denied`, NotARegistryError, "", ""},
		// A login.
		{`Error response from daemon: Get "https://ghcr.io/v2/": denied: denied`, CredentialsRejected, LoginRequest, "ghcr.io"},
		{`Error response from daemon: Get "https://ghcr.io/v2/a/b/manifests/1": denied: denied`, DeniedAmbiguous, "", "ghcr.io"},
		{`Error response from daemon: Get "https://registry-1.docker.io/v2/": unauthorized: too many failed login attempts for username or IP address`, RateLimited, LoginLimit, "docker.io"},
		{`Error response from daemon: Get "https://acme.azurecr.io/v2/": denied: client with IP '1.2.3.4' is not allowed access`, DeniedAmbiguous, "", "acme.azurecr.io"},
		// go-containerregistry, jib.
		{`error building image: GET https://index.docker.io/v2/library/base/manifests/latest: UNAUTHORIZED: authentication required; [map[Action:pull Class: Name:library/base Type:repository]]`, DeniedAmbiguous, "", "docker.io"},
		{`GET https://gcr.io/v2/acme/app/manifests/1: MANIFEST_UNKNOWN: Failed to fetch "1"; map[Tag:1]`, NotFound, "", "gcr.io"},
		{`error checking push permissions -- make sure you entered the correct tag name: checking push permission for "quay.io/acme/app": POST https://quay.io/v2/acme/app/blobs/uploads/: UNAUTHORIZED: access to the requested resource is not authorized; map[]`, DeniedAmbiguous, "", "quay.io"},
		{`GET https://index.docker.io/v2/library/node/manifests/20: TOOMANYREQUESTS: You have reached your pull rate limit.`, RateLimited, "", "docker.io"},
		{`npm ERR! 401 Unauthorized - GET https://npm.pkg.github.com/v2/x`, NotARegistryError, FailedStep, ""},
		{`PUT https://nexus.example.com/repository/maven/x.jar: 403 Forbidden`, NotARegistryError, "", ""},
		{`Tried to pull image manifest for registry-1.docker.io/library/eclipse-temurin:21 but failed because: registry returned error code 429; possible causes include invalid or wrong reference. Actual error output follows: {"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}`, RateLimited, "", "docker.io"},
		{`Build image failed: Unauthorized for registry-1.docker.io/library/eclipse-temurin: 401 Unauthorized`, DeniedAmbiguous, "", "docker.io"},
		// containers/image without codes.
		{`Error parsing image name "docker://acme/x": reading manifest latest in docker.io/acme/x: requested access to the resource is denied`, DeniedAmbiguous, NoScope, "docker.io"},
		{`Error: writing blob: initiating layer upload to /v2/acme/x/blobs/uploads/ in registry.example.com: authentication required`, DeniedAmbiguous, "", "registry.example.com"},
		{`Error: trying to reuse blob sha256:aa at destination: checking whether a blob sha256:aa exists in docker.io/acme/x: requested access to the resource is denied`, DeniedAmbiguous, NoScope, "docker.io"},
		{`Error response from daemon: login attempt to https://registry.example.com/v2/ failed with status: 401 Unauthorized`, CredentialsRejected, LoginRequest, "registry.example.com"},
		{`reading manifest of the plugin: authentication required`, NotARegistryError, "", ""},
		{`You are unauthorized for this action.`, NotARegistryError, "", ""},
		// Compose 1.
		{`ERROR: Service 'web' failed to build: unauthorized: authentication required`, DeniedAmbiguous, "", ""},
		{`ERROR: Service 'web' failed to build : Build failed`, NotARegistryError, "", ""},
		// Connections.
		{`failed to copy: local error: tls: bad record MAC`, NetworkFailure, DamagedConnection, ""},
		{`Get "https://quay.io/v2/": remote error: tls: handshake failure`, TLSFailure, "", "quay.io"},
		{`failed to fetch anonymous token: Get "https://auth.ipv6.docker.com/token?service=registry.docker.io": dial tcp [2600:1f18::1]:443: connect: cannot assign requested address`, NetworkFailure, IPv6, "docker.io"},
		{`failed to do request: Head "https://ghcr.io/v2/a/b/manifests/1": dial tcp [2600:1f18::1]:443: connect: network is unreachable`, NetworkFailure, IPv6, "ghcr.io"},
		{`failed to do request: Head "https://ghcr.io/v2/a/b/manifests/1": dial tcp [2600:1f18::1]:443: connect: connection refused`, NetworkFailure, "", "ghcr.io"},
		{`failed to do request: Head "https://ghcr.io/v2/a/b/manifests/1": dial tcp: lookup ghcr.io on [::1]:53: read udp [::1]:4->[::1]:53: read: connection refused`, NetworkFailure, NoName, "ghcr.io"},
		{`failed to do request: Head "https://registry-1.docker.io/v2/a/b/manifests/1": Proxy Authentication Required`, NetworkFailure, ProxyLogin, "docker.io"},
		{`failed to do request: Head "https://ghcr.io/v2/a/b/manifests/1": proxyconnect tcp: dial tcp 10.0.0.1:3128: connect: connection refused`, NetworkFailure, "", "ghcr.io"},
		{`failed to authorize: failed to fetch anonymous token: Get "https://reg.example.com/token?service=reg.example.com": tls: failed to verify certificate: x509: certificate has expired or is not yet valid`, TLSFailure, ExpiredCertificate, "reg.example.com"},
		{`failed to copy: httpReadSeeker: failed open: failed to do request: Get "https://10.0.0.5:5000/v2/a/blobs/sha256:aa": http: server gave HTTP response to HTTPS client`, TLSFailure, PlainHTTP, "10.0.0.5:5000"},
		// Denied after access.
		{`failed to copy: httpReadSeeker: failed open: unexpected status from GET request to https://registry-1.docker.io/v2/a/b/blobs/sha256:aa: 403 Forbidden`, DeniedAmbiguous, AfterAccess, "docker.io"},
		{`unexpected status from HEAD request to https://ghcr.io/v2/a/b/manifests/1: 403 Forbidden`, DeniedAmbiguous, "", "ghcr.io"},
		{`pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`, DeniedAmbiguous, NoScope, ""},
		// gcr says so whoever asks.
		{`Error response from daemon: unauthorized: You don't have the needed permissions to perform this operation, and you may have invalid credentials.`, DeniedAmbiguous, LacksRole, ""},
		{`Error response from daemon: unauthorized: invalid credentials`, CredentialsRejected, "", ""},
		// Damaged, old and new content.
		{`failed commit on ref "layer-sha256:aa": commit failed: unexpected commit digest sha256:bb, expected sha256:aa: failed precondition`, RegistryOutage, DamagedContent, ""},
		{`Error response from daemon: application/vnd.docker.distribution.manifest.v1+prettyjws not supported`, NotARegistryError, OldManifest, ""},
		{`unsupported docker v2s2 media type: "application/vnd.docker.image.rootfs.diff.tar.zstd"`, NotARegistryError, ZstdLayers, ""},
		// Windows.
		{`no matching manifest for windows/amd64 10.0.19045 in the manifest list entries`, NoMatchingPlatform, LinuxImage, ""},
		{`Error response from daemon: image operating system "windows" cannot be used on this platform`, NoMatchingPlatform, WindowsImage, ""},
		{`no matching manifest for linux/arm64/v8 in the manifest list entries`, NoMatchingPlatform, "", ""},
		// Helpers.
		{"Error saving credentials: error storing credentials - err: exit status 1, out: `error storing credentials - err: exit status 1, out: `User interaction is not allowed.``", CredentialHelper, Keychain, ""},
		{"error getting credentials - err: exec: \"docker-credential-desktop.exe\": executable file not found in $PATH, out: ``", CredentialHelper, HelperMissing, ""},
		// Names without a slash.
		{`ERROR: failed to solve: builder: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`, DeniedAmbiguous, NoScope, ""},
		{`ERROR: failed to solve: exit code: failed to fetch something else`, NotARegistryError, "", ""},
		// Layers, helpers and old phrases.
		{`filesystem layer verification failed for digest sha256:aa`, RegistryOutage, DamagedContent, ""},
		{`dockerpycreds.errors.StoreError: Credentials store docker-credential-osxkeychain exited with "The user name or passphrase you entered is not correct.".`, CredentialHelper, Keychain, ""},
		{`ERROR: manifest for docker.io/acme/app:2.7 not found`, NotFound, "", "docker.io"},
		{`ERROR: failed to solve: builder: failed to resolve source metadata for docker.io/library/builder:latest: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`, DeniedAmbiguous, NoScope, "docker.io"},
	} {
		d := Diagnose("", tc.text)
		assert.Equal(t, tc.class, d.Class, tc.text)
		assert.Equal(t, tc.detail, d.Detail, tc.text)
		assert.Equal(t, tc.host, d.Host, tc.text)
		assert.NotContains(t, d.Message, "failed to resolve", tc.text)
		assert.NotContains(t, d.Message, "pull access denied,", tc.text)
		assert.NotContains(t, d.Message, "map[", tc.text)
	}
}
