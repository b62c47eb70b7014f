package report

import "strings"

// Table is the report for a person who asked for it: every reference with its
// outcome, then the causes and what to run, then the counts.
func (r *Report) Table() string {
	if len(r.References) == 0 {
		return wordsNoImages
	}
	rows := [][]string{{"IMAGE", "PLATFORM", "PLACE", "OUTCOME", "DIGEST"}}
	for i := range r.References {
		rows = append(rows, r.References[i].rows()...)
	}
	var b strings.Builder
	columns(&b, "", rows)
	b.WriteString(r.Causes())
	b.WriteString("\n" + r.Summary.closing() + "\n")
	return b.String()
}

// Causes are the reasons for what failed, and for what could only be had without
// credentials, with the images and what to run; empty where all is well.
func (r *Report) Causes() string {
	var b strings.Builder
	for _, o := range []Outcome{Failed, OKWithoutCredentials} {
		writeCauses(&b, r.where(func(ref *Reference) bool { return ref.Outcome == o }))
	}
	return b.String()
}

// Closing counts the references by outcome, in words.
func (s Summary) Closing() string { return s.closing() }

// rows has a row for each place; what belongs to the image stands in the first.
func (r *Reference) rows() [][]string {
	outcome := outcomeWords[r.Outcome]
	if !r.Needed {
		outcome += " (" + wordsUnneeded + ")"
	}
	places := []string{""}
	if len(r.Positions) > 0 {
		places = nil
		for _, p := range r.Positions {
			places = append(places, p.place())
		}
	}
	out := [][]string{{r.name(), r.Platform, places[0], outcome, shortDigest(r.Digest)}}
	for _, p := range places[1:] {
		out = append(out, []string{"", "", p, "", ""})
	}
	return out
}

// shortDigest keeps as much of a digest as a person compares.
func shortDigest(d string) string {
	const n = len("sha256:") + 12
	if len(d) <= n {
		return d
	}
	return d[:n]
}
