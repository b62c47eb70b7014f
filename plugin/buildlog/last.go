package buildlog

import (
	"regexp"
	"strings"
	"sync"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
)

// lastError is the last line of a text that looks like an error and is not known to be a
// registry's, for whoever wants to know what failed instead.
type lastError struct {
	recent [recentLines]printed // not looked at yet
	next   int

	text   string
	no     int
	shaped bool // the form of the line says that it is an error
	step   bool // a step printed it
}

// recentLines bounds the lines behind the last one that looks like an error.
const recentLines = 64

// printed is a line that somebody printed.
type printed struct {
	text string
	no   int
	step bool
}

// errorMarks are in lines that look like errors.
var errorMarks = newPhrases(false, "rror", "ERR", "atal", "FATAL", "denied", "ailed", "FAILED", "E: ", "not found", "annot ", "nauthorized", "orbidden", "x509", "nexpected ", "ot supported", "nsupported")

// noErrors are in lines that tell of an error that another line has.
var noErrors = newPhrases(false, "exit code", "exited with", "exit status", "non-zero code", "make: ***", "retry", "Finished: FAILURE", "marked build as failure", "Job failed", "(use --debug")

func looksLikeError(text string) bool {
	text = text[:min(len(text), maxForm)]
	return errorMarks.in(text) && !noErrors.in(text)
}

// line takes a line that is no error by its form. Most are never looked at.
func (l *lastError) line(text string, no int, step bool) {
	l.recent[l.next%recentLines] = printed{text, no, step}
	l.next++
}

// look finds the last of the recent lines that looks like an error.
func (l *lastError) look() {
	for i := l.next - 1; i >= max(0, l.next-recentLines); i-- {
		p := &l.recent[i%recentLines]
		if p.no < l.no || l.shaped && !p.step {
			continue
		}
		if looksLikeError(p.text) {
			text := p.text[:min(len(p.text), maxForm)]
			if p.step {
				text = text[len(outputMark().FindString(text)):]
			}
			l.keep(text, p.no)
			l.step = p.step
			break
		}
	}
	l.recent, l.next = [recentLines]printed{}, 0
}

var outputMark = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:#\d+ )?(?:\d+\.\d+ )?`) })

// event takes an error that turned out to be no registry's. That a command of a step
// failed, its own words tell better.
func (l *lastError) event(e *event) {
	l.look()
	d := diagnose("", e.first)
	if d.Class != diagnosis.NotARegistryError || d.Detail == "" && !opens(e.first) && !looksLikeError(e.first) {
		return
	}
	if d.Detail == diagnosis.FailedStep && l.step {
		l.shaped = true
		return
	}
	if l.shaped && d.Detail == "" {
		return // a wrapper's summary
	}
	l.keep(e.first, e.line)
	l.shaped = e.anchored
}

func (l *lastError) keep(text string, no int) {
	l.text, l.no, l.shaped, l.step = strings.Clone(text), no, false, false
}

// failure is the last error as a result.
func (l *lastError) failure() Failure {
	l.look()
	f := Failure{Diagnosis: report.Diagnosis{Diagnosis: diagnosis.Diagnosis{Class: diagnosis.NotARegistryError}, Remedies: []report.Remedy{}}}
	if l.no == 0 {
		return f
	}
	detail := diagnosis.FailedStep
	if !l.step {
		detail = diagnose("", l.text).Detail
	}
	f.Line, f.Message = l.no, word(l.text)
	f.Explanation, f.Remedies = report.Other(detail)
	return f
}
