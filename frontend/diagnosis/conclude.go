package diagnosis

import "slices"

// Tries is what is known of one reference: the try as written and the tries
// without credentials, in order.
type Tries struct {
	Ref     string
	Written Diagnosis
	Without []Diagnosis
	// Policy is the answer of the policies to the image that was had without
	// credentials; nil if they allow it.
	Policy *Diagnosis
	// Off: the try without credentials is switched off for the registry host.
	// Strict: it may be made, but an image that is only had so is not used.
	Off, Strict bool
}

// Conclusion is what the tries mean together.
type Conclusion struct {
	Diagnosis

	Headline string // one line, without the name of the image
	Open     string // what one answer alone leaves open; empty after a second try
	Written  string // both answers in short words
	Without  string // empty when not tried
}

// decisive orders the outcomes without credentials by how much they say of the
// image: with several spellings, one may meet a helper or a broken proxy and
// another the registry itself.
var decisive = []Class{
	PolicyDenied, Canceled, NoMatchingPlatform, RateLimited, AuthRequired, DeniedAmbiguous, NotFound,
	CredentialsRejected, CredentialHelper, RegistryOutage, TLSFailure, NetworkFailure,
}

func (t Tries) without() (Diagnosis, bool) {
	for _, class := range decisive {
		if i := slices.IndexFunc(t.Without, func(d Diagnosis) bool { return d.Class == class }); i >= 0 {
			return t.Without[i], true
		}
	}
	if len(t.Without) == 0 {
		return Diagnosis{}, false
	}
	return t.Without[len(t.Without)-1], true
}

// written is the answer to the first try, about the host of the reference.
func (t Tries) written() Diagnosis {
	d := t.Written
	if host := hostOf(t.Ref); host != "" {
		d.Host = host
	}
	return d
}

// Conclude says what the tries mean together: class, message, both answers,
// remedies and a headline. It claims nothing that the texts do not show.
func (t Tries) Conclude() Conclusion {
	d := t.written()
	c := Conclusion{Diagnosis: d, Written: d.Message}
	if t.Policy != nil {
		c.Without = t.Policy.Message
		c.Headline = d.opening() + sayPolicyUndecided(*t.Policy)
		c.AnonymousRetryCanHelp = false
		c.Remedies = remediesPolicyUndecided(d)
		return c
	}
	without, tried := t.without()
	if !tried {
		c.Headline = d.headline()
		if t.Off && d.AnonymousRetryCanHelp {
			c.Headline = d.opening() + sayOff
		}
		c.Remedies = d.remedies()
		return c
	}
	c.Without = without.Message
	o := outcomeOf(without)
	c.Headline = d.opening() + o.clause(d, without)
	if o.class != "" {
		c.Class = o.class
		c.HTTPStatus = without.HTTPStatus
		c.Message = without.Message
		c.Network = without.Network
	}
	c.AnonymousRetryCanHelp = false
	c.Remedies = o.remedies(d)
	return c
}

// Alone says what one answer means of which nothing more is known, for example
// because it comes from a log: no word on whether the image is public, but how
// to find out.
func (d Diagnosis) Alone(ref string) Conclusion {
	c := Conclusion{Diagnosis: d, Headline: d.headline(), Written: d.Message, Open: d.open()}
	if c.Open != "" {
		c.Headline = d.opening()
		c.Remedies = remediesFindOut(d, ref)
	}
	return c
}

// Rescued says what the refusal of the first try means when the reference could
// be had without credentials after all.
func (t Tries) Rescued() Conclusion {
	d := t.written()
	d.Remedies = remediesRescued(d)
	say := sayRescued(d)
	if t.Strict {
		say += sayStrict
	}
	return Conclusion{Diagnosis: d, Headline: d.opening() + say, Written: d.Message}
}

// Canceled tells that the build was canceled before the reference was known.
func (t Tries) Canceled() bool {
	last := t.Written
	if n := len(t.Without); n > 0 {
		last = t.Without[n-1]
	}
	return last.Class == Canceled
}

// outcome is what a try without credentials adds to the first answer.
type outcome struct {
	class    Class // of the whole; empty: the first answer's
	clause   func(first, without Diagnosis) string
	remedies func(first Diagnosis) []Remedy
}

func outcomeOf(without Diagnosis) outcome {
	//exhaustive:ignore
	switch without.Class {
	case AuthRequired, DeniedAmbiguous:
		return outcome{"", sayRefusedToo, remediesRefusedToo}
	case CredentialsRejected, CredentialHelper:
		return outcome{"", sayHelperAnswers, remediesHelperAnswers}
	case TLSFailure:
		return outcome{"", sayUnfinished, remediesTLSWithout}
	case NotFound:
		return outcome{NotFound, sayMissing, remediesMissing}
	case NoMatchingPlatform:
		return outcome{NoMatchingPlatform, sayNoPlatform, remediesNoPlatform}
	case RateLimited:
		return outcome{RateLimited, sayAnonymousLimit, remediesAnonymousLimit}
	case PolicyDenied:
		return outcome{"", sayPolicy, remediesPolicyAllowsWritten}
	case Canceled:
		return outcome{"", sayCanceled, remediesUnfinished}
	default:
		return outcome{"", sayUnfinished, remediesUnfinished}
	}
}
