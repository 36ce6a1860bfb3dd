package report

import (
	"fmt"
	"io"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// progress shows how many agents are done: a bar on a terminal, otherwise a line for every tenth.
type progress struct {
	out   io.Writer
	total int
	shown int // tenths
	bars  *mpb.Progress
	bar   *mpb.Bar // nil: lines
}

func newProgress(out io.Writer, terminal bool, total int) *progress {
	p := &progress{out: out, total: total}
	if terminal {
		p.bars = mpb.New(mpb.WithOutput(out), mpb.WithWidth(40), mpb.WithAutoRefresh())
		p.bar = p.bars.AddBar(int64(total),
			mpb.PrependDecorators(decor.Name("agents "), decor.CountersNoUnit("%d of %d")),
			mpb.AppendDecorators(decor.Percentage(), decor.Name("  left "), decor.AverageETA(decor.ET_STYLE_GO)))
	}
	return p
}

// done reports the number. One goroutine calls it at a time.
func (p *progress) done(n int) {
	if p.bar != nil {
		p.bar.SetCurrent(int64(n))
		return
	}
	if tenth := n * 10 / p.total; tenth > p.shown {
		p.shown = tenth
		fmt.Fprintf(p.out, "%3d %%  %s of %s agents\n", tenth*10, count(n), count(p.total))
	}
}

func (p *progress) end() {
	if p.bar != nil {
		p.bar.Abort(false) // after a failure; a full bar ignores it
		p.bars.Wait()
	}
}
