package diagnosis

import (
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/org/pullsafe/frontend/registry"
)

// Detail tells causes of one class apart that need different remedies.
type Detail string

// The details, by class.
const (
	// Of a denial.
	NoScope      Detail = "no-scope"      // a token was given, without access to the image
	AfterAccess  Detail = "after-access"  // the content was denied after the manifest had been given
	LacksRole    Detail = "lacks-role"    // the registry names the permission that is missing
	LoginRequest Detail = "login-request" // the answer to `docker login` itself

	LoginLimit Detail = "login-limit" // too many logins with wrong credentials

	// Of a credential helper.
	HelperMissing Detail = "helper-missing"
	Keychain      Detail = "keychain" // locked, or nobody there to unlock it

	// Of a network failure.
	IPv6              Detail = "ipv6" // an IPv6 address, and no route to it
	ProxyLogin        Detail = "proxy-login"
	DamagedConnection Detail = "damaged-connection"
	NoName            Detail = "no-name" // the name of the host could not be looked up

	// Of a TLS failure.
	PlainHTTP          Detail = "plain-http"
	ExpiredCertificate Detail = "expired-certificate"

	DamagedContent Detail = "damaged-content"

	// Of a platform, and of an image that was not found.
	WindowsImage Detail = "windows-image"
	LinuxImage   Detail = "linux-image" // for an engine that runs Windows containers

	// Of what no registry said.
	DaemonConnection Detail = "daemon-connection"
	ContainerStart   Detail = "container-start"
	OldManifest      Detail = "schema-1"
	ZstdLayers       Detail = "zstd"
	GitSource        Detail = "git"
	FailedStep       Detail = "step"
	MissingFile      Detail = "missing-file"
	NoBuildx         Detail = "no-buildx"
	DownloadFailed   Detail = "download"
	BuildKitFault    Detail = "buildkit"
)

// Known tells whether d is one of the details of a registry's failures.
func (d Detail) Known() bool {
	return slices.Contains([]Detail{
		NoScope, AfterAccess, LacksRole, LoginRequest, LoginLimit, HelperMissing, Keychain, IPv6, ProxyLogin, DamagedConnection, NoName,
		PlainHTTP, ExpiredCertificate, DamagedContent, WindowsImage, LinuxImage,
	}, d)
}

// detail is the detail of a text of a class, or "".
func (f *facts) detail(class Class) Detail {
	//exhaustive:ignore
	switch class {
	case DeniedAmbiguous, CredentialsRejected, AuthRequired:
		return f.denialDetail()
	case RateLimited:
		return when(containsAny(f.low, loginLimitWords), LoginLimit)
	case CredentialHelper:
		return f.helperDetail()
	case NetworkFailure:
		return f.networkDetail()
	case TLSFailure:
		return f.tlsDetail()
	case RegistryOutage:
		return when(containsAny(f.low, damagedWords), DamagedContent)
	case NoMatchingPlatform, NotFound:
		return f.platformDetail()
	case NotARegistryError:
		return f.otherDetail()
	}
	return ""
}

func when(ok bool, d Detail) Detail {
	if ok {
		return d
	}
	return ""
}

// roleWords name the permission that somebody lacks, whoever that was.
var roleWords = []string{`permission "artifactregistry`, "permission 'artifactregistry", "don't have the needed permissions", "does not have the needed permissions"}

func (f *facts) denialDetail() Detail {
	switch {
	case containsAny(f.said(), roleWords):
		return LacksRole
	case f.loginRequest():
		return LoginRequest
	case strings.Contains(f.low, "insufficient_scope"), strings.Contains(f.low, "pull access denied for "),
		strings.Contains(f.said(), "requested access to the resource is denied"):
		return NoScope
	case strings.Contains(f.url, "/blobs/") && !strings.Contains(f.url, "/blobs/uploads/"),
		f.token == "" && strings.Contains(f.low, "failed to copy: ") && !strings.Contains(f.url, "/manifests/"):
		return AfterAccess
	}
	return ""
}

// loginRequest: only `docker login` asks for /v2/ with credentials and nothing else.
func (f *facts) loginRequest() bool {
	if strings.Contains(f.low, "login attempt to http") {
		return f.status == 401 || f.status == 403
	}
	return f.hasTransport && f.status == 0 && strings.HasSuffix(f.url, "/v2/") &&
		slices.Contains([]string{"denied", "unauthorized"}, f.code) && !containsAny(f.said(), barredWords)
}

var loginLimitWords = []string{"too many failed login attempts"}

func (f *facts) helperDetail() Detail {
	switch {
	case containsAny(f.low, []string{"keychain", "user interaction is not allowed", "-25308", "the user name or passphrase you entered is not correct"}):
		return Keychain
	case containsAny(f.low, []string{"executable file not found", "not installed or not available in path", "resolves to executable in current directory", "no such file or directory", "exec format error"}):
		return HelperMissing
	}
	return ""
}

func (f *facts) networkDetail() Detail {
	said := f.clientError()
	switch {
	case f.status == 407, strings.Contains(said, "proxy authentication required"):
		return ProxyLogin
	case containsAny(f.low, damagedConnection):
		return DamagedConnection
	case strings.Contains(said, "dial tcp [") && containsAny(said, []string{"cannot assign requested address", "unreachable", "no route to host", "address family not supported"}):
		return IPv6
	case containsAny(said, []string{"lookup ", "no such host", "server misbehaving", "temporary failure in name resolution"}):
		return NoName
	}
	return ""
}

func (f *facts) tlsDetail() Detail {
	switch {
	case containsAny(f.low, []string{"server gave http response to https client", "first record does not look like a tls handshake"}):
		return PlainHTTP
	case strings.Contains(f.low, "certificate has expired"):
		return ExpiredCertificate
	}
	return ""
}

// damagedConnection is what a TLS connection says whose bytes were changed on the way;
// no certificate is at fault.
var damagedConnection = []string{"tls: bad record mac", "tls: decryption failed", "tls: error decrypting message"}

// damagedWords tell of content that is not what its digest says.
var damagedWords = []string{
	"unexpected commit digest ", "failed size validation", "filesystem layer verification failed for digest", "failed commit on ref \"layer-sha256",
	"archive/tar: invalid tar header", "gzip: invalid header", "gzip: invalid checksum", "zstd: invalid input",
}

// platformDetail: what Windows images are called is known of Microsoft's registry alone.
func (f *facts) platformDetail() Detail {
	switch {
	case containsAny(f.low, []string{"no matching manifest for windows/", "no matching manifest for windows("}):
		return LinuxImage
	case containsAny(f.low, []string{`image operating system "windows"`, "windows/amd64"}), IsWindowsImage(f.ref):
		return WindowsImage
	case containsAny(f.low, []string{`image operating system "linux"`}):
		return LinuxImage
	}
	return ""
}

// IsWindowsImage tells whether a name is one under which Microsoft serves images for
// Windows alone.
func IsWindowsImage(ref string) bool {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil || !registry.Same(reference.Domain(named), "mcr.microsoft.com") {
		return false
	}
	return slices.ContainsFunc([]string{"windows", "windows/", "dotnet/framework/", "businesscentral", "mssql/server/windows"}, func(p string) bool {
		path := reference.Path(named)
		return path == p || strings.HasSuffix(p, "/") && strings.HasPrefix(path, p)
	})
}
