package report

import (
	"strings"

	"github.com/distribution/reference"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/resolve"
)

// Code is how a log tells a program what pullsafe has concluded: the class of the
// first answer, the class of the decisive one of the anonymous fallback, and flags,
// as in "credentials-rejected/auth-required". In brackets, it ends the headline of
// each cause. It selects sentences and commands anew from this package: who forges
// one in a log gets a choice among our own.
type Code string

// codeResolved stands behind the class of an answer that the fallback made up for.
const codeResolved = "/resolved"

// codeOf is empty for what has no words of ours.
func codeOf(r *resolve.Resolution) Code {
	d := r.Written
	if d.Class == diagnosis.NotARegistryError || d.Class == diagnosis.Canceled {
		return ""
	}
	words := []string{string(d.Class)}
	add := func(holds bool, word string) {
		if holds {
			words = append(words, word)
		}
	}
	last, tried := r.Decisive()
	tried = tried && !r.FellBack()
	add(tried, string(last.Class))
	add(tried && redirected(last) && last.RedirectBack(), "back")
	add(tried && redirected(last) && !last.RedirectBack(), "elsewhere")
	add(tried && !redirected(last) && last.NotServed(), "unserved")
	add(tried && last.Silent || !tried && d.Silent, "silent")
	add(d.Mirror != "", "mirror")
	add((d.Class == diagnosis.NetworkFailure || d.Class == diagnosis.TLSFailure) && d.Redirect != "", "redirect")
	add(detailed(d) != nil && !d.Push, string(d.Detail))
	add(d.Barred, "barred")
	add(d.SourcePolicy, "source")
	add(d.Network != "", string(d.Network))
	add(d.Class == diagnosis.RateLimited && d.UsedCredentials != nil && *d.UsedCredentials, "account")
	add(r.Off && d.AnonymousRetryCanHelp, "off")
	add(r.Policy != nil && r.Policy.Class == diagnosis.PolicyDenied, "verdict")
	add(r.Policy != nil && r.Policy.Class != diagnosis.PolicyDenied, "undecided")
	add(r.Policy == nil && r.FellBack(), "resolved")
	add(r.Policy == nil && r.FellBack() && r.Strict, "strict")
	return Code(strings.Join(words, "/"))
}

// String is the code as it stands behind other words.
func (c Code) String() string {
	if c == "" {
		return ""
	}
	return " " + diagnosis.CodeMark + string(c) + "]"
}

// FindCode returns the last code in a text.
func FindCode(text string) (Code, bool) {
	i := strings.LastIndex(text, diagnosis.CodeMark)
	if i < 0 {
		return "", false
	}
	code, _, ok := strings.Cut(text[i+len(diagnosis.CodeMark):], "]")
	class, _, _ := strings.Cut(code, "/")
	return Code(code), ok && isClass(class)
}

func isClass(word string) bool { return len(diagnosis.Examples(diagnosis.Class(word))) > 0 }

// nameless is a mirror, or the place of a redirect, of which no more is known: a code
// has no names of others.
const nameless = "*"

func known(host string) string { return strings.TrimPrefix(host, nameless) }

// Resolution is what the code tells of ref. Words that it does not know say nothing.
func (c Code) Resolution(ref string) *resolve.Resolution {
	yes := true
	class, rest, _ := strings.Cut(string(c), "/")
	d := diagnosis.Diagnosis{Class: diagnosis.Class(class)}
	named, err := reference.ParseNormalizedNamed(ref)
	if err == nil {
		d.Host = reference.Domain(named)
	}
	if d.Class == diagnosis.CredentialsRejected {
		d.UsedCredentials = &yes
	}
	r := &resolve.Resolution{Ref: ref, Written: d}
	last := &r.Written // what a word is about
	for word := range strings.SplitSeq(rest, "/") {
		switch word {
		case "back":
			last.Redirect = d.Host
		case "elsewhere", "redirect":
			last.Redirect = nameless
		case "unserved":
			last.HTTPStatus = 421
		case "silent":
			last.Silent = true
		case "mirror":
			r.Written.Mirror = nameless
		case "barred":
			r.Written.Barred = true
		case "source":
			r.Written.SourcePolicy = true
		case string(diagnosis.NetworkClient), string(diagnosis.NetworkDaemon):
			r.Written.Network = diagnosis.Network(word)
		case "account":
			r.Written.UsedCredentials = &yes
		case "off":
			r.Off, r.Written.AnonymousRetryCanHelp = true, true
		case "verdict":
			r.Policy = &diagnosis.Diagnosis{Class: diagnosis.PolicyDenied}
		case "undecided":
			r.Policy = &diagnosis.Diagnosis{}
		case "resolved":
			r.Alias, r.Written.AnonymousRetryCanHelp = named, true
		case "strict":
			r.Strict = true
		default:
			if diagnosis.Detail(word).Known() {
				r.Written.Detail = diagnosis.Detail(word)
			} else if isClass(word) {
				r.Fallback = append(r.Fallback, diagnosis.Diagnosis{Class: diagnosis.Class(word), Host: d.Host})
				last = &r.Fallback[len(r.Fallback)-1]
			}
		}
	}
	return r
}
