package frontendimage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pkg/errors"
)

const (
	// fresh is how long a tag is not resolved again.
	fresh = 24 * time.Hour

	// A builder that cannot have the image is not asked again by every build.
	// pauseSlow is for one whose answer took the whole limit.
	pause     = 5 * time.Minute
	pauseSlow = time.Hour

	// certain is how long after an answer a build that fails has not failed of the
	// frontend image.
	certain = 5 * time.Minute
)

// Memo is what is remembered of one image and one builder.
type Memo struct {
	Image Image
	// Resolved is when the tag was resolved, Seen when the builder last had the image.
	Resolved, Seen time.Time
	// Failed is when it could not have the image, and Reason why; Slow that it took the
	// whole limit.
	Failed time.Time `json:",omitzero"`
	Reason string    `json:",omitempty"`
	Slow   bool      `json:",omitempty"`
}

// Store keeps memos in files of the folder Dir. Without a folder, nothing is remembered.
type Store struct {
	Dir string
	Now func() time.Time
}

func (s Store) file(image string, builder []string) string {
	sum := sha256.Sum256([]byte(strings.Join(append([]string{image}, builder...), "\x00")))
	return filepath.Join(s.Dir, hex.EncodeToString(sum[:16])+".json")
}

// Load is what is remembered; ok is false for nothing. builder is all that tells one
// builder from another.
func (s Store) Load(image string, builder []string) (m Memo, ok bool) {
	if s.Dir == "" {
		return m, false
	}
	text, err := os.ReadFile(s.file(image, builder))
	if err != nil || json.Unmarshal(text, &m) != nil {
		return Memo{}, false
	}
	return m, m.Image.Name == image
}

// Save replaces what is remembered. That it could not costs the next build a question.
func (s Store) Save(image string, builder []string, m Memo) {
	if s.Dir == "" || os.MkdirAll(s.Dir, 0o700) != nil {
		return
	}
	m.Image.Name = image
	text, err := json.Marshal(m)
	if err != nil {
		return
	}
	f, err := os.CreateTemp(s.Dir, "new-*")
	if err != nil {
		return
	}
	_, err = f.Write(text)
	if f.Close() != nil || err != nil || os.Rename(f.Name(), s.file(image, builder)) != nil {
		_ = os.Remove(f.Name())
	}
}

// Find is the image for a build: from memory, or by asking. The error is why there is
// none.
func (s Store) Find(ctx context.Context, b Builder, name string, builder []string) (Answer, error) {
	now := s.Now()
	m, known := s.Load(name, builder)
	switch {
	case known && m.Failed.IsZero() && within(now, m.Resolved, fresh):
		return Answer{Image: m.Image}, nil
	case known && m.Slow && within(now, m.Failed, pauseSlow), known && !m.Failed.IsZero() && within(now, m.Failed, pause):
		return Answer{}, errors.New(m.Reason)
	}
	return s.ask(ctx, b, name, builder)
}

func within(now, then time.Time, d time.Duration) bool {
	return !then.After(now) && now.Sub(then) < d
}

// ask asks and remembers. A tag that cannot be resolved now is what it was, as long as
// the builder has that.
func (s Store) ask(ctx context.Context, b Builder, name string, builder []string) (Answer, error) {
	before, known := s.Load(name, builder)
	answer, err := b.Ask(ctx, name)
	now := s.Now()
	if err == nil {
		s.Save(name, builder, Memo{Image: answer.Image, Resolved: now, Seen: now})
		return answer, nil
	}
	if context.Cause(ctx) != nil {
		return Answer{}, err
	}
	if known && before.Failed.IsZero() && before.Image.Digest != "" && b.Check(ctx, before.Image) == nil {
		s.Save(name, builder, Memo{Image: before.Image, Resolved: now.Add(time.Hour - fresh), Seen: now})
		return Answer{Image: before.Image}, nil
	}
	s.Save(name, builder, Memo{Failed: now, Reason: err.Error(), Slow: errors.Is(err, ErrSlow)})
	return Answer{}, err
}

// Again tells, of a build that failed, whether it is to be run again: with another
// image or, where err says why there is none, with the Dockerfile's own frontend.
func (s Store) Again(ctx context.Context, b Builder, name string, builder []string) (_ Answer, again bool, err error) {
	m, known := s.Load(name, builder)
	if !known || within(s.Now(), m.Seen, certain) {
		return Answer{}, false, nil
	}
	if b.Check(ctx, m.Image) == nil {
		m.Seen = s.Now()
		s.Save(name, builder, m)
		return Answer{}, false, nil
	}
	if context.Cause(ctx) != nil {
		return Answer{}, false, nil
	}
	answer, err := s.ask(ctx, b, name, builder)
	return answer, true, err
}

// Forget drops all that is remembered: content of builders has been removed.
func (s Store) Forget() {
	if s.Dir != "" {
		_ = os.RemoveAll(s.Dir)
	}
}
