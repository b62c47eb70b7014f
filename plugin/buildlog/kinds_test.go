package buildlog

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend/diagnosis"
)

// kinds are what explain says of the logs in testdata/kinds.txt, which nobody has
// prepared for it: class, host, image, advice and the line that tells.
var kinds = map[string]struct {
	class     diagnosis.Class
	host, ref string
	retry     bool
	line      int
	first     string // the beginning of the first remedy
}{
	"act":                 {"denied-ambiguous", "docker.io", "acme/tag-action:1-36-0", false, 4, `check name and tag: the image may be private, renamed or rem`},
	"ansible-push":        {"denied-ambiguous", "docker.io", "docker.io/acme/simple-image", false, 1, `the repository must be one of`},
	"ansible":             {"rate-limited", "public.ecr.aws", "public.ecr.aws/acme/appium:2.0.2", false, 7, `aws ecr-public get-login-password --region us-east-1 | docke`},
	"aspnet":              {"denied-ambiguous", "docker.io", "docker.io/microsoft/aspnetcore:latest", false, 9, `check name and tag: the image may be private, renamed or rem`},
	"azure-proxy":         {"network", "docker.io", "docker.io/arm32v7/python:3.7-slim-buster", false, 10, `check DNS where docker and the builder run; behind a proxy, `},
	"bitbucket":           {"denied-ambiguous", "registry.gitlab.com", "registry.gitlab.com/acme/base/python:3.11", true, 5, `docker logout registry.gitlab.com`},
	"cache-ghcr":          {"denied-ambiguous", "ghcr.io", "ghcr.io/acme/app:cache", false, 10, `in Actions: permissions: packages: write, and in the setting`},
	"cacheexport-gha":     {"credentials-rejected", "docker.io", "docker.io/library/gha", false, 9, `the repository must be one of the account's or organization'`},
	"codebuild":           {"rate-limited", "public.ecr.aws", "public.ecr.aws/docker/library/node:18", false, 4, `aws ecr-public get-login-password --region us-east-1 | docke`},
	"compose-image":       {"denied-ambiguous", "ghcr.io", "ghcr.io/acme/media/media:latest", true, 3, `docker logout ghcr.io`},
	"compose-two":         {"denied-ambiguous", "quay.io", "quay.io/acme/base:9", true, 9, `docker logout quay.io`},
	"compose1-denied":     {"denied-ambiguous", "registry.gitlab.acme.example.ch", "registry.gitlab.acme.example.ch/full-stack/phoenix:master", true, 2, `docker logout registry.gitlab.acme.example.ch`},
	"coolify-run":         {"denied-ambiguous", "ghcr.io", "ghcr.io/acme/helper:1.0.8", true, 7, `docker logout ghcr.io`},
	"coolify-split":       {"credentials-rejected", "ghcr.io", "ghcr.io/acme/base:2", true, 4, `docker logout ghcr.io`},
	"coolify-x509":        {"tls", "docker.io", "docker.io/library/ubuntu:24.04", false, 1, `check the certificate and the builder's settings for this ho`},
	"crictl":              {"rate-limited", "docker.io", "docker.io/acme/x:1", false, 1, `docker login`},
	"dead-mirror-bk":      {"network", "docker.io", "docker.io/library/node:20-alpine", false, 5, `repair the mirror, or remove it`},
	"dead-mirror-dockerd": {"network", "docker.io", "nginx:latest", false, 2, `this IPv6 address has no route: enable IPv6 on the machine a`},
	"diskfull":            {"not-a-registry-error", "", "", false, 3, ``},
	"ecr-repo":            {"not-found", "123456789012.dkr.ecr.eu-west-1.amazonaws.com", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/acme/api", false, 3, `the repository must exist (aws ecr create-repository), and t`},
	"frappe":              {"denied-ambiguous", "ghcr.io", "ghcr.io/acme/frappe-nginx:v0.8.3", true, 3, `docker logout ghcr.io`},
	"gaia":                {"denied-ambiguous", "docker.io", "docker.io/library/python:3.11-slim", true, 9, `docker logout`},
	"ghcr-config":         {"credentials-rejected", "ghcr.io", "ghcr.io/acme-oss/osiris:latest", true, 5, `docker logout ghcr.io`},
	"ghcr-push-two-auth":  {"denied-ambiguous", "ghcr.io", "ghcr.io/acme/ci-image", false, 12, `in Actions: permissions: packages: write, and in the setting`},
	"gitlab-pull":         {"denied-ambiguous", "docker.io", "acme/deployer:7", false, 5, `check name and tag: the image may be private, renamed or rem`},
	"hardwrap-80":         {"auth-required", "nvcr.io", "nvcr.io/acme/tool:3", false, 1, `docker login nvcr.io`},
	"hardwrap-anon":       {"auth-required", "docker.io", "docker.io/acme/tool:3", false, 1, `logging in does not help: wait and build again`},
	"hello":               {"network", "docker.io", "hello-world:latest", false, 2, `check DNS, proxy, firewall and registry mirror where the bui`},
	"jenkins-push":        {"denied-ambiguous", "registry.hub.docker.com", "registry.hub.docker.com/acme/hello", false, 7, `the repository must be one of the account's or organization'`},
	"jib":                 {"rate-limited", "docker.io", "docker.io/library/eclipse-temurin", false, 2, `docker login`},
	"job-bracket":         {"not-a-registry-error", "", "", false, 9, `a command in a RUN step failed (such as npm, apt, git or cur`},
	"k8s":                 {"tls", "registry.example.com:5000", "registry.example.com:5000/acme/app:7", false, 6, `if it serves plain HTTP: [registry."registry.example.com:500`},
	"kaniko-builder":      {"denied-ambiguous", "docker.io", "docker.io/library/builder:latest", false, 6, `if builder is your own image: build it first; a container bu`},
	"kaniko-hub401":       {"credentials-rejected", "docker.io", "debian:bullseye-slim", true, 3, `docker logout`},
	"kaniko-push":         {"denied-ambiguous", "docker.io", "docker.io/acme/demo", false, 2, `the repository must be one of the account's or organization'`},
	"keychain":            {"credential-helper", "", "", true, 2, `security unlock-keychain`},
	"login-ghcr":          {"credentials-rejected", "ghcr.io", "", false, 3, `docker login ghcr.io`},
	"manifest-compose":    {"not-found", "docker.io", "docker.io/acme/ocs-image:2.7", false, 4, `check name and tag for a typo; a stage or named context must`},
	"maven-push":          {"denied-ambiguous", "registry.cn-shenzhen.aliyuncs.com", "registry.cn-shenzhen.aliyuncs.com/acme/service-td:latest", false, 1, `docker login registry.cn-shenzhen.aliyuncs.com`},
	"nerdctl":             {"auth-required", "harbor.example.org", "harbor.example.org/acme/api:2", false, 4, `docker login harbor.example.org`},
	"nobuildx":            {"not-a-registry-error", "", "", false, 2, `install or update the buildx plugin (docker-buildx-plugin, d`},
	"oracle-legacy":       {"network", "docker.io", "oraclelinux:7-slim", false, 3, `check DNS, proxy, firewall and registry mirror where the bui`},
	"perma":               {"denied-ambiguous", "", "", true, 7, `docker logout HOST`},
	"platform-win":        {"no-matching-platform", "mcr.microsoft.com", "mcr.microsoft.com/windows/nanoserver:ltsc2022", false, 3, `this is a Windows image: switch Docker to Windows conta`},
	"podman-localhost":    {"network", "localhost", "localhost/bootcentos:latest", false, 3, `if bootcentos is your own image: build it first; a container`},
	"podman-many":         {"denied-ambiguous", "docker.io", "acme-env:latest", false, 7, `if acme-env is your own image: build it first; a container b`},
	"podman-wrapped":      {"denied-ambiguous", "brew.acme.example.io", "brew.acme.example.io/tools/ose-cli-rhel9:v4.19.0-202508260738.p2", true, 1, `docker logout brew.acme.example.io`},
	"pull-middle":         {"denied-ambiguous", "docker.io", "acme/pwn:latest", false, 7, `build again`},
	"quay-cache":          {"denied-ambiguous", "", "", false, 4, `docker login HOST`},
	"railway":             {"credentials-rejected", "ghcr.io", "ghcr.io/acme/runtime:v3", true, 5, `docker logout ghcr.io`},
	"runtime-compose1":    {"not-a-registry-error", "", "", false, 7, `the image was pulled, but its container could not start: che`},
	"sequence":            {"credentials-rejected", "ghcr.io", "ghcr.io/acme/two", false, 8, `in Actions: permissions: packages: write, and in the setting`},
	"setup-buildx":        {"rate-limited", "docker.io", "moby/buildkit:buildx-stable-1", false, 11, `docker login`},
	"stderr":              {"denied-ambiguous", "docker.io", "nginx:1.13.12", false, 2, `docker login`},
	"testgo":              {"rate-limited", "docker.io", "", false, 1, `docker login`},
	"tracee":              {"rate-limited", "docker.io", "ubuntu:latest", false, 1, `docker login`},
	"vscode-push":         {"denied-ambiguous", "docker.io", "docker.io/internal/navimage", false, 7, `the repository must be one of the account's or organization'`},
	"wrapper-builder":     {"denied-ambiguous", "docker.io", "docker.io/library/builder:latest", false, 17, `if builder is your own image: build it first; a container bu`},
	"compose-helper":      {"credential-helper", "", "", true, 8, `remove "credsStore", or the host under "credHelpers", from ~`},
	"ctr-digest":          {"registry-outage", "registry.test.com", "registry.test.com/foo/bar:ce2aaf2d", false, 5, `docker builder prune`},
	"from-typo-in-log":    {"credentials-rejected", "private_registry.com", "private_registry.com/a/b:latest", true, 2, `docker logout private_registry.com`},
	"gitea-cdn":           {"network", "docker.io", "docker.io/library/alpine:latest", false, 8, `check DNS, proxy, firewall and registry mirror where the bui`},
	"jfrog-push404":       {"not-found", "", "", false, 3, `docker login HOST`},
	"layer-pull":          {"registry-outage", "docker.io", "ruby:2.4.1", false, 6, `docker builder prune`},
	"layer-verify":        {"registry-outage", "docker.io", "acmesamples/tidb:nanoserver-1809", false, 6, `docker builder prune`},
	"multi-three":         {"network", "docker.io", "docker.io/acme/mirrored-gateway", false, 12, `check DNS, proxy and VPN where docker runs: the client reque`},
	"old-authstatus":      {"denied-ambiguous", "", "", true, 3, `docker logout HOST`},
	"osx-traceback":       {"credential-helper", "", "", true, 14, `security unlock-keychain`},
	"packer":              {"denied-ambiguous", "registry1.acme.mil", "registry1.acme.mil/ironbank/ubi9:9.4", true, 1, `docker logout registry1.acme.mil`},
	"skaffold-log":        {"denied-ambiguous", "gcr.io", "gcr.io/project/my-image:2c46f1d", false, 1, `the registry names the missing permission: grant it to the a`},
	"skaffold-push":       {"denied-ambiguous", "docker.io", "hello-world:latest", false, 16, `the repository must be one of the account's or organization'`},
}

// archive is the texts of a file, by name.
func archive(t testing.TB, file string) map[string]string {
	t.Helper()
	dt, err := os.ReadFile(file)
	require.NoError(t, err)
	texts := map[string]string{}
	name := ""
	for line := range strings.Lines(string(dt)) {
		if head, ok := strings.CutPrefix(line, "-- "); ok && strings.HasSuffix(head, " --\n") {
			name = strings.TrimSuffix(head, " --\n")
		} else if name != "" {
			texts[name] += line
		}
	}
	return texts
}

func TestKinds(t *testing.T) {
	texts := archive(t, "testdata/kinds.txt")
	assert.Len(t, kinds, len(texts))
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			want, ok := kinds[name]
			require.True(t, ok)
			res := explain(t, text, "")
			f := res.Other
			if len(res.Failures) > 0 {
				f = res.Failures[0]
				assert.NotContains(t, f.Message, "\\n")
			}
			assert.Equal(t, want.class, f.Class)
			assert.Equal(t, want.host, f.Host)
			assert.Equal(t, want.ref, f.Ref)
			assert.Equal(t, want.retry, f.AnonymousRetryCanHelp)
			assert.Equal(t, want.line, f.Line)
			first := ""
			if len(f.Remedies) > 0 {
				first = f.Remedies[0].Command
				if first == "" {
					first = f.Remedies[0].Note
				}
			}
			assert.True(t, strings.HasPrefix(first, want.first), first)
		})
	}
}
