package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image/color"
	"strconv"
	"unicode/utf8"

	"github.com/tonistiigi/vt100"
)

// Sizes in pixels. A character is as wide as in most fonts of the list below;
// in others the text is stretched to it, so that columns stay columns.
const (
	fontSize   = 14
	charWidth  = 8.43
	lineHeight = 20
	padding    = 18
	titleBar   = 34
)

const fonts = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace"

// style has a background of its own, dark as most terminals: it can be read on a
// light page and on a dark one.
const style = "text{font:" + "14px " + fonts + ";fill:#e6edf3}" +
	".r{fill:#ff7b72}.g{fill:#56d364}.y{fill:#e3b341}.b{fill:#79c0ff}.m{fill:#d2a8ff}.c{fill:#76e3ea}.d{fill:#9da7b3}.k{font-weight:700}"

// writeSVG draws the lines as text, which can be selected, searched and read out.
func writeSVG(w *bytes.Buffer, title, desc string, lines [][]span) {
	width := columns*charWidth + 2*padding
	height := titleBar + len(lines)*lineHeight + padding
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="t d" width="%.0f" height="%d" viewBox="0 0 %.0f %d">`+"\n",
		width, height, width, height)
	fmt.Fprintf(w, "<title id=\"t\">%s</title>\n<desc id=\"d\">%s</desc>\n<style>%s</style>\n", escape(title), escape(desc), escape(style))
	fmt.Fprintf(w, `<rect x="0.5" y="0.5" width="%.0f" height="%d" rx="9" fill="#0d1117" stroke="#3d444d"/>`+"\n", width-1, height-1)
	for i, fill := range []string{"#ff5f57", "#febc2e", "#28c840"} {
		fmt.Fprintf(w, `<circle cx="%d" cy="18" r="6" fill="%s"/>`+"\n", padding+6+i*20, fill)
	}
	for i, line := range lines {
		if len(line) == 0 {
			continue
		}
		fmt.Fprintf(w, `<text y="%d">`, titleBar+fontSize+i*lineHeight)
		for _, s := range line {
			writeSpan(w, s)
		}
		fmt.Fprint(w, "</text>\n")
	}
	fmt.Fprint(w, "</svg>\n")
}

func writeSpan(w *bytes.Buffer, s span) {
	class := ""
	if c := look(s); c != "" {
		class = ` class="` + c + `"`
	}
	length := ""
	if n := utf8.RuneCountInString(s.text); n > 1 {
		length = ` textLength="` + number(float64(n)*charWidth) + `" lengthAdjust="spacingAndGlyphs"`
	}
	fmt.Fprintf(w, `<tspan x="%s"%s%s>%s</tspan>`, number(padding+float64(s.column)*charWidth), length, class, escape(s.text))
}

// colours are the terminal's, by the class of the style.
var colours = map[color.RGBA]string{
	vt100.Red: "r", vt100.Green: "g", vt100.Yellow: "y", vt100.Blue: "b", vt100.Magenta: "m", vt100.Cyan: "c",
	vt100.Black: "d",
}

// look is the class of a span. A prompt is drawn bold, as many shells do.
func look(s span) string {
	class := colours[s.format.Fg]
	if s.format.Intensity == vt100.Bright || (s.column == 0 && len(s.text) > 1 && s.text[:2] == "$ ") {
		if class != "" {
			class += " "
		}
		class += "k"
	}
	return class
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }

func escape(text string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text)) // a Buffer takes all
	return b.String()
}
