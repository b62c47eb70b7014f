package buildlog

import (
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
)

const (
	// maxVertices bounds the steps of a build whose names are known.
	maxVertices = 4096

	// maxStep bounds the name of a step that is kept, in bytes.
	maxStep = 2 * maxName

	// maxLooked bounds the different errors of one text that are looked at, in bytes:
	// a log has some kilobytes of them. Each counts as perError more than it has.
	maxLooked = 1 << 20
	perError  = 256
)

// scanner follows a log line by line.
type scanner struct {
	found *collection
	trust trust // its ref is also for failures of which the log does not tell

	vertices map[int]string // names of the steps of the build
	shaped   bool           // the text has steps or sections: it is a log
	canceled bool

	inSection sectionState
	failing   []string // the images of the steps that failed, for the error of the build
	excerpt   excerpt

	classicImage string // of the last FROM of the classic builder
	classicRun   bool   // the output of a RUN step follows

	pending *event
	own     *ownBlock
	seed    maphash.Seed
	seen    map[uint64]struct{} // hashes of errors that were looked at: logs repeat them
	looked  int                 // bytes of these
}

type sectionState int

const (
	outside sectionState = iota
	sawRuler
	inside
)

func newScanner(found *collection, ref string) *scanner {
	return &scanner{
		found: found, trust: trust{hosts: map[string]struct{}{}, ref: ref},
		vertices: map[int]string{}, seed: maphash.MakeSeed(), seen: map[uint64]struct{}{},
	}
}

// feed takes the next line.
func (s *scanner) feed(text string, no int) {
	switch {
	case strings.TrimSpace(text) == "":
		s.blank()
	case s.section(text), s.step(text, no), len(text) <= maxForm && (s.dockerfile(text) || s.classic(text)):
	default:
		s.other(text, no)
	}
}

// blank ends an error, but not one of pullsafe, which has several paragraphs.
func (s *scanner) blank() {
	if s.own != nil {
		s.own.images = false
		return
	}
	s.flush()
}

// section drops the output of a failed step and keeps the image that the step
// was about.
func (s *scanner) section(text string) bool {
	switch s.inSection {
	case sawRuler:
		s.inSection = outside
		if m := forms().section.FindStringSubmatch(text); m != nil {
			s.inSection, s.shaped, s.trust.doubt = inside, true, true
			s.fails(stepImage(m[1]))
			return true
		}
	case inside:
		if text == ruler {
			s.inSection = outside
			return true
		}
		low := strings.ToLower(text[:min(len(text), 16)])
		if !strings.HasPrefix(low, "error: failed to") && !strings.HasPrefix(low, "error: target ") {
			return true
		}
		s.inSection = outside // the log lacks the second ruler
		return false
	case outside:
	}
	if text != ruler {
		return false
	}
	s.flush()
	s.inSection = sawRuler
	return true
}

// other takes a line that is no part of the progress: an error, or a
// continuation of one, or what other programs print.
func (s *scanner) other(text string, no int) {
	if s.warning(text, no) {
		return
	}
	if s.own != nil {
		if s.own.take(text, no) {
			return
		}
		s.flush()
	}
	begins := opens(text)
	if own := (&ownBlock{found: s.found, trust: s.trust}); !begins && own.begin(text, no) {
		if s.pending == nil || own.last != nil {
			s.flush()
			own.trust = s.trust
			s.own, s.excerpt, s.failing = own, excerpt{}, nil
			return
		}
	}
	if s.pending != nil {
		if !begins && s.pending.extend(text, no) {
			return
		}
		s.flush()
	}
	switch {
	case begins, s.classicImage != "", mentions(text):
		text = trimElapsed(text)
		e := &event{first: text, line: no, anchored: begins, image: s.suspect(), places: s.excerpt.places}
		if s.classicImage != "" {
			e.image, e.anchored = s.classicImage, true
		}
		s.trust.doubt = s.trust.doubt || quotes(text)
		s.pending = e
	}
}

// fails keeps the image of a failed step.
func (s *scanner) fails(image string) {
	if image != "" && len(s.failing) < maxPlaces && !slices.Contains(s.failing, image) {
		s.failing = append(s.failing, image)
	}
}

// suspect is the image that the error of the build is about, where the log says
// so beside it: the instruction that it points at, or the only step that failed.
func (s *scanner) suspect() string {
	if p := s.excerpt.places; len(p) == 1 {
		if image := instructionImage(p[0].Instruction); image != "" && (len(s.failing) != 1 || strings.Contains(image, "/")) {
			return image
		}
	}
	if len(s.failing) == 1 {
		return s.failing[0]
	}
	return ""
}

// isNew tells whether the error is to be looked at: a log repeats the same of the same
// image, and holds more than maxLooked only if somebody wants it to.
func (s *scanner) isNew(e *event) bool {
	var h maphash.Hash
	h.SetSeed(s.seed)
	for _, text := range []string{e.image, e.step, e.first} {
		_, _ = h.WriteString(text + "\n")
	}
	for _, l := range e.more {
		_, _ = h.WriteString(l.text + "\n")
	}
	for _, p := range e.places {
		_, _ = h.WriteString(p.File + "\n" + p.Instruction + strconv.Itoa(p.Line))
	}
	key := h.Sum64()
	if _, ok := s.seen[key]; ok {
		return false
	}
	if s.looked >= maxLooked {
		s.found.more++
		return false
	}
	s.looked += perError + len(e.first) + e.size
	s.seen[key] = struct{}{}
	return true
}

// flush ends the error that is being read. Lines behind it that turn out not to
// belong to it are looked at again.
func (s *scanner) flush() {
	if s.own != nil {
		own := s.own
		s.own = nil
		own.end()
	}
	for s.pending != nil {
		e := s.pending
		s.pending = nil
		taken := 0
		if s.isNew(e) {
			f, n, ok := e.explain(s.trust.ref)
			if taken = n; ok {
				s.found.add(f)
			}
		}
		if e.step == "" && e.anchored {
			s.failing, s.excerpt = nil, excerpt{}
		}
		for _, l := range e.more[taken:] {
			s.other(l.text, l.no)
		}
	}
}
