package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/stretchr/testify/require"

	"github.com/org/pullsafe/frontend"
	"github.com/org/pullsafe/frontend/diagnosis"
	"github.com/org/pullsafe/frontend/report"
	"github.com/org/pullsafe/tests/harness"
)

func root(t *testing.T) string {
	t.Helper()
	dir, err := harness.Checkout()
	require.NoError(t, err)
	return dir
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return text
}

// TestPictures: each committed picture is that of its recorded stream, is
// well-formed, refers to nothing outside, and says what it is there to say.
func TestPictures(t *testing.T) {
	for _, p := range pictures {
		t.Run(p.name, func(t *testing.T) {
			svg, err := p.draw(read(t, p.stream(root(t))))
			require.NoError(t, err)
			committed := read(t, p.file(root(t)))
			require.Equal(t, string(committed), string(svg), "run make picture")
			require.Less(t, len(svg), 16<<10)
			text := parse(t, committed)
			require.Contains(t, text, squeeze(p.title))
			require.Contains(t, text, squeeze(p.desc))
			require.Contains(t, text, squeeze(p.syntax))
			for _, w := range p.want {
				require.Contains(t, text, squeeze(w))
			}
			require.Equal(t, p.fails, strings.Contains(text, "ERROR"), "a build that went through shows no failed step")
		})
	}
}

// TestWordsOfToday: the warning in the picture is the one that the frontend gives
// today, about the image and the line of the example.
func TestWordsOfToday(t *testing.T) {
	ref, line := copied(t)
	d := diagnosis.Diagnosis{Class: diagnosis.CredentialsRejected}
	short := report.Warning{Host: "ghcr.io", Refs: []string{ref}, Answer: d}.Short()
	warning := linter.LintFormatShort(frontend.RuleCredentialsRejected, short, line)
	for _, p := range pictures {
		text := parse(t, read(t, p.file(root(t))))
		require.Equal(t, !p.fails, strings.Contains(text, squeeze(warning)), "%s: run make picture; the frontend says: %s", p.name, warning)
		require.Contains(t, text, squeeze("load metadata for "+ref))
	}
}

// copied is the image from which the example copies, and where.
func copied(t *testing.T) (ref string, line int) {
	t.Helper()
	for text := range strings.Lines(string(read(t, filepath.Join(root(t), "examples", "uv", dockerfile)))) {
		line++
		if _, rest, ok := strings.Cut(text, "COPY --from="); ok {
			return strings.Fields(rest)[0], line
		}
	}
	require.Fail(t, "the example copies from no image")
	return "", 0
}

// parse returns what a picture says, without spaces: they are made of columns
// there, and a terminal breaks lines anywhere.
func parse(t *testing.T, svg []byte) string {
	t.Helper()
	var text strings.Builder
	elements := map[string]int{}
	dec := xml.NewDecoder(strings.NewReader(string(svg)))
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			elements[token.Name.Local]++
			if token.Name.Local == "svg" {
				require.Contains(t, token.Attr, xml.Attr{Name: xml.Name{Local: "role"}, Value: "img"})
			}
			for _, a := range token.Attr {
				require.NotContains(t, a.Name.Local, "href")
				require.False(t, strings.HasPrefix(a.Name.Local, "on"), a.Name.Local)
			}
		case xml.CharData:
			text.Write(token)
		}
	}
	require.Equal(t, 1, elements["title"])
	require.Equal(t, 1, elements["desc"])
	require.Greater(t, elements["text"], 10)
	for _, name := range []string{"script", "image", "foreignObject", "path"} {
		require.Zero(t, elements[name], name)
	}
	return squeeze(text.String())
}

func squeeze(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
}

// TestScreen: the last state counts, with its looks; what has scrolled away is an
// error and not a picture with less in it.
func TestScreen(t *testing.T) {
	stream := "\x1b[34m => one  0.1s\r\n\x1b[0mtwo\r\n\x1b[1A\x1b[0G\x1b[31mTWO\x1b[0m ok\r\n\x1b[33mlast\x1b[0m\r\n\r\n"
	lines, err := screen([]byte(stream), 40, 4)
	require.NoError(t, err)
	var shown []string
	for _, line := range lines {
		for _, s := range line {
			shown = append(shown, look(s)+"|"+s.text)
		}
		shown = append(shown, "/")
	}
	require.Equal(t, []string{"b|=> one", "b|0.1s", "/", "r|TWO", "|ok", "/", "y|last", "/"}, shown)
	require.Equal(t, 1, lines[0][0].column)
	require.Equal(t, 9, lines[0][1].column)

	_, err = screen([]byte(strings.Repeat("x\r\n", 5)), 40, 4)
	require.ErrorContains(t, err, "does not fit 4 lines")
}

// TestHostileStream: what a stream holds is text in the picture, never markup.
func TestHostileStream(t *testing.T) {
	svg, err := pictures[0].draw([]byte(strings.Repeat("<script href=\"x\">&amp;\x00\x07\r\n", 11)))
	require.NoError(t, err)
	require.Contains(t, parse(t, svg), "<scripthref=\"x\">&amp;")
}
