package output

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/plugin/finding"
)

// Table writes the findings for a person: the registries with their credentials,
// the images, the reasons with what to run, and the counts.
func Table(w io.Writer, findings []finding.Finding, notes []string, color bool) error {
	var b strings.Builder
	for _, n := range notes {
		b.WriteString("Note: " + diagnosis.Clean(n, 2*maxCell) + "\n\n")
	}
	if len(findings) == 0 {
		b.WriteString(noImages)
	} else {
		writeRegistries(&b, findings, color)
		b.WriteByte('\n')
		writeImages(&b, findings, color)
		b.WriteString(finding.Report(findings).Causes())
		b.WriteString("\n" + closing(findings))
	}
	_, err := io.WriteString(w, b.String())
	return errors.WithStack(err)
}

func writeRegistries(b *strings.Builder, findings []finding.Finding, color bool) {
	var g grid
	g.head("REGISTRY", "LOGIN THAT IS SENT", "ANSWER TO IT")
	registries := finding.Registries(findings)
	for i := range registries {
		r := &registries[i]
		g.add(cell{text: r.Domain}, cell{text: Credential(r.Source)}, verdict(r))
	}
	g.write(b, color)
}

func writeImages(b *strings.Builder, findings []finding.Finding, color bool) {
	var g grid
	g.head("IMAGE", "WITH LOGIN", "WITHOUT", "PLACE", "DIGEST", "PLATFORMS")
	for i := range findings {
		f := &findings[i]
		places := []string{""}
		for n, p := range f.Positions {
			place := fmt.Sprintf("%s:%d", diagnosis.Clean(p.File, maxCell), p.Line)
			if n == 0 {
				places[0] = place
			} else {
				places = append(places, place)
			}
		}
		g.add(cell{text: name(&f.Reference)}, with(f.With), without(f), cell{text: places[0]}, cell{text: shortDigest(f.Digest)}, cell{text: platforms(f)})
		for _, p := range places[1:] {
			g.add(cell{}, cell{}, cell{}, cell{text: p})
		}
	}
	g.write(b, color)
}

// maxPlatforms bounds the platforms of an image in a table.
const maxPlatforms = 2

// platforms begins with the one that was asked for.
func platforms(f *finding.Finding) string {
	if len(f.Platforms) == 0 {
		return ""
	}
	list := []string{}
	if f.Platform != "" && slices.Contains(f.Platforms, f.Platform) {
		list = append(list, f.Platform)
	}
	for _, p := range f.Platforms {
		if p != f.Platform && len(list) < maxPlatforms {
			list = append(list, diagnosis.Clean(p, maxCell))
		}
	}
	text := strings.Join(list, ", ")
	if n := len(f.Platforms) - len(list); n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

// shortDigest keeps as much of a digest as a person compares.
func shortDigest(d string) string {
	const n = len("sha256:") + 12
	return d[:min(len(d), n)]
}
