package show

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/cwriter"
	"github.com/vbauerster/mpb/v8/decor"
)

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
	text := strings.Join(p.screen.fit(fmt.Sprintf(format, args...), indent), "\n") + "\n"
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
