// Package show prints what the quickstart does: how far each asset is, and at
// the end a table of the results.
package show

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/cwriter"
	"github.com/vbauerster/mpb/v8/decor"
)

// Row is the result of one patch on one asset. What does not apply is empty.
type Row struct {
	Asset, Patch string
	From, To     string
	Result       string
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
	var table, b strings.Builder
	columns := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columns, " \tASSET\tPATCH\tFROM → TO\tRESULT\tRULE")
	for i, r := range rows {
		asset, change := r.Asset, ""
		if i > 0 && rows[i-1].Asset == asset {
			asset = ""
		}
		if r.To != "" {
			change = cmp.Or(r.From, "–") + " → " + r.To
		}
		fmt.Fprintln(columns, strings.Join([]string{r.mark(), asset, r.Patch, change, r.Result, r.Rule}, "\t"))
	}
	if err := columns.Flush(); err != nil {
		return err
	}
	for i, line := range strings.Split(strings.TrimSuffix(table.String(), "\n"), "\n") {
		parts := s.fit(strings.TrimRight(line, " "))
		if i > 0 {
			r := rows[i-1]
			for n, part := range parts {
				parts[n] = s.colour(part, r.mark(), r.Result)
			}
			parts = append(parts, s.fit(indent+r.Reason)...)
			if r.Unlike != "" {
				parts = append(parts, s.fit(indent+"The rules say: "+r.Unlike)...)
			}
		}
		b.WriteString(strings.Join(parts, "\n") + "\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func (r Row) mark() string {
	if r.Unlike != "" {
		return "✗"
	}
	return "✓"
}

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
func (s Screen) fit(text string) []string {
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
		for _, part := range s.fit(strings.TrimSuffix(line, "\n")) {
			fmt.Fprintln(out, part)
		}
	}
}

// Steps is how many steps a bar has; the last one is the end.
const Steps = 5

// Screen is what the output can show.
type Screen struct {
	Width    int  // in characters
	Terminal bool // bars can be drawn on it
	Colour   bool
}

// ScreenOf returns what out can show. What is not a terminal is 80 characters
// wide. NO_COLOR turns the colours off.
func ScreenOf(out io.Writer) Screen {
	f, is := out.(*os.File)
	if !is || !cwriter.IsTerminal(int(f.Fd())) {
		return Screen{Width: 80}
	}
	width, _, err := cwriter.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		width = 80
	}
	// An old console of Windows shows colours as letters.
	ansi := os.Getenv("TERM") != "dumb" && (runtime.GOOS != "windows" || os.Getenv("WT_SESSION") != "")
	return Screen{Width: width, Terminal: true, Colour: ansi && os.Getenv("NO_COLOR") == ""}
}

// Progress shows one bar per asset on a terminal, and plain lines elsewhere. It
// is safe for concurrent use.
type Progress struct {
	out    io.Writer
	screen Screen
	bars   *mpb.Progress // nil: plain lines
	lock   sync.Mutex
	assets map[string]*asset
}

type asset struct {
	bar  *mpb.Bar // nil: plain lines
	text string
}

// NewProgress begins to show the assets.
func NewProgress(out io.Writer, screen Screen, names []string) *Progress {
	p := &Progress{out: out, screen: screen, assets: map[string]*asset{}}
	if screen.Terminal {
		p.bars = mpb.New(mpb.WithOutput(out), mpb.WithWidth(24), mpb.WithAutoRefresh())
	}
	for _, name := range names {
		a := &asset{}
		p.assets[name] = a
		if p.bars != nil {
			a.bar = p.bars.AddBar(Steps,
				mpb.PrependDecorators(decor.Name(name, decor.WCSyncSpaceR)),
				mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return p.text(a) }, decor.WCSyncSpaceR)))
		}
	}
	return p
}

func (p *Progress) text(a *asset) string {
	p.lock.Lock()
	defer p.lock.Unlock()
	return p.screen.colour(a.text, a.text)
}

// Step shows that an asset is at a step, 0 to Steps, and what it does there.
// The same text again changes nothing.
func (p *Progress) Step(name string, step int, text string) {
	p.lock.Lock()
	a := p.assets[name]
	news := a != nil && a.text != text
	if news {
		a.text = text
		if p.bars == nil {
			fmt.Fprintf(p.out, "  %-14s %s\n", name, text)
		}
	}
	p.lock.Unlock() // the bars ask for the text when they draw
	if news && p.bars != nil {
		a.bar.SetCurrent(int64(min(step, Steps)))
	}
}

// Say prints a text in lines that fit the screen, above the bars.
func (p *Progress) Say(format string, args ...any) {
	text := strings.Join(p.screen.fit(fmt.Sprintf(format, args...)), "\n") + "\n"
	if p.bars != nil {
		if _, err := p.bars.Write([]byte(text)); err == nil {
			return
		}
	}
	p.lock.Lock()
	defer p.lock.Unlock()
	fmt.Fprint(p.out, text)
}

// Close leaves the bars as they are; nothing is drawn afterwards.
func (p *Progress) Close() {
	if p.bars == nil {
		return
	}
	for _, a := range p.assets {
		a.bar.Abort(false)
	}
	p.bars.Wait()
}
