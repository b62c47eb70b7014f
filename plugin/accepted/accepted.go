// Package accepted remembers builds in which no registry rejected the stored
// credentials. For hours the same build, with the same Dockerfile and configuration, is
// left to the daemon's own frontend, which needs no container and so takes no longer
// than without pullsafe. Should credentials be rejected by then, the builder's record of
// the build says so, and pullsafe's frontend builds again.
package accepted

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"time"
)

// fresh is how long a build is remembered.
const fresh = 12 * time.Hour

// Store keeps an empty file for each build in the folder Dir. Without a folder, nothing is
// remembered.
type Store struct {
	Dir string
	Now func() time.Time
}

// Key is all that a build depends on, as a word. It tells nothing of the parts, some of
// which are secret.
func Key(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		sum := sha256.Sum256([]byte(p))
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Has tells whether the build is remembered.
func (s Store) Has(key string) bool {
	if s.Dir == "" {
		return false
	}
	info, err := os.Stat(filepath.Join(s.Dir, key))
	return err == nil && s.isFresh(info)
}

func (s Store) isFresh(info os.FileInfo) bool {
	age := s.Now().Sub(info.ModTime())
	return age > -time.Minute && age < fresh
}

// Add remembers a build, and forgets those that are too old. That it could not costs the
// next build the start of a container.
func (s Store) Add(key string) {
	if s.Dir == "" || os.MkdirAll(s.Dir, 0o700) != nil {
		return
	}
	entries, err := os.ReadDir(s.Dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && !s.isFresh(info) {
			_ = os.Remove(filepath.Join(s.Dir, e.Name()))
		}
	}
	_ = os.WriteFile(filepath.Join(s.Dir, key), nil, 0o600)
}

// Drop forgets a build.
func (s Store) Drop(key string) {
	if s.Dir != "" {
		_ = os.Remove(filepath.Join(s.Dir, key))
	}
}

// Forget forgets all builds.
func (s Store) Forget() {
	if s.Dir != "" {
		_ = os.RemoveAll(s.Dir)
	}
}

// Passed tells of a metadata file of buildx whether all images of the build were
// resolved as written. It is false for a builder that keeps no record of builds: that
// does not say either why one failed.
func Passed(metadata []byte) bool {
	var doc struct {
		Provenance json.RawMessage `json:"buildx.build.provenance"`
		Report     *struct {
			Summary struct {
				OKWithoutCredentials, Failed, NotChecked int
			}
		} `json:"frontend.pullsafe.report"`
	}
	if json.Unmarshal(metadata, &doc) != nil || doc.Report == nil || len(doc.Provenance) == 0 {
		return false
	}
	sum := doc.Report.Summary
	return sum.OKWithoutCredentials == 0 && sum.Failed == 0 && sum.NotChecked == 0
}
