package report

import (
	"slices"
	"strings"

	"github.com/org/pullsafe/frontend/diagnosis"
)

const (
	maxLines            = 40 // that name images in one error, so that it stays on a screen
	maxCauses           = 10 // that an error explains
	maxShownInstruction = 72 // the text of an instruction beside an image, in runes
)

// Failure is the text of a build that could not go on: every needed image that
// failed or was not checked, and then what else would fail, with its places, by
// registry host and cause, and what to run for each. It has no newline at its end.
func (r *Report) Failure() string {
	failed := r.where(func(ref *Reference) bool { return ref.Needed && ref.Outcome == Failed })
	unknown := r.where(func(ref *Reference) bool { return ref.Needed && ref.Outcome == NotChecked })
	others := r.where(func(ref *Reference) bool { return !ref.Needed && ref.Outcome == Failed })
	needed := distinct(r.where(func(ref *Reference) bool { return ref.Needed }))
	pulling := len(failed) > 0 && !slices.ContainsFunc(failed, func(ref *Reference) bool { return !ref.pulling })

	var b strings.Builder
	b.WriteString(failureHeadline(distinct(failed), max(needed, distinct(failed)), pulling) + "\n")
	writeCauses(&b, slices.Concat(failed, unknown, others), true)
	return strings.TrimRight(b.String(), "\n")
}

// writeCauses ends headlines in their codes where a log is to be read.
func writeCauses(b *strings.Builder, refs []*Reference, codes bool) {
	left := maxLines
	all := causes(refs, codes)
	for i, c := range all {
		b.WriteString("\n")
		if i == maxCauses {
			n := 0
			for _, c := range all[i:] {
				n += len(c.Images)
			}
			writeMore(b, n)
			return
		}
		c.Write(b, left)
		left -= min(len(c.Images), max(left, 1))
	}
}

// causes groups references by registry host and cause, in their order.
func causes(refs []*Reference, codes bool) []*Cause {
	type key struct{ headline, host string }
	var out []*Cause
	index := map[key]*Cause{}
	for _, r := range refs {
		k, c := key{headline: r.Explanation}, Cause{}
		if r.Diagnosis != nil {
			k.host, c.Remedies = r.Diagnosis.Host, r.Diagnosis.Remedies
		}
		if codes {
			k.headline += r.Code.String()
		}
		if r.Outcome == NotChecked {
			k, c.Remedies = key{headline: wordsNotChecked}, nil
		}
		if index[k] == nil {
			c.Headline, index[k] = k.headline, &c
			out = append(out, &c)
		}
		index[k].addReference(r)
	}
	return out
}

// addReference adds the reference with its places and its hint, each once.
func (c *Cause) addReference(r *Reference) {
	name := r.Name()
	if r.Diagnosis != nil && r.Diagnosis.Class == diagnosis.NoMatchingPlatform && r.Platform != "" {
		name += " (" + r.Platform + ")"
	}
	if len(r.Positions) == 0 {
		c.Add(name)
	}
	for _, p := range r.Positions {
		row := []string{name, p.Place(), diagnosis.Clean(p.Instruction, maxShownInstruction)}
		if !r.Needed {
			row = append(row, "("+wordsUnneeded+")")
		}
		c.Add(row...)
	}
	if r.Hint != "" && !slices.Contains(c.Notes, r.Hint) {
		c.Notes = append(c.Notes, r.Hint)
	}
}

// Table is the report for a person who asked for it: every reference with its
// outcome, then the causes and what to run, then the counts.
func (r *Report) Table() string {
	if len(r.References) == 0 {
		return wordsNoImages
	}
	g := Grid{Row("IMAGE", "PLATFORM", "PLACE", "OUTCOME", "DIGEST")}
	for i := range r.References {
		g = append(g, r.References[i].rows()...)
	}
	var b strings.Builder
	g.Write(&b, "", gap)
	b.WriteString(r.Causes(false))
	b.WriteString("\n" + r.Summary.Closing() + "\n")
	return b.String()
}

// Causes are the reasons for what failed, and for what only the anonymous fallback
// resolved, with the images and what to run; empty where all is well. In what may
// become a log, headlines end in their codes.
func (r *Report) Causes(codes bool) string {
	var b strings.Builder
	for _, o := range []Outcome{Failed, OKWithoutCredentials} {
		writeCauses(&b, r.where(func(ref *Reference) bool { return ref.Outcome == o }), codes)
	}
	return b.String()
}

// rows has a row for each place; what belongs to the image stands in the first.
func (r *Reference) rows() Grid {
	outcome := outcomeWords[r.Outcome]
	if !r.Needed {
		outcome += " (" + wordsUnneeded + ")"
	}
	places := r.Places()
	g := Grid{Row(r.Name(), r.Platform, places[0], outcome, r.ShortDigest())}
	for _, p := range places[1:] {
		g = append(g, Row("", "", p, "", ""))
	}
	return g
}
