package slackview

import (
	"fmt"
	"html"
	"strings"
	"unicode"
)

// Sizes of the picture in pixels.
const (
	pictureWidth = 860.0
	margin       = 24.0
	barWidth     = 4.0
	indent       = margin + barWidth + 12
	textSize     = 15.0
	smallSize    = 12.5
	lineHeight   = 22.0
	gap          = 10.0
)

// canvas is an SVG in the making: y is the top of what comes next.
type canvas struct {
	b strings.Builder
	y float64
}

// SVG draws views one below the other. Every span is stretched to the width that it was
// given, so that the picture holds together in any font.
func SVG(views ...View) string {
	c := &canvas{y: margin}
	for _, v := range views {
		c.view(v)
		c.y += margin
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" font-family="Lato, Helvetica, Arial, sans-serif">
<rect width="100%%" height="100%%" rx="8" fill="#ffffff" stroke="#dddddd"/>
%s</svg>
`, pictureWidth, c.y, pictureWidth, c.y, c.b.String())
}

func (c *canvas) view(v View) {
	c.line(margin, []Span{{Text: v.Headline, Bold: true}}, 19)
	c.y += gap
	top := c.y
	for i, p := range v.Parts {
		if i > 0 {
			c.y += gap
		}
		c.part(p)
	}
	fmt.Fprintf(&c.b, `<rect x="%.0f" y="%.1f" width="%.0f" height="%.1f" rx="2" fill="%s"/>`+"\n", margin, top, barWidth, c.y-top, html.EscapeString(v.Colour))
}

func (c *canvas) part(p Part) {
	width := pictureWidth - margin - indent
	for f := 0; f < len(p.Fields); f += 2 {
		top, below := c.y, c.y
		for column, field := range p.Fields[f:min(f+2, len(p.Fields))] {
			c.y = top
			c.lines(indent+float64(column)*width/2, width/2-12, field.Lines, textSize)
			below = max(below, c.y)
		}
		c.y = below + 4
	}
	size := textSize
	if p.Small {
		size = smallSize
	}
	c.lines(indent, width, p.Lines, size)
}

func (c *canvas) lines(x, width float64, lines [][]Span, size float64) {
	measure := func(s Span) float64 { return measured(s, size) }
	for _, line := range lines {
		if len(line) == 1 && line[0].Block {
			c.block(x, width, line[0])
			continue
		}
		for _, l := range wrap(line, width, measure) {
			c.line(x, l, size)
		}
	}
}

// block is a block of code in its box.
func (c *canvas) block(x, width float64, s Span) {
	inner := wrap([]Span{s}, width-16, func(s Span) float64 { return measured(s, smallSize) })
	height := float64(len(inner))*lineHeight + 8
	c.y += 4
	fmt.Fprintf(&c.b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="4" fill="#f8f8f8" stroke="#dddddd"/>`+"\n", x, c.y, width, height)
	c.y += 4
	for _, l := range inner {
		c.line(x+8, l, smallSize)
	}
	c.y += 4
}

func (c *canvas) line(x float64, line []Span, size float64) {
	base := c.y + lineHeight/2 + size/3
	for _, s := range line {
		// Viewers swallow blanks at both ends of a text.
		start := Span{Text: s.Text[:len(s.Text)-len(strings.TrimLeft(s.Text, " "))]}
		x, s.Text = x+measured(start, size), strings.TrimLeft(s.Text, " ")
		width := measured(trimmed(s), size)
		style, fill := "", "#1d1c1d"
		switch {
		case s.Code:
			fmt.Fprintf(&c.b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="3" fill="#f8f8f8" stroke="#dddddd"/>`+"\n", x-2, c.y+2, width+4, lineHeight-4)
			style, fill = ` font-family="Menlo, Consolas, DejaVu Sans Mono, monospace"`, "#c01343"
		case s.Block:
			style = ` font-family="Menlo, Consolas, DejaVu Sans Mono, monospace"`
		case s.Bold:
			style = ` font-weight="bold"`
		case s.Link:
			fill = "#1264a3"
		}
		if text := trimmed(s).Text; text != "" {
			fmt.Fprintf(&c.b, `<text x="%.1f" y="%.1f" font-size="%.4g" fill="%s" textLength="%.1f" lengthAdjust="spacingAndGlyphs"%s>%s</text>`+"\n",
				x, base, size*scale(s), fill, width, style, html.EscapeString(text))
		}
		x += measured(s, size)
	}
	c.y += lineHeight
}

// scale makes code a little smaller than the text around it.
func scale(s Span) float64 {
	if s.Code {
		return 0.88
	}
	return 1
}

// measured is about as wide as the text would be in Helvetica, or in a font of fixed
// width.
func measured(s Span, size float64) float64 {
	width := 0.0
	for _, r := range s.Text {
		switch {
		case s.Code || s.Block:
			width += 0.6
		case r > 0x2600:
			width += 1.25 // an emoji
		case strings.ContainsRune(" .,:;'|!ijl/", r):
			width += 0.28
		case strings.ContainsRune("mwMW@", r):
			width += 0.84
		case unicode.IsUpper(r):
			width += 0.68
		case strings.ContainsRune("frt()-I", r):
			width += 0.35
		default:
			width += 0.54
		}
	}
	if s.Bold {
		width *= 1.06
	}
	return width * size * scale(s)
}
