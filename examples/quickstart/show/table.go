package show

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Row is a line of the table: what became of one patch on one asset. What does not apply is empty.
type Row struct {
	Asset, Patch string
	From, To     string
	Result       string
	Code         string
	Reason, Rule string
	Unlike       string // what the rules say instead; empty: it came out as they say
}

// reasonWidth is where reasons are broken into lines, so that the table fits a wide terminal.
const reasonWidth = 44

// Table prints the rows under a heading. One that is not as the rules say is marked, with what they say.
func Table(out io.Writer, rows []Row) error {
	lines := [][]string{{"", "ASSET", "PATCH", "FROM → TO", "RESULT", "CODE", "REASON", "RULE"}}
	for i, r := range rows {
		mark := "✓"
		if r.Unlike != "" {
			mark = "✗"
		}
		asset := r.Asset
		if i > 0 && rows[i-1].Asset == asset {
			asset = ""
		}
		reason := wrap(r.Reason, reasonWidth)
		if r.Unlike != "" {
			reason = append(reason, wrap("The rules say: "+r.Unlike, reasonWidth)...)
		}
		lines = append(lines, []string{mark, asset, r.Patch, change(r.From, r.To), r.Result, r.Code, reason[0], r.Rule})
		for _, more := range reason[1:] {
			lines = append(lines, []string{"", "", "", "", "", "", more, ""})
		}
	}
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, line := range lines {
		var text strings.Builder
		for i, cell := range line {
			text.WriteString(cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
		}
		b.WriteString(strings.TrimRight(text.String(), " ") + "\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func change(from, to string) string {
	switch {
	case from == "" && to == "":
		return ""
	case from == "":
		return "– → " + to
	}
	return fmt.Sprintf("%s → %s", from, to)
}

// wrap breaks a text into lines of at most width characters, at spaces. There is at least one line.
func wrap(text string, width int) []string {
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case utf8.RuneCountInString(*last)+1+utf8.RuneCountInString(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}
