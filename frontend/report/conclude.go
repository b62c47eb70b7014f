package report

import (
	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/resolve"
)

// Diagnosis is a diagnosis with what to do about it.
type Diagnosis struct {
	diagnosis.Diagnosis
	// Remedies are in the order in which to try them.
	Remedies []Remedy `json:"remedies"`
}

// Conclusion is what the answers about one reference mean together.
type Conclusion struct {
	Diagnosis

	Headline string // one line, without the name of the image
	Code     Code   // of the headline
	Open     string // what a single answer leaves open
}

// Explain says what the answers about a reference mean that could not be resolved,
// or only by the anonymous fallback. It claims nothing that the texts do not show:
// when both attempts were denied, an expired login is not known.
func Explain(r *resolve.Resolution) Conclusion {
	d := r.Written
	c := single(d)
	last, tried := r.Decisive()
	switch {
	case r.Policy != nil:
		c.Headline, c.Remedies = opening(d)+sayVerdict(*r.Policy), steps(d.Host, doLogout, doLogin, noteAgain)
		c.AnonymousRetryCanHelp = false
	case r.FellBack():
		c.Headline = opening(d) + sayFallback(d, r.Strict)
		if d.Class != diagnosis.CredentialHelper {
			c.Remedies = steps(d.Host, doLogout, noteKeepForPush(where(d)), noteEnv)
		}
	case tried:
		clause, todo := afterFallback(d, last)
		c.Headline, c.Remedies, c.AnonymousRetryCanHelp = opening(d)+clause, todo, false
		if last.Class == diagnosis.NotFound || last.Class == diagnosis.NoMatchingPlatform || last.Class == diagnosis.RateLimited {
			// The anonymous answer is about the image, the first one was not.
			c.Class, c.HTTPStatus, c.Message, c.Network = last.Class, last.HTTPStatus, last.Message, last.Network
		}
	case r.Off && d.AnonymousRetryCanHelp:
		c.Headline = opening(d) + sayOff
	}
	c.Code = codeOf(r)
	return c
}

// single is what one answer means when it was the only one.
func single(d diagnosis.Diagnosis) Conclusion {
	return Conclusion{Diagnosis: Diagnosis{d, remedies(d)}, Headline: headline(d)}
}

// afterFallback is what the answer to the anonymous fallback adds to the first one:
// the second half of the headline, and what to do.
func afterFallback(first, last diagnosis.Diagnosis) (clause string, todo []Remedy) {
	helper, host := first.Class == diagnosis.CredentialHelper, first.Host
	switch {
	case redirected(last):
		return sayRedirect(last), steps(host, doLogout, doLogin, noteAliases, noteEnv)
	case last.NotServed():
		return sayNotServed(last), steps(host, doLogout, doLogin, noteAliases, noteEnv)
	}
	//exhaustive:ignore
	switch last.Class {
	case diagnosis.AuthRequired, diagnosis.DeniedAmbiguous:
		switch {
		case helper:
			todo = append(remedies(first), login(host))
		case first.Class == diagnosis.DeniedAmbiguous:
			todo = steps(host, doLogin, noteTypo, noteAgain)
		default:
			todo = steps(host, doLogout, doLogin, noteTypo, noteAgain)
		}
		return sayDenied, todo
	case diagnosis.CredentialsRejected, diagnosis.CredentialHelper:
		return sayCredentials(first, last), remediesHelper(first, last)
	case diagnosis.TLSFailure:
		return sayUnfinished + Quote(last.Message), steps(host, doLogout, doLogin, noteTLSAlias, noteEnv)
	case diagnosis.NotFound:
		return sayMissing, steps(host, forProxies(host, doLogout, doLogin, noteTypo)...)
	case diagnosis.NoMatchingPlatform:
		return sayNoPlatform, steps(host, notePlatforms, doLogout)
	case diagnosis.RateLimited:
		return sayAnonymousLimit + Quote(last.Message), steps(host, doLogin, noteRaises)
	case diagnosis.PolicyDenied:
		return sayPolicy(first, last), steps(host, doLogout, doLogin, notePolicyAlias)
	case diagnosis.Canceled:
		return sayCanceled, steps(host, noteTryAgain, doLogout, doLogin, noteEnv)
	default:
		return sayUnfinished + Quote(last.Message), steps(host, noteTryAgain, doLogout, doLogin, noteEnv)
	}
}

// redirected tells whether an answer to the fallback is what became of a redirect. What
// a registry said elsewhere is an answer like any other.
func redirected(last diagnosis.Diagnosis) bool {
	//exhaustive:ignore
	switch last.Class {
	case diagnosis.CredentialsRejected, diagnosis.NetworkFailure, diagnosis.TLSFailure:
		return last.Redirect != ""
	}
	return last.RedirectBack()
}
