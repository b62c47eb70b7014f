package credentials

import (
	"context"
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	dockercredentials "github.com/docker/cli/cli/config/credentials"
	"github.com/docker/cli/cli/config/types"
	"github.com/moby/buildkit/session/auth/authprovider"
	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/registry"
)

// Options say where to look.
type Options struct {
	// File is the configuration of the Docker CLI, as the CLI loaded it.
	File *configfile.ConfigFile
	// Environ is the value of DOCKER_AUTH_CONFIG.
	Environ string
	// BuildxConfig is the value of BUILDX_CONFIG; empty means the folder buildx
	// beside File.
	BuildxConfig string
	// HelperTimeout is how long a helper program may take.
	HelperTimeout time.Duration
}

// Store finds credentials. It is safe for concurrent use; helpers are asked one
// after another, as buildx does.
type Store struct {
	opt     Options
	environ map[string]types.AuthConfig
	scoped  []scoped
	notes   []string

	mu    sync.Mutex
	files map[string]*configfile.ConfigFile
	found map[string]lookup
	hangs map[string]error // helpers that gave no answer in time, and are not asked again
}

type lookup struct {
	credential Credential
	err        error
}

// Open prepares a store. It asks no helper yet.
func Open(opt Options) *Store {
	s := &Store{opt: opt, files: map[string]*configfile.ConfigFile{}, found: map[string]lookup{}, hangs: map[string]error{}}
	s.scoped = findScoped(s.BuildxDir())
	var err error
	if s.environ, err = parseEnviron(opt.Environ); err != nil {
		s.notes = append(s.notes, "DOCKER_AUTH_CONFIG cannot be read, and docker ignores it: "+err.Error())
	}
	if _, err := config.Load(filepath.Dir(opt.File.Filename)); err != nil {
		s.notes = append(s.notes, "docker cannot read its configuration, and continues without the credentials in it: "+err.Error())
	}
	return s
}

// Notes are sentences about configuration that cannot be used.
func (s *Store) Notes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.notes)
}

// BuildxDir is buildx's configuration folder.
func (s *Store) BuildxDir() string {
	if s.opt.BuildxConfig != "" {
		return s.opt.BuildxConfig
	}
	return filepath.Join(filepath.Dir(s.opt.File.Filename), "buildx")
}

// Lookup finds the credential for a registry host, as requests spell it, and the
// scopes of a token; a registry that takes the credential itself has none.
func (s *Store) Lookup(ctx context.Context, host string, scopes []string) (Credential, error) {
	c, err := s.lookup(ctx, host, scopes)
	// As for buildx, an entry without a secret in it is one: only where there is none
	// does Docker Hub's count.
	if err == nil && c.auth == (types.AuthConfig{}) && registry.UsesHubLogin(host) {
		if hub, err := s.lookup(ctx, authprovider.DockerHubRegistryHost, scopes); err == nil && !hub.Empty() {
			return hub, nil
		}
	}
	return c, err
}

func (s *Store) lookup(ctx context.Context, host string, scopes []string) (Credential, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	file, folder, cacheKey := s.opt.File, scoped{}, host
	if sc, ok := pickScoped(s.scoped, host, scopes); ok {
		cacheKey += "|" + sc.dir
		if f := s.load(sc.dir); f != nil {
			file, folder = f, sc
		}
	}
	if l, ok := s.found[cacheKey]; ok {
		return l.credential, l.err
	}
	key := host
	if host == authprovider.DockerHubRegistryHost {
		key = authprovider.DockerHubConfigfileKey
	}
	c, err := s.get(ctx, file, key)
	if folder.dir != "" {
		c.Source.File, c.Source.Scoped = file.Filename, true
	}
	if context.Cause(ctx) == nil {
		s.found[cacheKey] = lookup{c, err}
	}
	return c, err
}

// load reads the file of a folder of buildx; nil for one that cannot be read, in
// place of which buildx uses the Docker CLI's.
func (s *Store) load(dir string) *configfile.ConfigFile {
	if f, ok := s.files[dir]; ok {
		return f
	}
	f, err := config.Load(dir)
	if err != nil {
		s.notes = append(s.notes, "buildx ignores a configuration that it cannot read: "+err.Error())
		f = nil
	}
	s.files[dir] = f
	return f
}

// get is GetAuthConfig of docker/cli's configuration file, with the source.
func (s *Store) get(ctx context.Context, file *configfile.ConfigFile, key string) (Credential, error) {
	if auth, ok := s.environ[key]; ok {
		return Credential{Source: Source{Kind: Environment, Key: key}, auth: auth}, nil
	}
	stored, auth := storedAuth(file, key)
	program, kind := helperOf(file, key), CredsStore
	if _, ok := file.CredentialHelpers[key]; ok {
		kind = CredHelpers
	}
	if program == "" {
		c := Credential{Source: Source{Kind: Auths, File: file.Filename, Key: stored}, auth: auth}
		if c.Empty() {
			c.Source = Source{Kind: None}
		}
		return c, nil
	}
	source := Source{Kind: kind, File: file.Filename, Key: key, Helper: program}
	if err := s.hangs[program]; err != nil {
		return Credential{Source: source}, err
	}
	held, err := askHelper(ctx, program, key, s.opt.HelperTimeout)
	if err != nil {
		if errors.As(err, new(slowError)) {
			s.hangs[program] = err
		}
		return Credential{Source: source}, err
	}
	auth.Username, auth.Password, auth.IdentityToken, auth.ServerAddress = held.Username, held.Password, held.IdentityToken, held.ServerAddress
	c := Credential{Source: source, auth: auth}
	if c.Empty() {
		c.Source = Source{Kind: None}
	}
	return c, nil
}

// storedAuth finds what a configuration file holds for key, also under the older
// spelling with a scheme and a path.
func storedAuth(file *configfile.ConfigFile, key string) (string, types.AuthConfig) {
	if auth, ok := file.AuthConfigs[key]; ok {
		return key, auth
	}
	for _, k := range slices.Sorted(maps.Keys(file.AuthConfigs)) {
		if dockercredentials.ConvertToHostname(k) == key {
			return k, file.AuthConfigs[k]
		}
	}
	return key, types.AuthConfig{}
}

// parseEnviron reads DOCKER_AUTH_CONFIG as docker/cli does: an unknown key or a
// login that does not decode voids all of it.
func parseEnviron(value string) (map[string]types.AuthConfig, error) {
	if value == "" {
		return nil, nil
	}
	var content struct {
		Auths map[string]struct {
			Auth string `json:"auth"`
		} `json:"auths"`
	}
	dec := json.NewDecoder(strings.NewReader(value))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&content); err != nil {
		return nil, errors.New("it is not JSON of the form {\"auths\": {HOST: {\"auth\": ...}}}")
	}
	if dec.More() {
		return nil, errors.New("it holds more than one JSON object")
	}
	out := map[string]types.AuthConfig{}
	for key, entry := range content.Auths {
		// docker/cli's own decoder, for one login.
		one, err := json.Marshal(map[string]any{"auths": map[string]any{key: entry}})
		if err != nil {
			return nil, errors.WithStack(err)
		}
		file, err := config.LoadFromReader(strings.NewReader(string(one)))
		if err != nil || entry.Auth == "" {
			return nil, errors.Errorf("it has no valid key auth for %s", key)
		}
		out[key] = file.AuthConfigs[key]
	}
	return out, nil
}
