package main

import (
	"fmt"
	"strings"

	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/diagnosis"
)

// table is a row for each registry, in Markdown.
func table(results []result) string {
	var b strings.Builder
	b.WriteString("| Registry | Image | No login | Made-up login | First alias | Second alias | Third alias |\n|---|---|---|---|---|---|---|\n")
	for _, r := range results {
		cells := []string{r.Host, r.Image, r.Anonymous.words(), r.Refused.words(), "none", "none", "none"}
		for i, a := range r.Aliases[:min(len(r.Aliases), 3)] {
			name, _, _ := strings.Cut(a.Reference, "/")
			cells[4+i] = "`" + name + "`: " + a.words()
		}
		for i := range cells {
			cells[i] = strings.ReplaceAll(cells[i], "|", `\|`)
		}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	return b.String()
}

// words are the answer in a few words.
func (a answer) words() string {
	switch {
	case a.OK:
		return "ok"
	case a.Message == "":
		return string(a.Class)
	case a.Class == "":
		return a.Message
	default:
		return fmt.Sprintf("%s (%s)", a.Class, a.Message)
	}
}

// verdict is an error that names each registry that the order of host aliases does
// not suit, and each of which nothing can be said.
func verdict(results []result) error {
	var bad []string
	for _, r := range results {
		switch {
		case !r.Anonymous.OK:
			bad = append(bad, r.Host+": the image cannot be pulled without credentials either: choose another one")
		case r.Refused.OK:
			// A registry without logins: pullsafe never comes to a second try.
		case r.Refused.Class != diagnosis.CredentialsRejected && r.Refused.Class != diagnosis.DeniedAmbiguous:
			bad = append(bad, r.Host+": the made-up credentials were not rejected but: "+r.Refused.words())
		case len(r.Aliases) == 0 || !r.Aliases[0].OK:
			bad = append(bad, r.Host+": does not answer the host alias that is tried first")
		}
	}
	if len(bad) > 0 {
		return errors.Errorf("%d of %d registries need a look\n  %s", len(bad), len(results), strings.Join(bad, "\n  "))
	}
	return nil
}
