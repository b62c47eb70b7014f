package harness

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"
	"github.com/pkg/errors"
)

// HubAuthKey is the key of Docker Hub in config.json.
const HubAuthKey = "https://index.docker.io/v1/"

// Login is a user name and a password.
type Login struct{ User, Password string }

// Stale is a login that every registry of the harness refuses, Good one that it takes.
var (
	Stale = Login{GoodUser, StalePassword}
	Good  = Login{GoodUser, GoodPassword}
)

// DockerConfig is a Docker configuration of its own, as a folder.
type DockerConfig struct{ Dir string }

// DockerConfigOpt is the content of config.json.
type DockerConfigOpt struct {
	// Auths are the stored logins by host, as written in references, or HubAuthKey.
	Auths map[string]Login
	// CredHelpers and CredsStore name docker-credential-* programs, found on the
	// PATH of the build.
	CredHelpers map[string]string
	CredsStore  string
	// Extra are further keys.
	Extra map[string]any
}

// DockerConfig writes a config.json.
func (e *Env) DockerConfig(opt DockerConfigOpt) (*DockerConfig, error) {
	type login struct {
		Auth []byte `json:"auth"` // base64, as config.json has it
	}
	content := map[string]any{}
	maps.Copy(content, opt.Extra)
	auths := map[string]login{}
	for host, l := range opt.Auths {
		auths[host] = login{[]byte(l.User + ":" + l.Password)}
		e.addLogin(host, l.User, l.Password)
	}
	content["auths"] = auths
	if len(opt.CredHelpers) > 0 {
		content["credHelpers"] = opt.CredHelpers
	}
	if opt.CredsStore != "" {
		content["credsStore"] = opt.CredsStore
	}
	b, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return nil, errors.WithStack(err)
	}
	c := &DockerConfig{Dir: filepath.Join(e.Dir, e.name("docker-config"))}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, errors.WithStack(err)
	}
	return c, errors.WithStack(os.WriteFile(filepath.Join(c.Dir, config.ConfigFileName), b, 0o600))
}

// StaleLogin is a configuration with a refused login for each of the hosts.
func (e *Env) StaleLogin(hosts ...string) (*DockerConfig, error) {
	opt := DockerConfigOpt{Auths: map[string]Login{}}
	for _, host := range hosts {
		opt.Auths[host] = Stale
	}
	return e.DockerConfig(opt)
}

// Session makes the attachables with which buildx answers BuildKit's questions
// for credentials. A nil configuration has none.
func (c *DockerConfig) Session() ([]session.Attachable, error) {
	file := configfile.New("")
	if c != nil {
		var err error
		if file, err = config.Load(c.Dir); err != nil {
			return nil, errors.WithStack(err)
		}
	}
	return []session.Attachable{authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{
		AuthConfigProvider: authprovider.LoadAuthConfig(file),
	})}, nil
}
