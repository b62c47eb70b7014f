package report

import (
	"strings"

	"github.com/distribution/reference"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/registry"
)

// What a detail of a cause calls for, in the order in which to try it. The order is that
// of what has helped people who reported such an error.

const (
	notePullAgain   = "build again: access had been granted before, so this is probably an expired token or a transient fault; if it persists, check the machine's clock"
	noteRole        = "the registry names the missing permission: grant it to the account that builds, or correct the project and repository"
	noteLoginLimit  = "wait until the registry accepts logins again; then log in with the right credentials, or log out"
	noteIPv6        = "this IPv6 address has no route: enable IPv6 on the machine and in daemon.json, or disable it for the builder"
	noteProxyLogin  = "the proxy requires authentication: put USER:PASSWORD@ before the host in the builder's HTTPS_PROXY (percent-encode special characters: @ is %40)"
	notePullFirst   = "Docker Engine may have proxy credentials that the builder lacks"
	noteDamagedLine = "build again; data was corrupted in transit: try another network, without VPN, and check MTU and memory"
	noteNoName      = "check DNS where docker and the builder run; behind a proxy, configure it for Docker Engine and the builder (daemon.json, HTTPS_PROXY)"
	noteExpired     = "the certificate has expired: renew it, or correct the clock of the builder"
	noteDamaged     = "removes damaged layers; then build again"
	noteDamagedTag  = "if this persists, the layer is probably damaged in the registry: use another tag, and tell the publisher"
	noteWindows     = "this is a Windows image: switch Docker to Windows containers, on a Windows machine"
	noteLinux       = "this is a Linux image: switch Docker to Linux containers"
	noteKeychain    = "needed in CI and over ssh, where no dialog can ask for the keychain's password"
	noteHelperPath  = "or make the helper available: install it, or add its folder to PATH (WSL: turn on the integration in Docker Desktop); PATH must not contain \".\""
	noteMayPush     = "with an account that may push to this repository"
	noteCacheTo     = "a failed cache export need not fail the build: --cache-to ...,ignore-error=true"
	noteHubAnswers  = "Docker Hub does not normally deny access this way; a mirror or proxy may have answered: check registry-mirrors in daemon.json, buildkitd.toml of a container builder, and the proxy"
	noteHubFault    = "Docker Hub may be at fault: build again later, and see https://www.dockerstatus.com"
	noteSetup       = "in CI, log in before docker/setup-qemu-action and docker/setup-buildx-action"
	noteJobs        = "jobs on one machine share its stored credentials, and docker logout in one removes them for all: give each job its own DOCKER_CONFIG"
	noteRemoved     = "check name and tag: the image may be private, renamed or removed"
	noteHubMirror   = "where Docker Hub is blocked, use a registry mirror"
)

// detailed are the remedies of a detail; nil where it has none of its own.
func detailed(d diagnosis.Diagnosis) []Remedy {
	switch {
	case d.Mirror != "", d.Redirect != "": // what another host answers is nothing to do about at the registry
		return nil
	case d.Push:
		if list := remediesPush(d); list != nil {
			return list
		}
	}
	//exhaustive:ignore
	switch d.Detail {
	case diagnosis.AfterAccess:
		return steps(d.Host, notePullAgain, doLogin)
	case diagnosis.LacksRole:
		return steps(d.Host, noteRole, doLogin)
	case diagnosis.LoginRequest:
		return steps(d.Host, doLogin)
	case diagnosis.LoginLimit:
		return steps(d.Host, noteLoginLimit)
	case diagnosis.HelperMissing:
		return steps(d.Host, noteRemoveHelper(d.Host), noteHelperPath)
	case diagnosis.Keychain:
		return append([]Remedy{{Command: unlockKeychain, Note: noteKeychain}}, steps(d.Host, noteHelper(d.Host))...)
	case diagnosis.IPv6:
		return steps(d.Host, noteIPv6)
	case diagnosis.ProxyLogin:
		return steps(d.Host, noteProxyLogin)
	case diagnosis.DamagedConnection:
		return steps(d.Host, noteDamagedLine)
	case diagnosis.NoName:
		return steps(d.Host, noteNoName)
	case diagnosis.PlainHTTP:
		return steps(d.Host, notePlainHTTP(d.Host))
	case diagnosis.ExpiredCertificate:
		return steps(d.Host, noteExpired)
	case diagnosis.DamagedContent:
		return append([]Remedy{{Command: pruneBuilder, Note: noteDamaged}}, steps(d.Host, noteDamagedTag)...)
	case diagnosis.WindowsImage:
		if d.Class == diagnosis.NotFound {
			return steps(d.Host, noteRemoved, noteWindows)
		}
		return steps(d.Host, noteWindows)
	case diagnosis.LinuxImage:
		return steps(d.Host, noteLinux)
	}
	return nil
}

// The commands that are about no registry.
const (
	pruneBuilder   = "docker builder prune"
	unlockKeychain = "security unlock-keychain"
)

// remediesPush: who may push is set at the registry, mostly. No logout makes a push pass.
func remediesPush(d diagnosis.Diagnosis) []Remedy {
	//exhaustive:ignore
	switch d.Class {
	case diagnosis.CredentialsRejected, diagnosis.AuthRequired, diagnosis.DeniedAmbiguous, diagnosis.NotFound:
	default:
		return nil
	}
	may := login(d.Host)
	may.Note = noteMayPush
	var list []Remedy
	r := registry.Of(d.Host)
	if d.Host == "" && strings.Contains(d.Message, "write_package") { // GitHub's own word for it
		r = registry.Of("ghcr.io")
	}
	if note := r.PushNote; note != "" {
		list = append(list, Remedy{Note: note})
	}
	if d.Class == diagnosis.AuthRequired {
		return append([]Remedy{may}, list...)
	}
	return append(list, may)
}

func noteRemoveHelper(host string) string {
	key := "the host"
	if host != "" {
		key = `"` + host + `"`
	}
	return `remove "credsStore", or ` + key + ` under "credHelpers", from ~/.docker/config.json of the user that builds (root under sudo)`
}

func notePlainHTTP(host string) string {
	if host == "" {
		host = "HOST"
	}
	return `if it serves plain HTTP: [registry."` + host + `"] http = true in buildkitd.toml of a container builder, "insecure-registries": ["` + host + `"] in daemon.json`
}

// noteStatus is where to see that an outage is known, where there is such a page.
func noteStatus(host string) string {
	if page := registry.Of(host).Status; page != "" {
		return noteWait + "; see " + page
	}
	return noteWait
}

// ExplainSingle says what one answer means of which nothing more is known, for
// example because it comes from a log: no word on whether the image is public, but
// how to find out.
func ExplainSingle(d diagnosis.Diagnosis, ref string) Conclusion {
	image, _ := reference.ParseNormalizedNamed(ref) // nil where the reference is none
	name, local := localName(d, image), localhost(d, image)
	if d.Push || name != "" || d.Detail == diagnosis.LacksRole || d.Detail == diagnosis.LoginRequest || d.Detail == diagnosis.NoScope && registry.Of(d.Host).TokensForAll && !official(image) {
		d.AnonymousRetryCanHelp = false
	}
	c := single(d)
	switch open := leftOpen[d.Class]; {
	case d.Push && d.Class != diagnosis.NetworkFailure:
		c.Headline = pushHeadline(d, c.Headline)
	case local != "":
		c.Headline = "no registry answers at localhost" + Quote(d.Message) + ": " + diagnosis.Clean(ref, maxName) + " is how Podman names a local image"
		c.Remedies = remediesLocal(local)
	case name != "":
		c.Headline, c.Remedies = where(d)+" has no official image "+name+", judging by its response"+Quote(d.Message), remediesLocal(name)
	case d.Detail == diagnosis.AfterAccess:
		c.Headline = where(d) + " denied access to a layer, after it had granted access to the image" + Quote(d.Message)
	case d.Detail == diagnosis.DamagedContent:
		c.Headline = "content from " + where(d) + " is damaged" + Quote(d.Message)
	case d.Detail == diagnosis.LoginRequest:
		c.Headline = where(d) + " rejected the login" + Quote(d.Message)
	case open != "" && d.AnonymousRetryCanHelp:
		c.Open, c.Headline, c.Remedies = open, opening(d), findOut(d, ref)
	}
	c.Remedies = inContext(c.Remedies, d, image, ref, name != "")
	return c
}

// inContext adds what is known of the image, and of the answers of its registry.
func inContext(list []Remedy, d diagnosis.Diagnosis, image reference.Named, ref string, local bool) []Remedy {
	before := func(note string) []Remedy { return append([]Remedy{{Note: note}}, list...) }
	hub := registry.Same(d.Host, registry.DockerHub)
	//exhaustive:ignore
	switch d.Class {
	case diagnosis.DeniedAmbiguous:
		switch {
		case d.Push || d.Barred || !hub:
		case d.HTTPStatus == 403 && d.Detail == "":
			return before(noteHubAnswers)
		case d.HTTPStatus == 401 && d.Detail == "":
			return before(noteHubFault)
		case d.Detail == diagnosis.NoScope && !d.AnonymousRetryCanHelp && !local:
			return append([]Remedy{{Note: noteRemoved}}, login(d.Host))
		}
	case diagnosis.AuthRequired:
		if r := registry.Of(d.Host); !d.Push && !r.NoLogin && !r.TokensForAll {
			return append(list, Remedy{Note: noteJobs})
		}
	case diagnosis.RateLimited:
		if setupImage(image) && d.Detail == "" {
			return append(list, Remedy{Note: noteSetup})
		}
	case diagnosis.NetworkFailure:
		if name := diagnosis.Clean(ref, maxName); d.Detail == diagnosis.ProxyLogin && name != "" {
			return append([]Remedy{{Command: "docker pull " + name, Note: notePullFirst}}, list...)
		}
		if hub && d.Mirror == "" && d.Detail != diagnosis.IPv6 && d.Detail != diagnosis.ProxyLogin && d.Detail != diagnosis.DamagedConnection {
			return append(list, Remedy{Note: noteHubMirror})
		}
	}
	return list
}

// pushHeadline: of a denied push it is not told that the image is missing.
func pushHeadline(d diagnosis.Diagnosis, headline string) string {
	//exhaustive:ignore
	switch d.Class {
	case diagnosis.CredentialsRejected, diagnosis.DeniedAmbiguous, diagnosis.AuthRequired:
		return where(d) + " denied the push" + Quote(d.Message)
	case diagnosis.NotFound:
		return where(d) + " has no such repository to push to" + Quote(d.Message)
	}
	return headline
}

// localName is a name without a slash that Docker Hub denied and that is no official
// image: the name of a stage, or of an image that only another builder has.
func localName(d diagnosis.Diagnosis, image reference.Named) string {
	if image == nil || d.Push || reference.Domain(image) != registry.DockerHub {
		return ""
	}
	name, ok := strings.CutPrefix(reference.Path(image), "library/")
	if !ok || official(image) {
		return ""
	}
	//exhaustive:ignore
	switch d.Class {
	case diagnosis.DeniedAmbiguous:
		if d.Detail != diagnosis.NoScope && (d.HTTPStatus != 0 || d.Barred) {
			return ""
		}
	case diagnosis.NotFound:
	default:
		return ""
	}
	return diagnosis.Clean(name, maxName)
}

// localhost is the name of an image as Podman gives it to what it builds, where a builder
// has taken localhost for a registry; "" for others.
func localhost(d diagnosis.Diagnosis, image reference.Named) string {
	if image == nil || reference.Domain(image) != "localhost" || d.Class != diagnosis.NetworkFailure && d.Class != diagnosis.TLSFailure {
		return ""
	}
	return diagnosis.Clean(reference.Path(image), maxName)
}

func official(image reference.Named) bool {
	return image != nil && registry.IsOfficial(reference.Path(image))
}

func remediesLocal(name string) []Remedy {
	return []Remedy{
		{Note: "if " + name + " is your own image: build it first; a container builder does not see the images of the local Docker Engine: push it, pass --build-context " + name + "=docker-image://REF, or use the docker driver (docker buildx use default)"},
		{Note: "if it is a stage or a named context: spell it as declared"},
	}
}

// setupImage tells whether an image is one that setup steps of CI pull.
func setupImage(image reference.Named) bool {
	return image != nil && (reference.Path(image) == "moby/buildkit" || reference.Path(image) == "tonistiigi/binfmt")
}
