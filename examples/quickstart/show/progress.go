package show

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Steps is how many steps a bar has, the last one being the end.
const Steps = 5

// Progress shows one bar an asset on a terminal, and plain lines elsewhere. It is safe for concurrent use.
type Progress struct {
	out    io.Writer
	bars   *mpb.Progress // nil: plain lines
	lock   sync.Mutex
	assets map[string]*asset
}

type asset struct {
	bar  *mpb.Bar // nil: plain lines
	text string
}

// Terminal reports whether bars can be drawn on f.
func Terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// NewProgress begins to show the assets, as bars if the output is a terminal.
func NewProgress(out io.Writer, terminal bool, names []string) *Progress {
	p := &Progress{out: out, assets: map[string]*asset{}}
	if terminal {
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
	return a.text
}

// Step says that an asset is at a step, 0 to Steps, in words. The same words again say nothing.
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

// Say prints a line, above the bars.
func (p *Progress) Say(format string, args ...any) {
	line := strings.TrimRight(fmt.Sprintf(format, args...), "\n") + "\n"
	if p.bars != nil {
		if _, err := p.bars.Write([]byte(line)); err == nil {
			return
		}
	}
	p.lock.Lock()
	defer p.lock.Unlock()
	fmt.Fprint(p.out, line)
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
