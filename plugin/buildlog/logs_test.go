package buildlog

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/internal/attack"
)

// found is what a log must give: class, image and the advice to retry.
type found struct {
	class diagnosis.Class
	ref   string
	retry bool
}

const (
	rejected  = diagnosis.CredentialsRejected
	ambiguous = diagnosis.DeniedAmbiguous
)

const refusedPlain = `#0 building with "default" instance using docker driver

#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 93B done
#1 DONE 0.0s

#2 [internal] load metadata for docker.io/library/alpine:3
#2 CANCELED

#3 [internal] load metadata for ghcr.io/acme/base:1.4
#3 ERROR: failed to authorize: failed to fetch oauth token: denied: denied
------
 > [internal] load metadata for ghcr.io/acme/base:1.4:
------
Dockerfile:3
--------------------
   1 |     FROM alpine:3
   2 |
   3 | >>> COPY --from=ghcr.io/acme/base:1.4 /x /x
--------------------
ERROR: failed to build: failed to solve: failed to fetch oauth token: denied: denied
`

// logs are written after logs of the programs and CI systems that they name.
var logs = []struct {
	name string
	log  string
	want []found
}{
	{"buildx", refusedPlain, []found{{rejected, "ghcr.io/acme/base:1.4", true}}},
	{"build-push-action", `2026-03-01T10:00:00.0000000Z ##[group]Run docker/build-push-action@v6
2026-03-01T10:00:00.1000000Z with:
2026-03-01T10:00:00.1000000Z   context: .
2026-03-01T10:00:00.1000000Z ##[endgroup]
` + stamped("2026-03-01T10:00:01.1234567Z ", refusedPlain) + `2026-03-01T10:00:02.0000000Z ##[error]buildx failed with: ERROR: failed to build: failed to solve: failed to fetch oauth token: denied: denied
2026-03-01T10:00:02.1000000Z Post job cleanup.
`, []found{{rejected, "ghcr.io/acme/base:1.4", true}}},
	{"0.12 with names in the error", `#3 [internal] load metadata for ghcr.io/acme/base:1.4
#3 ERROR: failed to authorize: failed to fetch oauth token: unexpected status from GET request to https://ghcr.io/token?scope=repository%3Aacme%2Fbase%3Apull&service=ghcr.io: 403 Forbidden
------
 > [internal] load metadata for ghcr.io/acme/base:1.4:
------
ERROR: failed to solve: ghcr.io/acme/base:1.4: failed to resolve source metadata for ghcr.io/acme/base:1.4: failed to authorize: failed to fetch oauth token: unexpected status from GET request to https://ghcr.io/token?scope=repository%3Aacme%2Fbase%3Apull&service=ghcr.io: 403 Forbidden
`, []found{{rejected, "ghcr.io/acme/base:1.4", true}}},
	{"old, by the end alone", `------
 > [internal] load metadata for ghcr.io/acme/base:1.4:
------
failed to solve with frontend dockerfile.v0: failed to create LLB definition: failed to authorize: rpc error: code = Unknown desc = failed to fetch oauth token: unexpected status: 403 Forbidden
`, []found{{rejected, "ghcr.io/acme/base:1.4", true}}},
	{"the registry's words below the status", `#3 [internal] load metadata for public.ecr.aws/acme/base:1
#3 ERROR: unexpected status from HEAD request to https://public.ecr.aws/v2/acme/base/manifests/1: 403 Forbidden
denied: Your authorization token has expired. Reauthenticate and try again.
------
 > [internal] load metadata for public.ecr.aws/acme/base:1:
------
ERROR: failed to build: failed to solve: public.ecr.aws/acme/base:1: failed to resolve source metadata for public.ecr.aws/acme/base:1: unexpected status from HEAD request to https://public.ecr.aws/v2/acme/base/manifests/1: 403 Forbidden
denied: Your authorization token has expired. Reauthenticate and try again.
`, []found{{rejected, "public.ecr.aws/acme/base:1", true}}},
	{"the syntax image", `#2 resolve image config for docker-image://docker.io/docker/dockerfile:1
#2 ERROR: failed to authorize: failed to fetch oauth token: unexpected status from GET request to https://auth.docker.io/token?scope=repository%3Adocker%2Fdockerfile%3Apull&service=registry.docker.io: 401 Unauthorized
------
 > resolve image config for docker-image://docker.io/docker/dockerfile:1:
------
Dockerfile:1
--------------------
   1 | >>> # syntax=docker/dockerfile:1
   2 |     FROM alpine
--------------------
ERROR: failed to build: failed to solve: failed to fetch oauth token: 401 Unauthorized: incorrect username or password
`, []found{{rejected, "docker.io/docker/dockerfile:1", true}}},
	{"two images of a bake", `#5 [api internal] load metadata for ghcr.io/acme/tools:2
#5 ERROR: failed to authorize: failed to fetch oauth token: denied: denied

#7 [web internal] load metadata for quay.io/acme/base:1
#7 ERROR: unexpected status from HEAD request to https://quay.io/v2/acme/base/manifests/1: 401 UNAUTHORIZED
------
 > [api internal] load metadata for ghcr.io/acme/tools:2:
------
------
 > [web internal] load metadata for quay.io/acme/base:1:
------
Dockerfile:1
--------------------
   1 | >>> FROM ghcr.io/acme/tools:2
--------------------
ERROR: target api: failed to solve: failed to fetch oauth token: denied: denied
`, []found{{rejected, "ghcr.io/acme/tools:2", true}, {ambiguous, "quay.io/acme/base:1", true}}},
	{"two builds, the numbers begin anew", refusedPlain + strings.NewReplacer("acme/base:1.4", "acme/other:2", "#3 [internal]", "#7 [internal]", "#3 ERROR", "#7 ERROR").Replace(refusedPlain), []found{
		{rejected, "ghcr.io/acme/base:1.4", true}, {rejected, "ghcr.io/acme/other:2", true},
	}},
	{"a step, its output and its end", `#8 [2/3] RUN npm ci && docker pull ghcr.io/acme/x
#8 1.358 npm ERR! code E401
#8 1.359 npm ERR! 401 Unauthorized - GET https://npm.pkg.github.com/x
#8 1.400 Error response from daemon: Head "https://ghcr.io/v2/acme/x/manifests/latest": denied: denied
#8 1.401 ERROR: failed to solve: failed to fetch oauth token: denied: denied
#8 ERROR: process "/bin/sh -c npm ci && docker pull ghcr.io/acme/x" did not complete successfully: exit code: 1
------
 > [2/3] RUN npm ci && docker pull ghcr.io/acme/x:
1.358 npm ERR! code E401
1.400 Error response from daemon: Head "https://ghcr.io/v2/acme/x/manifests/latest": denied: denied
1.401 ERROR: failed to solve: failed to fetch oauth token: denied: denied
------
Dockerfile:2
--------------------
   1 |     FROM ghcr.io/acme/base
   2 | >>> RUN npm ci && docker pull ghcr.io/acme/x
--------------------
ERROR: failed to build: failed to solve: process "/bin/sh -c npm ci && docker pull ghcr.io/acme/x" did not complete successfully: exit code: 1
`, nil},
	{"git, http and a missing file", `#4 [internal] load git source https://github.com/acme/app.git
#4 0.312 fatal: Authentication failed for 'https://github.com/acme/app.git/'
#4 ERROR: failed to fetch remote https://github.com/acme/app.git: git stderr:
fatal: Authentication failed for 'https://github.com/acme/app.git/': exit status 128
#5 https://example.com/x.tgz
#5 ERROR: invalid response status 403
#6 [2/2] COPY dist /dist
#6 ERROR: failed to calculate checksum of ref abc::def: "/dist": not found
ERROR: failed to build: failed to solve: failed to compute cache key: failed to calculate checksum of ref abc::def: "/dist": not found
`, nil},
	{"a cache that is not there yet", `#7 importing cache manifest from ghcr.io/acme/app:cache
#7 ERROR: failed to configure registry cache importer: ghcr.io/acme/app:cache: not found
#9 [2/2] RUN make
#9 ERROR: process "/bin/sh -c make" did not complete successfully: exit code: 2
ERROR: failed to build: failed to solve: process "/bin/sh -c make" did not complete successfully: exit code: 2
`, nil},
	{"a push", `#9 exporting to image
#9 pushing layers 0.5s done
#9 ERROR: failed to push ghcr.io/acme/app:1: denied: permission_denied: write_package
------
 > exporting to image:
------
ERROR: failed to build: failed to solve: failed to push ghcr.io/acme/app:1: denied: permission_denied: write_package
`, []found{{ambiguous, "ghcr.io/acme/app:1", false}}},
	{"classic builder", `Sending build context to Docker daemon  2.048kB
Step 1/3 : FROM nvcr.io/acme/app:20.07-py3
unauthorized: authentication required
`, []found{{ambiguous, "nvcr.io/acme/app:20.07-py3", false}}},
	{"classic builder, a RUN step", `Step 1/3 : FROM alpine
 ---> 0a97eee8041e
Step 2/3 : RUN docker pull ghcr.io/acme/x && pip install x
 ---> Running in 1234567890ab
Successfully built x-1.0
Error response from daemon: Head "https://ghcr.io/v2/acme/x/manifests/latest": denied
The command '/bin/sh -c docker pull ghcr.io/acme/x && pip install x' returned a non-zero code: 1
`, nil},
	{"docker pull", `Using default tag: latest
Error response from daemon: Head "https://ghcr.io/v2/acme/app/manifests/latest": denied
`, []found{{ambiguous, "ghcr.io/acme/app:latest", false}}},
	{"docker pull, containerd image store", `Using default tag: latest
Error response from daemon: failed to resolve reference "ghcr.io/acme/app:latest": failed to authorize: failed to fetch oauth token: unexpected status from GET request to https://ghcr.io/token?scope=repository%3Aacme%2Fapp%3Apull&service=ghcr.io: 403 Forbidden
`, []found{{rejected, "ghcr.io/acme/app:latest", true}}},
	{"docker run", `Unable to find image 'acme/app:1' locally
docker: Error response from daemon: pull access denied for acme/app, repository does not exist or may require 'docker login': denied: requested access to the resource is denied

Run 'docker run --help' for more information
`, []found{{ambiguous, "acme/app:1", false}}},
	{"compose", `[+] Pulling 2/2
 ✘ db Error   Head "https://registry-1.docker.io/v2/acme/db/manifests/1": unauthorized: incorrect username or password   0.8s
 ✘ app Error  context canceled                                                                                            0.8s
Error response from daemon: Head "https://registry-1.docker.io/v2/acme/db/manifests/1": unauthorized: incorrect username or password
`, []found{{rejected, "docker.io/acme/db:1", true}}},
	{"gitlab", "\x1b[0KRunning with gitlab-runner 17.0.0\nsection_start:1700000000:step_script\r\x1b[0K\x1b[0K\x1b[36;1mExecuting \"step_script\"\x1b[0;m\n" +
		stamped("2026-03-01T10:00:01.123456Z 01O ", refusedPlain) + "\x1b[31;1mERROR: Job failed: exit code 1\x1b[0;m\n", []found{{rejected, "ghcr.io/acme/base:1.4", true}}},
	{"jenkins", stamped("[2026-03-01T10:00:01.123Z] ", "+ docker build .\n"+refusedPlain) + "script returned exit code 1\nFinished: FAILURE\n", []found{{rejected, "ghcr.io/acme/base:1.4", true}}},
	{"azure", stamped("2026-03-01T10:00:01.1234567Z ", refusedPlain) + "2026-03-01T10:00:01.1234567Z ##[error]The process '/usr/bin/docker' failed with exit code 1\n", []found{{rejected, "ghcr.io/acme/base:1.4", true}}},
	{"coolify", stamped("[2026-Mar-01 10:00:01.123456] ", "Building docker image started.\n"+refusedPlain) + "[2026-Mar-01 10:00:02.123456] Deployment failed: Command execution failed (exit code 1)\n", []found{{rejected, "ghcr.io/acme/base:1.4", true}}},
	{"kubelet", `  Warning  Failed     2s    kubelet  Failed to pull image "ghcr.io/acme/app:1": rpc error: code = Unknown desc = failed to pull and unpack image "ghcr.io/acme/app:1": failed to resolve reference "ghcr.io/acme/app:1": failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token?scope=repository%3Aacme%2Fapp%3Apull&service=ghcr.io: 401 Unauthorized
  Warning  Failed     2s    kubelet  Error: ErrImagePull
`, []found{{diagnosis.AuthRequired, "ghcr.io/acme/app:1", false}}},
	{"docker's json-file", `{"log":"#3 [internal] load metadata for ghcr.io/acme/base:1.4\n","stream":"stderr","time":"2026-03-01T10:00:01Z"}
{"log":"#3 ERROR: failed to authorize: failed to fetch oauth token: denied: denied\n","stream":"stderr","time":"2026-03-01T10:00:01Z"}
`, []found{{rejected, "ghcr.io/acme/base:1.4", true}}},
	{"helper", `#2 [internal] load metadata for docker.io/library/alpine:3
#2 ERROR: error getting credentials - err: exec: "docker-credential-desktop": executable file not found in $PATH, out: ` + "``" + `
------
 > [internal] load metadata for docker.io/library/alpine:3:
------
ERROR: failed to build: failed to solve: error getting credentials - err: exec: "docker-credential-desktop": executable file not found in $PATH, out: ` + "``" + `
`, []found{{diagnosis.CredentialHelper, "docker.io/library/alpine:3", true}}},
	{"cut by a terminal", `#3 [internal] load metadata for ghcr.io/acme/base:1.4
#3 ERROR: failed to authorize: failed to fetch oauth token: unexpected status fr
om GET request to https://ghcr.io/token?scope=repository%3Aacme%2Fbase%3Apull&se
rvice=ghcr.io: 403 Forbidden
`, []found{{rejected, "ghcr.io/acme/base:1.4", true}}},
	{"only canceled", "#2 [internal] load metadata for docker.io/library/alpine:3\n#2 CANCELED\nERROR: failed to build: failed to solve: Canceled: context canceled\n", []found{{diagnosis.Canceled, "", false}}},
	{"canceled by another step", `#2 [internal] load metadata for docker.io/library/alpine:3
#2 ERROR: context canceled
#3 [2/2] RUN false
ERROR: failed to build: failed to solve: process "/bin/sh -c false" did not complete successfully: exit code: 1
`, []found{{diagnosis.Canceled, "docker.io/library/alpine:3", false}}},
	{"successful", "#1 [internal] load build definition from Dockerfile\n#1 DONE 0.0s\n#9 exporting to image\n#9 DONE 0.1s\n", nil},
	{"prose", "My build fails with 403 denied.\nunauthorized: nothing to do with it\nHelp!\n", nil},
}

func TestLogs(t *testing.T) {
	for _, tc := range logs {
		t.Run(tc.name, func(t *testing.T) {
			res := explain(t, tc.log, "")
			var got []found
			for _, f := range res.Failures {
				got = append(got, found{f.Class, f.Ref, f.AnonymousRetryCanHelp})
				assert.NotEmpty(t, f.Explanation)
				assert.Positive(t, f.Line)
				assert.NotContains(t, f.Explanation, "failed to fetch")
			}
			require.Equal(t, tc.want, got)
		})
	}
}

// TestLogsAsWindowsWritesThem: UTF-16 with a byte order mark, and CRLF.
func TestLogsAsWindowsWritesThem(t *testing.T) {
	for _, tc := range logs {
		for name, log := range map[string]string{
			"little": attack.UTF16(strings.ReplaceAll(tc.log, "\n", "\r\n"), false),
			"big":    attack.UTF16(tc.log, true),
		} {
			res := explain(t, log, "")
			require.Len(t, res.Failures, len(tc.want), "%s %s", name, tc.name)
			for i, w := range tc.want {
				assert.Equal(t, w.class, res.Failures[i].Class)
				assert.Equal(t, w.ref, res.Failures[i].Ref)
			}
		}
	}
}

func TestPlaces(t *testing.T) {
	f := explain(t, refusedPlain, "").Failures[0]
	assert.Equal(t, []Place{{"Dockerfile", 3, "COPY --from=ghcr.io/acme/base:1.4 /x /x"}}, f.Places)
	assert.Equal(t, 11, f.Line)
}

// TestElapsed: the time that compose prints is none of the registry's words.
func TestElapsed(t *testing.T) {
	log := " ✘ db Error   Head \"https://registry-1.docker.io/v2/acme/db/manifests/1\": unauthorized: incorrect username or password   0.8s\n#1 [internal] x\n"
	assert.Equal(t, "unauthorized: incorrect username or password", explain(t, log, "").Failures[0].Message)
	assert.Equal(t, "a  b", trimElapsed("a  b"))
}

// TestUserRef: the log's own name wins; without one the user's is taken.
func TestUserRef(t *testing.T) {
	assert.Equal(t, "ghcr.io/acme/base:1.4", explain(t, refusedPlain, "quay.io/x/y").Failures[0].Ref)
	f := explain(t, "ERROR: failed to build: failed to solve: failed to fetch oauth token: denied: denied", "ghcr.io/acme/app:1").Failures[0]
	assert.Equal(t, "ghcr.io", f.Host)
	assert.True(t, f.AnonymousRetryCanHelp)
	assert.Equal(t, "docker pull ghcr.io/acme/app:1", f.Remedies[1].Command)
	f = explain(t, "ERROR: failed to build: failed to solve: failed to fetch oauth token: denied: denied", "").Failures[0]
	assert.Empty(t, f.Host)
	assert.False(t, f.AnonymousRetryCanHelp, "it can have been a push")
}

// TestBuildAfterAPull: what was pulled before a build is not what the build failed with.
func TestBuildAfterAPull(t *testing.T) {
	const pull = "$ docker pull quay.io/acme/one:1\n1: Pulling from acme/one\n"
	const failed = "ERROR: failed to build: failed to solve: failed to fetch oauth token: denied: denied\n"
	for _, begin := range []string{"#1 [internal] load build definition from Dockerfile\n#1 DONE 0.0s\n", "[+] Building 0.6s (3/3) FINISHED\n => [internal] load build definition from Dockerfile   0.0s\n"} {
		res := explain(t, pull+begin+failed, "")
		require.Len(t, res.Failures, 1)
		assert.Empty(t, res.Failures[0].Ref, begin)
	}
	assert.Equal(t, "quay.io/acme/one:1", explain(t, pull+"denied: denied\n", "").Failures[0].Ref)
}
