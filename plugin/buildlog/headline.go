package buildlog

import (
	"regexp"
	"strings"
	"sync"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
)

// readHeadline reads a headline of pullsafe back, so that a log of pullsafe is not
// explained a second time, and differently. What was tried is then known: the
// remedies are those that the headline was printed with, as far as the text
// tells.
func readHeadline(line string) (report.Conclusion, bool) {
	line = diagnosis.Clean(line, maxOwn)
	for _, o := range ownHeadlines() {
		m := o.form.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		d := diagnosis.Diagnosis{Class: o.class}
		for i, name := range o.form.SubexpNames() {
			switch name {
			case "host":
				d.Host = strings.TrimPrefix(m[i], "the registry")
			case "answer":
				d.Message = m[i]
			}
		}
		if len(d.Message) >= 3 {
			d.HTTPStatus = number(d.Message[:3])
		}
		yes := true
		if o.class == diagnosis.CredentialsRejected {
			d.UsedCredentials = &yes
		}
		rest := line[len(m[0]):]
		for _, c := range ownClauses {
			if strings.HasPrefix(rest, c.begins) {
				d.Class = c.class
			}
		}
		return report.Conclusion{Diagnosis: report.Diagnosis{Diagnosis: d, Remedies: []report.Remedy{}}, Headline: line}, true
	}
	return report.Conclusion{}, false
}

// maxOwn bounds a headline, in runes: two hosts and two answers.
const maxOwn = 800

type ownHeadline struct {
	class diagnosis.Class
	form  *regexp.Regexp
}

// ownHeadlines are the forms of opening and headline in words.go.
var ownHeadlines = sync.OnceValue(func() []ownHeadline {
	const host, answer = `(?P<host>[\w.:\[\]-]+|the registry)`, `(?: \((?P<answer>.*?)\))?`
	var out []ownHeadline
	for _, h := range []struct {
		class diagnosis.Class
		form  string
	}{
		{diagnosis.CredentialsRejected, host + ` refused the stored credentials` + answer},
		{diagnosis.CredentialHelper, `the credential helper for ` + host + ` failed` + answer},
		{diagnosis.DeniedAmbiguous, host + ` refused access` + answer},
		{diagnosis.AuthRequired, host + ` refused a request without credentials` + answer},
		{diagnosis.AuthRequired, host + ` has no stored credentials and refused without` + answer},
		{diagnosis.RateLimited, host + ` got too many requests` + answer},
		{diagnosis.NotFound, host + ` has no such image or tag` + answer},
		{diagnosis.NoMatchingPlatform, `the image exists, but not for this platform`},
		{diagnosis.NetworkFailure, `no connection to ` + host + ` from the (?:client|builder)` + answer},
		{diagnosis.NetworkFailure, `no answer from ` + host + ` in time` + answer},
		{diagnosis.TLSFailure, `no trusted TLS connection to ` + host + ` from the (?:client|builder)` + answer},
		{diagnosis.RegistryOutage, host + ` does not work as it should` + answer},
		{diagnosis.PolicyDenied, `a policy does not allow this image` + answer},
		{diagnosis.InvalidReference, `not a valid reference` + answer},
	} {
		out = append(out, ownHeadline{h.class, regexp.MustCompile(`^` + h.form + `(?:$|[,;:] ?|\. ?)`)})
	}
	return out
})

// ownClauses are the second halves that change the class, as in outcomeOf.
var ownClauses = []struct {
	begins string
	class  diagnosis.Class
}{
	{"without credentials it has no such image", diagnosis.NotFound},
	{"the image is public, but not for this platform", diagnosis.NoMatchingPlatform},
	{"without credentials its limit is reached", diagnosis.RateLimited},
}

// ownWarning is the text of RefusedShort and UnneededShort, in the linter's form.
var ownWarning = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`RegistryCredentialsRefused: (.*?)(?:; (?:pulled|resolved) (.*?) without (?:them|credentials)\.| for (.*?), which the target does not need\.)`)
})

// readWarning reads a warning of pullsafe back: what was refused, and the images
// that it names.
func readWarning(line string) (c report.Conclusion, refs []string, ok bool) {
	if !strings.Contains(line, "RegistryCredentialsRefused: ") {
		return c, nil, false
	}
	line = diagnosis.Clean(line, 2*maxOwn)
	m := ownWarning().FindStringSubmatchIndex(line)
	if m == nil {
		return c, nil, false
	}
	if c, ok = readHeadline(line[m[2]:m[3]]); !ok {
		return c, nil, false
	}
	list := ""
	for g := 4; g < len(m); g += 2 {
		if m[g] >= 0 {
			list += line[m[g]:m[g+1]]
		}
	}
	c.Headline = strings.TrimSpace(line[m[2]:])
	c.AnonymousRetryCanHelp = m[4] >= 0
	list, _, _ = strings.Cut(list, " and ")
	return c, strings.Split(list, ", "), true
}

// isFailure tells whether a line is how pullsafe's error of a whole build
// begins; its headlines and images follow.
func isFailure(line string) bool {
	return strings.HasSuffix(line, " could not be resolved") && ownFailure().MatchString(line)
}

var ownFailure = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?:^|: )(?:the image|\d+ of \d+ images) could not be resolved$`)
})
