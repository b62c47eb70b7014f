package buildlog

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
)

// lastError is the last line of a text that looks like an error and is not known to be a
// registry's, for whoever wants to know what failed instead.
type lastError struct {
	text   string
	no     int
	shaped bool // the form of the line says that it is an error
	step   bool // a step printed it
}

// errorMarks are in lines that look like errors.
var errorMarks = []string{"rror", "ERR", "atal", "FATAL", "denied", "ailed", "FAILED", "E: ", "not found", "annot ", "nauthorized", "orbidden", "x509", "nexpected ", "ot supported", "nsupported"}

// noErrors are in lines that tell of an error that another line has.
var noErrors = []string{"exit code", "exited with", "exit status", "non-zero code", "make: ***", "retry", "Finished: FAILURE", "marked build as failure", "Job failed", "(use --debug"}

func looksLikeError(text string) bool {
	in := func(mark string) bool { return strings.Contains(text, mark) }
	return slices.ContainsFunc(errorMarks, in) && !slices.ContainsFunc(noErrors, in)
}

// line takes a line of no step.
func (l *lastError) line(text string, no int) {
	text = text[:min(len(text), maxForm)]
	if l.shaped && l.no > 0 || !looksLikeError(text) {
		return
	}
	l.keep(text, no)
}

// output takes a line that a step printed.
func (l *lastError) output(text string, no int) {
	if len(text) > maxForm || !looksLikeError(text) {
		return
	}
	l.keep(text[len(outputMark().FindString(text)):], no)
	l.step = true
}

var outputMark = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:#\d+ )?(?:\d+\.\d+ )?`) })

// event takes an error that turned out to be no registry's. That a command of a step
// failed, its own words tell better.
func (l *lastError) event(e *event) {
	d := diagnose("", e.first)
	if d.Class != diagnosis.NotARegistryError || !e.anchored && d.Detail == "" && !looksLikeError(e.first) {
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

func (l *lastError) keep(text string, no int) { *l = lastError{text: text, no: no} }

// failure is the last error as a result.
func (l *lastError) failure() Failure {
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
