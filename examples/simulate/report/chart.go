package report

import (
	"fmt"
	"html"
	"html/template"
	"slices"
	"strings"
)

// Sizes of a chart in its own units. A browser scales them to the page.
const (
	width, height = 760.0, 300.0
	left, right   = 64.0, 16.0
	top, bottom   = 16.0, 46.0
)

// chart is an SVG picture while it is drawn. The vertical axis begins at zero.
type chart struct {
	b            strings.Builder
	low, high    float64 // of the horizontal axis
	most         float64 // of the vertical axis
	plotW, plotH float64
}

func newChart(label string, low, high, most float64) *chart {
	c := &chart{low: low, high: max(high, low+1), most: max(most, 1), plotW: width - left - right, plotH: height - top - bottom}
	fmt.Fprintf(&c.b, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, width, height, html.EscapeString(label))
	return c
}

func (c *chart) x(v float64) float64 { return left + (v-c.low)/(c.high-c.low)*c.plotW }

func (c *chart) y(v float64) float64 { return top + c.plotH - v/c.most*c.plotH }

type tick struct {
	at   float64
	text string
}

func (c *chart) axes(nameX, nameY string, marksX, marksY []tick) {
	for _, t := range marksY {
		y := c.y(t.at)
		fmt.Fprintf(&c.b, `<line class="grid" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, left, y, width-right, y)
		fmt.Fprintf(&c.b, `<text class="mark" x="%.1f" y="%.1f" text-anchor="end">%s</text>`, left-8, y+4, html.EscapeString(t.text))
	}
	base := c.y(0)
	fmt.Fprintf(&c.b, `<line class="axis" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, left, base, width-right, base)
	for _, t := range marksX {
		x := c.x(t.at)
		fmt.Fprintf(&c.b, `<line class="axis" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, x, base, x, base+5)
		fmt.Fprintf(&c.b, `<text class="mark" x="%.1f" y="%.1f" text-anchor="middle">%s</text>`, x, base+19, html.EscapeString(t.text))
	}
	fmt.Fprintf(&c.b, `<text class="name" x="%.1f" y="%.1f" text-anchor="middle">%s</text>`, left+c.plotW/2, height-6, html.EscapeString(nameX))
	fmt.Fprintf(&c.b, `<text class="name" transform="translate(13 %.1f) rotate(-90)" text-anchor="middle">%s</text>`, top+c.plotH/2, html.EscapeString(nameY))
}

// bar draws a vertical bar between two values of the horizontal axis.
func (c *chart) bar(class string, from, to, value float64, title string) {
	x, gap := c.x(from), 1.0
	fmt.Fprintf(&c.b, `<rect class="%s" x="%.2f" y="%.2f" width="%.2f" height="%.2f"><title>%s</title></rect>`,
		class, x+gap/2, c.y(value), max(c.x(to)-x-gap, 0.5), c.y(0)-c.y(value), html.EscapeString(title))
}

// line draws a vertical line with a text in the given row.
func (c *chart) line(class string, at float64, row int, text string) {
	x, y := c.x(at), top+12+float64(row)*16
	anchor, dx := "start", 5.0
	if x > left+c.plotW*0.7 {
		anchor, dx = "end", -5.0
	}
	fmt.Fprintf(&c.b, `<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, class, x, top, x, c.y(0))
	fmt.Fprintf(&c.b, `<text class="note" x="%.1f" y="%.1f" text-anchor="%s">%s</text>`, x+dx, y, anchor, html.EscapeString(text))
}

type point struct{ x, y float64 }

// path is a line through points as SVG path data.
func (c *chart) path(points []point) string {
	var parts []string
	for _, p := range points {
		parts = append(parts, fmt.Sprintf("%.2f %.2f", c.x(p.x), c.y(p.y)))
	}
	return "M" + strings.Join(parts, "L")
}

// area fills the space between two lines.
func (c *chart) area(class, title string, upper, lower []point) {
	outline := slices.Clone(lower)
	slices.Reverse(outline)
	fmt.Fprintf(&c.b, `<path class="%s" d="%sZ"><title>%s</title></path>`, class, c.path(append(slices.Clip(upper), outline...)), html.EscapeString(title))
}

func (c *chart) curve(class string, points []point) {
	fmt.Fprintf(&c.b, `<path class="%s" d="%s"/>`, class, c.path(points))
}

func (c *chart) svg() template.HTML {
	c.b.WriteString("</svg>")
	return template.HTML(c.b.String()) // every text was escaped when it was written
}

// roundMarks returns four to ten marks at round numbers from zero, and the end
// of the axis.
func roundMarks(most float64, text func(float64) string) (marks []tick, end float64) {
	step := 1.0
	for i := 0; most/step > 8; i++ {
		step *= []float64{2, 2.5, 2}[i%3] // 1, 2, 5, 10 …
	}
	for at := 0.0; ; at += step {
		marks = append(marks, tick{at, text(at)})
		if at >= most {
			return marks, at
		}
	}
}
