package report

import "strings"

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
