package buildlog

import (
	"hash/maphash"
	"strconv"
	"strings"

	"github.com/org/pullsafe/frontend/diagnosis"
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

	vertices map[int]*vertex // the steps of the build
	shaped   bool            // the text has steps or sections: it is a log
	canceled bool

	inSection sectionState
	failing   []failing // the steps that failed, for the error of the build
	excerpt   excerpt

	now    activity // of a client or a daemon
	since  int      // the line that told it
	target string   // where the build pushes to
	cache  string   // where it exports its cache to

	classicFrom bool // what follows is about the image of a FROM of the classic builder
	classicRun  bool // the output of a RUN step follows

	last    lastError
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
		vertices: map[int]*vertex{}, seed: maphash.MakeSeed(), seen: map[uint64]struct{}{},
	}
}

// feed takes the next line.
func (s *scanner) feed(text string, no int) {
	switch {
	case strings.TrimSpace(text) == "":
		s.blank()
	case s.classicRun && s.classic(text[:min(len(text), maxForm)], no):
	case s.section(text, no), s.step(text, no), len(text) <= maxForm && (s.dockerfile(text) || s.classic(text, no)):
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
func (s *scanner) section(text string, no int) bool {
	if strings.HasSuffix(text, " ") && (s.inSection == sawRuler || strings.HasPrefix(text, ruler)) {
		text = strings.TrimRight(text, " ") // a terminal's width
	}
	switch s.inSection {
	case sawRuler:
		s.inSection = outside
		if m := forms().section.FindStringSubmatch(text); m != nil {
			s.inSection, s.shaped, s.trust.doubt = inside, true, true
			s.fails(stepActivity(m[1]), false)
			return true
		}
	case inside:
		if text == ruler {
			s.inSection = outside
			return true
		}
		low := strings.ToLower(text[:min(len(text), 16)])
		if !strings.HasPrefix(low, "error: failed to") && !strings.HasPrefix(low, "error: target ") {
			s.last.line(text, no, true)
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
	begins := opens(text)
	if s.takeCode(text, no, begins) {
		return
	}
	if s.pending != nil {
		if !begins && s.pending.extend(text, no) {
			return
		}
		s.flush()
	}
	code := s.now.doing != nothing && diagnosis.Continues(text)
	if !begins && !code && !s.classicFrom && !mentions(text) {
		s.client(text, no)
		s.last.line(text, no, false)
		return
	}
	if s.excerpt.places == nil && !s.classicFrom {
		s.client(text, no) // which can name the image beside the error
	}
	text = trimElapsed(text)
	e := &event{first: text, line: no, anchored: begins || code, at: s.suspect(), places: s.excerpt.places}
	if e.at.doing == nothing {
		e.nearby = s.current(no)
	}
	if s.classicFrom {
		e.at, e.anchored = s.now, true
	}
	s.trust.doubt = s.trust.doubt || quotes(text)
	s.pending = e
}

// takeCode takes a line of an error of pullsafe, or one that begins it.
func (s *scanner) takeCode(text string, no int, begins bool) bool {
	if s.own != nil {
		if s.own.take(text, no) {
			return true
		}
		s.flush()
	}
	own := &ownBlock{found: s.found, trust: s.trust}
	if begins || !own.begin(text, no) || s.pending != nil && own.last == nil {
		return false
	}
	s.flush()
	own.trust = s.trust
	s.own, s.excerpt, s.failing = own, excerpt{}, nil
	return true
}

// isNew tells whether the error is to be looked at: a log repeats the same of the same
// image, and holds more than maxLooked only if somebody wants it to.
func (s *scanner) isNew(e *event) bool {
	var h maphash.Hash
	h.SetSeed(s.seed)
	add := func(text string) {
		_, _ = h.WriteString(text)
		_ = h.WriteByte('\n')
	}
	for _, text := range []string{e.at.image, e.nearby.image, e.step, e.first} {
		add(text)
	}
	for _, l := range e.more {
		add(l.text)
	}
	for _, p := range e.places {
		add(p.File)
		add(p.Instruction)
		add(strconv.Itoa(p.Line))
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
		for _, one := range s.each(e) {
			if !s.isNew(one) {
				continue
			}
			f, n, ok := one.explain(s.trust.ref)
			if taken = n; ok {
				s.found.add(f)
			} else {
				s.last.event(one)
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
