package credentials

import (
	"github.com/docker/cli/cli/config/types"
)

// Kind is the way in which a credential is kept.
type Kind string

// The kinds, by the key or the variable that a user knows.
const (
	None        Kind = "none"
	Auths       Kind = "auths"
	CredsStore  Kind = "credsStore"
	CredHelpers Kind = "credHelpers"
	Environment Kind = "DOCKER_AUTH_CONFIG"
)

// Source is where a credential comes from. It holds nothing secret, and two
// credentials of the same registry are the same if their sources are.
type Source struct {
	Kind Kind `json:"source"`
	// File is the config.json that holds it or names the helper. Without a
	// credential it is set where buildx's own folder says that there is none.
	File string `json:"file,omitempty"`
	// Key is the name under which it is stored.
	Key string `json:"key,omitempty"`
	// Helper is the program that was asked.
	Helper string `json:"helper,omitempty"`
	// Scoped is set when File is one of buildx's own folder.
	Scoped bool `json:"buildxConfig,omitempty"`
}

// Helped tells whether a helper program holds the credential.
func (s Source) Helped() bool { return s.Kind == CredsStore || s.Kind == CredHelpers }

// Credential is what would be sent to a registry.
type Credential struct {
	Source Source

	auth types.AuthConfig
}

// Empty tells that nothing would be sent.
func (c Credential) Empty() bool {
	_, secret := c.Login()
	return secret == "" && c.auth.RegistryToken == ""
}

// Login is the user name, empty for an identity token, and the secret.
func (c Credential) Login() (user, secret string) {
	if c.auth.IdentityToken != "" {
		return "", c.auth.IdentityToken
	}
	return c.auth.Username, c.auth.Password
}

// Token is a token for the registry itself that was configured as it is.
func (c Credential) Token() string { return c.auth.RegistryToken }

// String keeps a credential that is printed by mistake from showing its secret.
func (c Credential) String() string { return string(c.Source.Kind) }

// GoString is String.
func (c Credential) GoString() string { return c.String() }
