package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pkg/errors"
)

// checksumFile is in the format of sha256sum.
const checksumFile = "checksums.txt"

// sums are the SHA-256 of files, by name, in hexadecimal.
type sums map[string]string

// checksums are those of all files of a folder.
func checksums(dir string) (sums, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, errors.WithStack(err)
	}
	s := sums{}
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(dir, entry.Name())) //nolint:gosec // G304: what was written before
		if err != nil {
			return nil, errors.WithStack(err)
		}
		sum := sha256.Sum256(data)
		s[entry.Name()] = hex.EncodeToString(sum[:])
	}
	return s, nil
}

func (s sums) text() []byte {
	var b strings.Builder
	for _, file := range slices.Sorted(maps.Keys(s)) {
		fmt.Fprintf(&b, "%s  %s\n", s[file], file)
	}
	return []byte(b.String())
}
