package show

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Row is the result of one patch on one asset. What does not apply is empty.
type Row struct {
	Asset, Patch string
	From, To     string
	Result       string
	Code         string
	Reason, Rule string
	Unlike       string // what was expected and what happened instead; empty: it came out as expected
}

// minWidth is the narrowest that a table is made for.
const minWidth = 24

// indent is the margin of what follows a row's first line.
const indent = "   "

// Table prints the rows under a heading, each with its reason below it, in
// lines that fit the screen. One that did not come out as expected is marked,
// and says what was expected.
func Table(out io.Writer, s Screen, rows []Row) error {
	cells := [][]string{{" ", "ASSET", "PATCH", "FROM → TO", "RESULT", "RULE"}}
	for i, r := range rows {
		mark, asset, change := "✓", r.Asset, r.To
		if r.Unlike != "" {
			mark = "✗"
		}
		if i > 0 && rows[i-1].Asset == asset {
			asset = ""
		}
		if r.To != "" {
			change = orDash(r.From) + " → " + r.To
		}
		cells = append(cells, []string{mark, asset, r.Patch, change, r.Result, r.Rule})
	}
	widths := make([]int, len(cells[0]))
	for _, line := range cells {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for i, line := range cells {
		var text strings.Builder
		for i, cell := range line {
			text.WriteString(cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
		}
		for _, part := range s.fit(strings.TrimRight(text.String(), " "), indent) {
			if i > 0 {
				part = s.colour(part, line[0], line[4])
			}
			b.WriteString(part + "\n")
		}
		if i == 0 {
			continue
		}
		r := rows[i-1]
		if r.Code != "" {
			r.Reason = r.Code + ": " + r.Reason
		}
		for _, part := range s.fit(indent+r.Reason, indent) {
			b.WriteString(part + "\n")
		}
		if r.Unlike != "" {
			for _, part := range s.fit(indent+"The rules say: "+r.Unlike, indent) {
				b.WriteString(part + "\n")
			}
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func orDash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

// colour colours the mark and the result in a line of the table.
func (s Screen) colour(line string, words ...string) string {
	if !s.Colour {
		return line
	}
	for _, word := range words {
		code := "33" // yellow
		switch word {
		case "":
			continue
		case "✓", "Completed":
			code = "32" // green
		case "✗", "Failed":
			code = "31" // red
		}
		line = strings.Replace(line, word, "\x1b["+code+"m"+word+"\x1b[0m", 1)
	}
	return line
}

// fit returns a text that fits as it is, and otherwise breaks it at its spaces,
// and words that are longer than a line too. Every line but the first is
// indented.
func (s Screen) fit(text, indent string) []string {
	width := max(s.Width, minWidth)
	if utf8.RuneCountInString(text) <= width {
		return []string{text}
	}
	margin := text[:len(text)-len(strings.TrimLeft(text, " "))]
	var lines []string
	line := margin
	for _, word := range strings.Fields(text) {
		for word != "" {
			gap := " "
			if strings.TrimSpace(line) == "" {
				gap = ""
			}
			space := width - utf8.RuneCountInString(line+gap)
			if runes := []rune(word); len(runes) <= space {
				line, word = line+gap+word, ""
			} else if gap == "" {
				line, word = line+string(runes[:space]), string(runes[space:])
			} else {
				lines, line = append(lines, line), indent
			}
		}
	}
	return append(lines, line)
}

// Text prints a text in lines that fit the screen.
func Text(out io.Writer, s Screen, format string, args ...any) {
	for line := range strings.Lines(fmt.Sprintf(format, args...)) {
		for _, part := range s.fit(strings.TrimSuffix(line, "\n"), indent) {
			fmt.Fprintln(out, part)
		}
	}
}
