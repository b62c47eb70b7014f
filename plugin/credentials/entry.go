package credentials

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/docker/cli/cli/config/configfile"
	dockercredentials "github.com/docker/cli/cli/config/credentials"
	"github.com/docker/cli/cli/config/types"
	"github.com/moby/buildkit/session/auth/authprovider"

	"github.com/org/pullsafe/frontend/registry"
)

// Entry names credentials as they are stored: a key of a helper program, or of a
// config.json, by its real path. Several registries and several sources can share
// one: Docker Hub's is sent to dhi.io too, and a config.json of buildx can name the
// helper of the Docker CLI's. That of DOCKER_AUTH_CONFIG has the key alone.
type Entry struct{ Helper, File, Key string }

// Entry is the entry of a source; the zero value where there are no credentials.
func (s Source) Entry() Entry {
	switch s.Kind {
	case CredsStore, CredHelpers:
		return Entry{Helper: s.Helper, Key: s.Key}
	case Auths:
		return fileEntry(s.File, s.Key)
	case Environment:
		return Entry{Key: s.Key}
	case None:
	}
	return Entry{}
}

func fileEntry(file, key string) Entry {
	if resolved, err := filepath.EvalSymlinks(file); err == nil {
		file = resolved
	}
	return Entry{File: file, Key: key}
}

// Host is the registry host that the entry is for.
func (e Entry) Host() string {
	if e.Key == authprovider.DockerHubConfigfileKey {
		return registry.DockerHub
	}
	return dockercredentials.ConvertToHostname(e.Key)
}

// Spellings are the keys that `docker logout` removes for the host of the entry
// (docker/cli v29.9.3, cli/command/registry/logout.go; for Docker Hub
// internal/oauth/manager).
func (e Entry) Spellings() []string {
	if index := authprovider.DockerHubConfigfileKey; e.Key == index {
		return []string{index, index + "access-token", index + "refresh-token"}
	}
	host := e.Host()
	return []string{host, "http://" + host, "https://" + host}
}

// Siblings are the entries that `docker logout` removes together with that of a
// source, as far as there are any: the other spellings of its key, and what
// config.json holds beside a helper, which docker does not read.
func (s *Store) Siblings(ctx context.Context, of Source) []Entry {
	file := s.file(of)
	own := of.Entry()
	var out []Entry
	add := func(e Entry) {
		if e != own && !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	for _, key := range append(own.Spellings(), own.Key) {
		holder := key
		if own.Host() == registry.DockerHub {
			holder = own.Key // its tokens are in the same store
		}
		if program := helperOf(file, holder); program != "" {
			if auth, err := askHelper(ctx, program, key, s.opt.HelperTimeout); err == nil && auth != (types.AuthConfig{}) {
				add(Entry{Helper: program, Key: key})
			}
		}
		if _, ok := file.AuthConfigs[key]; ok {
			add(fileEntry(file.Filename, key))
		}
	}
	return out
}

// file is the configuration that a source is of.
func (s *Store) file(of Source) *configfile.ConfigFile {
	s.mu.Lock()
	defer s.mu.Unlock()
	if of.Scoped {
		if f := s.load(filepath.Dir(of.File)); f != nil {
			return f
		}
	}
	return s.opt.File
}

// helperOf is the program that holds the credentials for a key, "" for none.
func helperOf(file *configfile.ConfigFile, key string) string {
	helper, ok := file.CredentialHelpers[key] // an empty one means: none for this registry
	if !ok {
		helper = file.CredentialsStore
	}
	if helper == "" {
		return ""
	}
	return helperPrefix + helper
}
