package buildlog

import (
	"strings"

	"github.com/org/pullsafe/frontend/report"
)

// step takes a line of a step of BuildKit: its name, its end, its output.
func (s *scanner) step(text string, no int) bool {
	if isStepOutput(text) {
		s.flush()
		s.last.line(text, no, true)
		return true
	}
	if strings.IndexByte("# =[", text[0]) < 0 {
		return false
	}
	if n, rest, ok := vertexLine(text); ok {
		s.flush()
		s.vertex(n, rest, no)
		return true
	}
	if name, failed, ok := terminalStep(text); ok {
		s.flush()
		s.shaped = true
		if failed {
			s.fails(stepActivity(name), false)
		} else {
			s.names(name)
		}
		return true
	}
	if strings.HasPrefix(text, "[+] ") {
		s.flush()
		if strings.HasPrefix(text, "[+] Building ") {
			s.now = activity{} // whatever was pulled before it
		}
		s.shaped = true
		return true
	}
	return false
}

func (s *scanner) vertex(n int, text string, no int) {
	v, known := s.vertices[n]
	switch what, rest, _ := strings.Cut(text, " "); {
	case what == "ERROR:":
		if v == nil {
			v = &vertex{}
		}
		at := s.completed(v.at)
		s.fails(at, true)
		s.trust.doubt = true
		s.pending = &event{first: rest, line: no, at: at, step: v.name, anchored: true}
	case what == "CANCELED":
		s.canceled = true
	case what == "WARN:":
		s.warning(rest, no)
	case what == "DONE", what == "CACHED", what == "...":
	case !known || strings.HasPrefix(text, "["):
		if n <= 1 || strings.HasPrefix(text, firstVertex) || len(s.vertices) >= maxVertices {
			clear(s.vertices) // another build
			s.now = activity{}
		}
		s.vertices[n] = newVertex(text)
		s.shaped = true
		s.names(text)
		s.auth(text)
		if told, ok := strings.CutPrefix(text, report.StepMark); ok {
			s.found.addFallback(told, no, s.trust)
		}
	default:
		v.detail(text)
	}
}

// warning takes a warning of pullsafe; false when the line is none.
func (s *scanner) warning(text string, no int) bool {
	_, told, ok := strings.Cut(text, report.Rule+": ")
	if !ok {
		return false
	}
	s.flush()
	return s.found.addFallback(told, no, s.trust)
}

// names keeps the host of the image that a step is about.
func (s *scanner) names(step string) {
	if s.trust.doubt || len(s.trust.hosts) == maxFailures {
		return
	}
	if image := stepImage(step); image != "" {
		s.trust.hosts[hostKey(image)] = struct{}{}
	}
}

// classic follows the classic builder and Podman, which do not mark what a RUN step
// prints.
func (s *scanner) classic(text string, no int) bool {
	var m []string
	if strings.HasPrefix(text, "S") {
		m = forms().classic.FindStringSubmatch(text)
	}
	if m != nil {
		s.flush()
		instruction := strings.ToUpper(m[1])
		s.classicRun, s.classicFrom, s.shaped = instruction == "RUN", false, true
		s.trust.doubt = s.trust.doubt || s.classicRun
		if image := instructionImage(m[1] + " " + m[2]); instruction == "FROM" && image != "" {
			s.classicFrom = true
			s.now, s.since = activity{doing: pulling, image: strings.Clone(image)}, no
		}
		return true
	}
	if !s.classicRun {
		return false
	}
	s.last.line(text, no, true)
	if forms().classicEnd.MatchString(text) {
		s.classicRun = false
	}
	return true
}
