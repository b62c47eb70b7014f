package output

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pkg/errors"

	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/plugin/finding"
)

// Styles of cells.
const (
	bold   = "\x1b[1m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
)

// gap is the space between cells.
const gap = 3

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
		writeGrid(&b, registries(findings), color)
		b.WriteByte('\n')
		writeGrid(&b, images(findings), color)
		b.WriteString(diagnosis.Printable(finding.Report(findings).Causes(false)))
		b.WriteString("\n" + closing(findings))
	}
	_, err := io.WriteString(w, b.String())
	return errors.WithStack(err)
}

// GitHub writes annotations for GitHub Actions.
func GitHub(w io.Writer, findings []finding.Finding, strict bool) error {
	_, err := io.WriteString(w, diagnosis.Printable(finding.Report(findings).GitHub(strict)))
	return errors.WithStack(err)
}

func registries(findings []finding.Finding) report.Grid {
	g := report.Grid{report.Row("REGISTRY", "CREDENTIALS", "ANSWER")}
	all := finding.Registries(findings)
	for i := range all {
		r := &all[i]
		g = append(g, append(report.Row(r.Domain, Credential(r.Source)), verdict(r)))
	}
	return g
}

func images(findings []finding.Finding) report.Grid {
	g := report.Grid{report.Row("IMAGE", "WITH CREDENTIALS", "WITHOUT", "FALLBACK", "PLACE", "DIGEST", "PLATFORMS")}
	for i := range findings {
		f := &findings[i]
		places := f.Places()
		row := report.Row(name(f), "", "", "", places[0], f.ShortDigest(), platforms(f))
		row[1], row[2], row[3] = with(f.With), without(f), fallback(f)
		g = append(g, row)
		for _, p := range places[1:] {
			g = append(g, report.Row("", "", "", "", p, "", ""))
		}
	}
	return g
}

// writeGrid leaves out columns that have only a title.
func writeGrid(b *strings.Builder, g report.Grid, color bool) {
	for col := range slices.Backward(g[0]) {
		if !slices.ContainsFunc(g[1:], func(row []report.Cell) bool { return row[col].Text != "" }) {
			for i := range g {
				g[i] = slices.Delete(g[i], col, col+1)
			}
		}
	}
	for i := range g {
		for j := range g[i] {
			g[i][j].Text = strings.ReplaceAll(diagnosis.Printable(g[i][j].Text), "\n", " ")
			switch {
			case !color:
				g[i][j].Style = ""
			case i == 0:
				g[i][j].Style = bold
			}
		}
	}
	g.Write(b, "", gap)
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
