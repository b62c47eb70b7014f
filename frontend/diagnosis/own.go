package diagnosis

import (
	"regexp"
	"strings"
	"sync"
)

// Own reads a headline of Conclusion back, so that a log of pullsafe is not
// explained a second time, and differently. What was tried is then known: the
// remedies are those that the headline was printed with, as far as the text
// tells.
func Own(line string) (Conclusion, bool) {
	line = Clean(line, maxOwn)
	for _, o := range ownHeadlines() {
		m := o.form.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		d := Diagnosis{Class: o.class, Remedies: []Remedy{}}
		for i, name := range o.form.SubexpNames() {
			switch name {
			case "host":
				d.Host = bareHost(m[i])
			case "answer":
				d.Message = m[i]
			}
		}
		d.HTTPStatus = statusNumber(d.Message)
		yes := true
		if o.class == CredentialsRejected {
			d.UsedCredentials = &yes
		}
		rest := line[len(m[0]):]
		for _, c := range ownClauses {
			if strings.HasPrefix(rest, c.begins) {
				d.Class = c.class
			}
		}
		return Conclusion{Diagnosis: d, Headline: line, Written: d.Message}, true
	}
	return Conclusion{}, false
}

// maxOwn bounds a headline, in runes: two hosts and two answers.
const maxOwn = 4 * maxMessage

type ownHeadline struct {
	class Class
	form  *regexp.Regexp
}

// ownHeadlines are the forms of opening and headline in words.go.
var ownHeadlines = sync.OnceValue(func() []ownHeadline {
	const host, answer = `(?P<host>[\w.:\[\]-]+|the registry)`, `(?: \((?P<answer>.*?)\))?`
	var out []ownHeadline
	for _, h := range []struct {
		class Class
		form  string
	}{
		{CredentialsRejected, host + ` refused the stored credentials` + answer},
		{CredentialHelper, `the credential helper for ` + host + ` failed` + answer},
		{DeniedAmbiguous, host + ` refused access` + answer},
		{AuthRequired, host + ` refused a request without credentials` + answer},
		{AuthRequired, host + ` has no stored credentials and refused without` + answer},
		{RateLimited, host + ` got too many requests` + answer},
		{NotFound, host + ` has no such image or tag` + answer},
		{NoMatchingPlatform, `the image exists, but not for this platform`},
		{NetworkFailure, `no connection to ` + host + ` from the (?:client|builder)` + answer},
		{NetworkFailure, `no answer from ` + host + ` in time` + answer},
		{TLSFailure, `no trusted TLS connection to ` + host + ` from the (?:client|builder)` + answer},
		{RegistryOutage, host + ` does not work as it should` + answer},
		{PolicyDenied, `a policy does not allow this image` + answer},
		{InvalidReference, `not a valid reference` + answer},
	} {
		out = append(out, ownHeadline{h.class, regexp.MustCompile(`^` + h.form + `(?:$|[,;:] ?|\. ?)`)})
	}
	return out
})

// ownClauses are the second halves that change the class, as in outcomeOf.
var ownClauses = []struct {
	begins string
	class  Class
}{
	{"without credentials it has no such image", NotFound},
	{"the image is public, but not for this platform", NoMatchingPlatform},
	{"without credentials its limit is reached", RateLimited},
}

// ownWarning is the text of RefusedShort and UnneededShort, in the linter's form.
var ownWarning = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`RegistryCredentialsRefused: (.*?)(?:; (?:pulled|resolved) (.*?) without (?:them|credentials)\.| for (.*?), which the target does not need\.)`)
})

// OwnWarning reads a warning of pullsafe back: what was refused, and the images
// that it names.
func OwnWarning(line string) (c Conclusion, refs []string, ok bool) {
	if !strings.Contains(line, "RegistryCredentialsRefused: ") {
		return c, nil, false
	}
	line = Clean(line, 2*maxOwn)
	m := ownWarning().FindStringSubmatchIndex(line)
	if m == nil {
		return c, nil, false
	}
	if c, ok = Own(line[m[2]:m[3]]); !ok {
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

// OwnFailure tells whether a line is how pullsafe's error of a whole build
// begins; its headlines and images follow.
func OwnFailure(line string) bool {
	return strings.HasSuffix(line, " could not be resolved") && ownFailure().MatchString(line)
}

var ownFailure = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?:^|: )(?:the image|\d+ of \d+ images) could not be resolved$`)
})
